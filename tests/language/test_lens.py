"""The residual stream, the logit lens, knockouts and swaps, on a small Llama."""

import numpy as np
import pytest

from nncourse.language.lens import logit_lens, residual_stream
from nncourse.language.llama import Llama, weight_shapes
from nncourse.layers.panels import Panels
from nncourse.scale.architectures import Architecture

IDS = [3, 1, 4, 1, 5, 9]


@pytest.fixture(scope="module")
def parts():
    a = Architecture.llama(
        layers=3, dim=16, heads=4, kv_heads=2, hidden=24, vocabulary=20, context=32
    )
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(scale=0.5, size=shape) for n, shape in weight_shapes(a).items()}
    return a, weights


@pytest.fixture(scope="module")
def model(parts):
    return Llama(*parts)


def test_the_last_row_through_the_lens_is_the_model(model):
    stream = residual_stream(model, IDS)
    assert stream.shape == (4, 6, 16)
    np.testing.assert_allclose(
        logit_lens(model, stream[-1]), model.logits(IDS), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(stream[0], model.output[:, IDS].T)
    assert logit_lens(model, stream).shape == (4, 6, 20)


@pytest.mark.parametrize(
    ("kind", "names"), [("attention", ["attn_output"]), ("network", ["ffn_down"])]
)
def test_a_knockout_everywhere_is_a_model_with_a_zero_matrix(model, parts, kind, names):
    a, weights = parts
    zero = {f"blk.1.{name}.weight": 0 * weights[f"blk.1.{name}.weight"] for name in names}
    expected = Llama(a, weights | zero).logits(IDS)
    stream = residual_stream(model, IDS, **{kind: [(1, None)]})
    np.testing.assert_allclose(logit_lens(model, stream[-1]), expected, rtol=1e-4, atol=1e-4)


def test_a_head_that_is_left_out_is_columns_of_zeros(model, parts):
    a, weights = parts
    matrix = weights["blk.2.attn_output.weight"].copy()
    matrix[:, 4:8] = 0  # (outputs, inputs): head 1 of four features
    expected = Llama(a, weights | {"blk.2.attn_output.weight": matrix}).logits(IDS)
    stream = residual_stream(model, IDS, heads=[(2, 1)])
    np.testing.assert_allclose(logit_lens(model, stream[-1]), expected, rtol=1e-4, atol=1e-4)
    plain = residual_stream(model, IDS)[-1]
    np.testing.assert_allclose(logit_lens(model, plain), model.logits(IDS), rtol=1e-4, atol=1e-4)


def test_a_head_is_left_out_of_panels_too():
    sizes = {"layers": 1, "dim": 32, "heads": 4, "kv_heads": 2, "hidden": 32}
    a = Architecture.llama(vocabulary=20, context=8, **sizes)
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(scale=0.5, size=shape) for n, shape in weight_shapes(a).items()}
    model = Llama(a, weights)
    assert isinstance(model.blocks[0].attention_output, Panels)
    weights["blk.0.attn_output.weight"][:, 16:24] = 0  # head 2 of eight features
    stream = residual_stream(model, IDS, heads=[(0, 2)])
    expected = Llama(a, weights).logits(IDS)
    np.testing.assert_allclose(logit_lens(model, stream[-1]), expected, rtol=1e-4, atol=1e-4)


def test_a_knockout_at_one_position_changes_nothing_before_it(model):
    plain = residual_stream(model, IDS)
    without = residual_stream(model, IDS, network=[(1, 3)])
    np.testing.assert_array_equal(without[:2], plain[:2])
    np.testing.assert_array_equal(without[:, :3], plain[:, :3])
    assert np.abs(without[2, 3] - plain[2, 3]).max() > 0.01
    np.testing.assert_array_equal(without[2, 4:], plain[2, 4:])
    assert np.abs(without[3, 4:] - plain[3, 4:]).max() > 1e-4
    last = residual_stream(model, IDS, network=[(1, -1)])
    np.testing.assert_array_equal(last[:, :-1], plain[:, :-1])


def test_putting_every_vector_of_another_run_in_gives_that_run(model):
    other = residual_stream(model, [2, 7, 1, 8, 2, 8])
    for layer in range(4):
        replace = {(layer, position): other[layer, position] for position in range(6)}
        mixed = residual_stream(model, IDS, replace=replace)
        np.testing.assert_allclose(mixed[layer:], other[layer:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"attention": [(3, 0)]}, {"network": [(0, 6)]}, {"heads": [(0, 4)]}, {"heads": [(5, 0)]},
        {"replace": {(4, 0): np.zeros(16)}}, {"attention": [(0.5, 0)]},
        {"attention": [(-1, 0)]}, {"network": [(-1, None)]}, {"heads": [(-1, 0)]},
        {"heads": [(0, -1)]}, {"heads": [(0, 99)]},
        {"network": [(99, 0)]}, {"network": [(0, 99)]},
        {"heads": [(0, -99)]}, {"attention": [(0, -99)]},
        {"attention": [(-99, 0)]}, {"replace": {(-1, 0): np.zeros(16)}}, {"attention": [(0, -7)]},
    ],
)  # fmt: skip
def test_places_that_do_not_exist_are_refused(model, change):
    with pytest.raises(ValueError, match=r"is a whole number from -?\d to \d, got"):
        residual_stream(model, IDS, **change)


def test_ids_are_checked(model):
    with pytest.raises(ValueError, match="reads from 1 to 32"):
        residual_stream(model, [])
    with pytest.raises(ValueError, match="from 1 to 32 tokens, got 33"):
        residual_stream(model, [1] * 33)
    assert residual_stream(model, [1] * 32).shape == (4, 32, 16)


def test_positions_count_from_the_end(model):
    for first, same in ((0, -6), (5, -1)):
        a, b = (residual_stream(model, IDS, attention=[(0, at)]) for at in (first, same))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, residual_stream(model, IDS))

"""TransformerBlock, GPT and BERT: what they are made of, what they learn, what they refuse."""

import re
from inspect import signature
from math import erf, pi, sqrt, tanh

import numpy as np
import pytest

import nncourse as nn
from nncourse.language.llama import Llama
from nncourse.scale.architectures import BERT_BASE, GPT3


def ids(*shape, vocabulary=11, seed=0):
    return np.random.default_rng(seed).integers(0, vocabulary, shape)


def gpt(rng=0, **options):
    return nn.GPT(11, 8, 2, 2, context=6, rng=rng, **options)


def bert(rng=0, **options):
    return nn.BERT(11, 8, 2, 2, context=6, rng=rng, **options)


def size(model):
    return sum(p.value.size for p in model.parameters())


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_is_its_formula(norm_first):
    block = nn.TransformerBlock(8, 2, hidden=12, norm_first=norm_first, rng=0, dtype=float)
    x = np.random.default_rng(1).normal(size=(3, 5, 8))
    norms = [nn.LayerNorm(8, dtype=float) for _ in range(2)]
    first, second = block.network
    steps = block.attention, lambda h: second(nn.activations.gelu(first(h)))
    y = x
    for norm, step in zip(norms, steps, strict=True):
        y = y + step(norm(y)) if norm_first else norm(y + step(y))
    np.testing.assert_allclose(block(x), y, atol=1e-12)


def test_sizes_are_those_of_the_architecture():
    """V d for tokens, T d for positions; a block: 4 d² + 4 d, 8 d² + 5 d, and 4 d in two norms."""
    d, vocabulary, length, layers = 8, 11, 6, 2
    blocks = layers * (12 * d * d + 13 * d)
    assert size(gpt()) == vocabulary * d + length * d + blocks + 2 * d
    assert size(gpt(rotary=True)) == vocabulary * d + blocks + 2 * d
    assert size(bert()) == (vocabulary + length + 2) * d + 2 * d + blocks


def test_gpt_starts_near_chance():
    """Scores are about standard normal, so that exp(score) is e^(1/2) on average."""
    model, x = nn.GPT(50, 32, 4, 3, context=16, rng=0), ids(64, 16, vocabulary=50)
    loss, _ = nn.losses.softmax_cross_entropy(model(x), ids(64, 16, vocabulary=50, seed=1))
    assert abs(loss - (np.log(50) + 0.5)) < 0.15


def test_what_ends_a_branch_starts_smaller_by_the_root_of_their_number():
    """Radford et al. (2019), section 2.3: by 1 / sqrt(N), of N = 2 · 8 layers on the stream."""
    block = nn.GPT(9, 128, 2, 8, context=4, rng=0).blocks[3]
    ends = block.attention.output, block.network[1]
    plain = block.attention.query, block.network[0]
    for end, first in zip(ends, plain, strict=True):
        assert abs(4 * end.kernel.value.std() / first.kernel.value.std() - 1) < 0.05


@pytest.mark.parametrize("rotary", [False, True])
def test_gpt_does_not_see_the_future_and_bert_does(rotary):
    x = ids(3, 6)
    other = x.copy()
    other[:, 4] = (other[:, 4] + 1) % 11
    changed = (gpt(rotary=rotary)(x) != gpt(rotary=rotary)(other)).any(axis=(0, 2))
    np.testing.assert_array_equal(changed, [False] * 4 + [True] * 2)
    assert (bert()(x) != bert()(other)).any(axis=(0, 2)).all()


def test_gpt_learns_a_rule_and_goes_on_with_it():
    """Count upwards, modulo 11, from any start: 11 · 16 pairs that an average cannot predict."""
    x = (np.arange(11)[:, None] + np.arange(6)) % 11
    model = gpt()
    trainer = nn.Trainer(
        model, nn.losses.softmax_cross_entropy, nn.Adam(model.parameters(), learning_rate=0.01)
    )
    trainer.fit(x, (x + 1) % 11, epochs=150, batch_size=11, progress=False)
    assert model.generate([3], max_new_tokens=12) == [(4 + i) % 11 for i in range(12)]
    assert model.generate([3], max_new_tokens=12, stop=6) == [4, 5]


def test_bert_learns_from_both_sides():
    """A hidden token that equals the sum of its neighbors, modulo 11, needs both."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (256, 3))
    y = np.stack([x[:, 0], x[:, 0] + x[:, 2], x[:, 2]], axis=1)
    x[:, 1] = 10  # the token that hides
    model = nn.Sequential(bert(), nn.Dense(8, 11, rng=1))
    optimizer = nn.Adam(model.parameters(), learning_rate=0.01)
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, optimizer)
    trainer.fit(x, y, epochs=30, batch_size=32, progress=False)
    assert (trainer.predict(x).argmax(axis=-1) == y).mean() > 0.99


def test_segments_tell_texts_apart():
    x, model = ids(2, 6), bert()
    zeros = np.zeros_like(x)
    np.testing.assert_array_equal(model(x, segments=zeros), model(x))
    ones = zeros.copy()
    ones[:, 3:] = 1
    assert (model(x, segments=ones) != model(x)).any()
    grad = np.random.default_rng(1).normal(size=model(x, segments=ones).shape)
    model.backward(grad.astype(np.float32))  # reaches the sum of three vectors, so each of them
    first, second = model.segments.table.grad
    positions = model.positions.positions.grad
    np.testing.assert_allclose(first, positions[:3].sum(axis=0), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(second, positions[3:].sum(axis=0), rtol=1e-3, atol=1e-3)
    total = model.tokens.table.grad.sum(axis=0)
    np.testing.assert_allclose(total, first + second, rtol=1e-3, atol=1e-3)


def test_padding_does_not_reach_the_text():
    model, x = bert(dtype=float), ids(1, 6)
    mask = np.arange(6)[None] < 4
    other = x.copy()
    other[:, 4:] = 0
    np.testing.assert_array_equal(model(x, mask=mask)[:, :4], model(other, mask=mask)[:, :4])
    np.testing.assert_allclose(model(x, mask=mask)[:, :4], model(x[:, :4]), atol=1e-12)


def test_generate_draws_like_the_model_predicts():
    model, warm = gpt(), {"max_new_tokens": 1, "temperature": 1.0}
    again = [model.generate([1, 2], max_new_tokens=9, temperature=1.0, rng=5) for _ in range(2)]
    assert again[0] == again[1] and len(again[0]) == 9
    rng = np.random.default_rng(0)
    drawn = [model.generate([1, 2, 3], rng=rng, **warm)[-1] for _ in range(400)]
    p = nn.activations.softmax(model(np.array([[1, 2, 3]]))[0, -1].astype(float))
    share = np.bincount(drawn, minlength=11) / 400
    assert np.abs(share - p).max() < 4 * np.sqrt(0.25 / 400)
    assert model.generate(np.array([1, 2, 3]), max_new_tokens=1) == [int(p.argmax())]
    assert set(drawn) - set(np.argsort(-p)[:2]), "top_k=2 should have something to cut off"
    cut = {model.generate([1, 2, 3], top_k=2, rng=rng, **warm)[-1] for _ in range(50)}
    assert cut <= set(np.argsort(-p)[:2])


@pytest.mark.parametrize("rotary", [False, True])
def test_generate_goes_on_beyond_the_context_with_what_it_still_sees(rotary):
    model, ids = gpt(rotary=rotary), [1, 2, 3]
    for _ in range(9):
        ids.append(int(model(np.array([ids[-6:]]))[0, -1].argmax()))
    assert model.generate([1, 2, 3], max_new_tokens=9) == ids[3:]
    assert model.generate([9, 9, *ids[:8]], max_new_tokens=2) == ids[8:10]


def test_gpt_and_llama_generate_alike():
    options = [list(signature(cls.generate).parameters.values()) for cls in (nn.GPT, Llama)]
    assert options[0] == options[1][: len(options[0])]
    assert [p.name for p in options[0]][1:] == (
        ["ids", "max_new_tokens", "temperature", "top_k", "top_p", "stop", "rng"]
    )


@pytest.mark.parametrize("dtype", "u1 i1 u2 i2 u4 i4 u8 i8".split())
def test_ids_of_any_whole_type_give_the_same(dtype):
    """Integers have 32 bits by default on some machines, and data sets keep them in 8 or 16."""
    x = ids(2, 6)
    for model in gpt(), bert():
        grads = []
        for given in x, x.astype(dtype):
            y = model(given)
            model.backward(np.ones_like(y))
            grads.append((y, *(p.grad.copy() for p in model.parameters())))
            for p in model.parameters():
                p.zero_grad()
        for a, b in zip(*grads, strict=True):
            np.testing.assert_array_equal(a, b)
    assert gpt().generate(x[0].astype(dtype), max_new_tokens=3) == (
        gpt().generate(x[0].tolist(), max_new_tokens=3)
    )


@pytest.mark.parametrize("rotary", [False, True])
def test_gpt_pads_on_the_right(rotary):
    model, x = gpt(rotary=rotary, dtype=float), ids(2, 6)
    mask = np.arange(6) < [[4], [6]]
    np.testing.assert_allclose(model(x, mask=mask)[0, :4], model(x[:1, :4])[0], atol=1e-12)
    with pytest.raises(ValueError, match="reads from left to right: pad on the right"):
        model(x, mask=mask[:, ::-1])


def test_the_norms_have_the_constants_of_the_published_models():
    """1e-5: GPT-2's code and LayerNorm's default; 1e-12: BERT's code, layer_norm_eps."""
    assert {block.attention_norm.epsilon for block in gpt().blocks} == {1e-5}
    assert {block.network_norm.epsilon for block in gpt().blocks} == {1e-5}
    assert gpt().norm.epsilon == GPT3["Small"].epsilon == 1e-5
    model = bert()
    norms = [model.norm, *(n for b in model.blocks for n in (b.attention_norm, b.network_norm))]
    assert {norm.epsilon for norm in norms} == {1e-12} == {BERT_BASE.epsilon}


def test_activations_are_those_of_the_published_models():
    """GPT-2 takes GELU's approximation by tanh, BERT the exact one."""
    phi = 0.5 * (1 + erf(1 / sqrt(2)))  # the exact one at 1
    approximate = 0.5 * (1 + tanh(sqrt(2 / pi) * 1.044715))
    for model, expected in (gpt(), approximate), (bert(), phi):
        second = model.blocks[0].layers[1 if model.__class__ is nn.GPT else 2]
        (gelu,) = [layer for layer in second.layers if isinstance(layer, nn.GELU)]
        assert abs(gelu(np.array([1.0]))[0] - expected) < 1e-12


def test_an_adapted_block_still_says_what_it_is():
    block = nn.TransformerBlock(8, 2, hidden=12, rng=0)
    before = repr(block)
    nn.layers.lora.add_lora(block, 2)
    assert repr(block) == before == "TransformerBlock(8, heads=2, hidden=12)"


def test_models_are_saved_and_loaded(tmp_path):
    for make, x in ((gpt, ids(2, 6)), (bert, ids(2, 6))):
        nn.save(make(0), tmp_path / "model.npz")
        again = nn.load(make(1), tmp_path / "model.npz")
        np.testing.assert_array_equal(again(x), make(0)(x))


MISTAKES = {
    "one text": (lambda: gpt()(ids(6)), "(batch, time), got (6,). One text? Make it a batch"),
    "too long": (lambda: gpt()(ids(1, 7)), "reads at most 6 tokens, got 7"),
    "too long, rotary": (lambda: gpt(rotary=True)(ids(1, 7)), "reads at most 6 tokens, got 7"),
    "id": (lambda: bert()(np.array([[11]])), "from 0 to 10, got 11 to 11"),
    "scores": (lambda: bert()(np.zeros((1, 3))), "expects whole numbers"),
    "segments": (lambda: bert()(ids(1, 3), segments=[0, 1, 1]), "(1, 3), got (3,)"),
    "segment": (lambda: bert()(ids(1, 2), segments=[[0, 2]]), "from 0 to 1, got 0 to 2"),
    "no prompt": (lambda: gpt().generate([], max_new_tokens=3), "at least one id to go on from"),
    "a text": (
        lambda: gpt().generate("hello", max_new_tokens=3),
        "got 'hello'. A text goes through a tokenizer",
    ),
    "prompt": (
        lambda: gpt().generate([1, 11], max_new_tokens=3),
        "in 0 ... 10, got 11 at position 1",
    ),
    "no tokens": (lambda: gpt().generate([1], max_new_tokens=0), "of at least 1, got 0"),
    "part of a token": (lambda: gpt().generate([1], max_new_tokens=2.5), "least 1, got 2.5"),
    "stop": (lambda: gpt().generate([1], max_new_tokens=2, stop=11), "in 0 ... 10, got 11"),
    "no layers": (lambda: nn.GPT(11, 8, 2, 0, context=6), "layers=0, context=6"),
    "heads": (lambda: nn.BERT(11, 8, 3, 1, context=6), "divides dim, got dim=8, heads=3"),
}


@pytest.mark.parametrize(("call", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_explained(call, words):
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        call()


@pytest.mark.parametrize("first", [True, False])
def test_a_block_names_the_parts_that_it_uses(first):
    block = nn.TransformerBlock(4, 2, norm_first=first, rng=0)
    parts = [p for layer in block for p in (layer if isinstance(layer, nn.Residual) else [layer])]
    norms = [p for p in parts if isinstance(p, nn.LayerNorm)]
    assert block.attention_norm is norms[0] and block.network_norm is norms[1]
    assert block.attention in parts and block.hidden == 16
    assert tuple(p for p in parts if isinstance(p, nn.Dense)) == block.network

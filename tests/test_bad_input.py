"""Wrong calls of what is called seldom: each error says what was expected, and what came."""

import dataclasses
import pkgutil
from importlib import import_module

import numpy as np
import pytest

import nncourse as nn
from nncourse import cards, cloud, counting, drift, fairness, panels, quantization, scaling
from nncourse.scale.architectures import Architecture

CARD = dict.fromkeys(cards.SECTIONS, "To be said.")
MATRIX, PHOTO, LAW = np.ones((3, 32)), np.ones((4, 5, 3)), scaling.HOFFMANN
LINE = scaling.fit_power_law([1, 2, 3, 4], [1, 2, 3, 4])
UTILIZED = {"devices": 1, "peak_flops_per_second": 1}
POWERED = {"devices": 1, "watts_per_device": 300}


@pytest.fixture(scope="module")
def network():
    return nn.efficientnet.EfficientNet(rng="zeros")


CALLS = {
    "runs": (lambda: nn.datasets.load_runs(8), r"no runs 8; try one of 03_"),
    "panels of a list": (lambda: panels.Panels([[1, 2]]), r"32 columns, got \(1, 2\)"),
    "no matrices": (lambda: panels.laid_out([]), r"list of matrices .*got the shapes \[\]"),
    "a row": (lambda: panels.laid_out([np.ones(32)]), r"\(inputs, units\), got .*\(32,\)"),
    "a row by panels": (lambda: np.ones(3) @ panels.Panels(MATRIX), r"\(rows, 3\), got \(3,\)"),
    "too wide": (lambda: np.ones((2, 4)) @ panels.Panels(MATRIX), r"\(rows, 3\), got \(2, 4\)"),
    "a file's name": (lambda: cloud.pack("model.onnx"), r"bytes that .*, got str.*read_bytes"),
    "a model": (lambda: cloud.pack(nn.Dense(2, 1)), r"to_onnx\(model, shape\) returns, got Dense"),
    "upload": (lambda: cloud.upload("b", "e", "model.onnx"), "bytes that .*, got str"),
    "bytes as data": (
        lambda: cloud.deploy("e", "v", b"data", image="i", role="r"), "s3://bucket/key, got b'data'"
    ),
    "a word": (lambda: cloud.invoke("digits", "seven"), "expected numbers, got <U5"),
    "no bins": (lambda: drift.population_stability(range(9), [1], 0), "positive bins, got 0"),
    "one bin": (lambda: drift.population_stability(range(9), [1], 1), "two bins or more, got 1"),
    "half a bin": (lambda: drift.population_stability(range(9), [1], 2.5), "bins, got 2.5"),
    "a high threshold": (
        lambda: drift.Cusum(range(20), threshold="high"), "positive number, got 'high'"
    ),
    "two requests": (lambda: drift.Cusum(range(20)).update([1, 2]), "one request, got 2. Several"),
    "no allowance": (lambda: drift.false_alarm_interval(0, 5), "positive number, got 0"),
    "below zero": (lambda: drift.false_alarm_interval(-0.5, 5), "positive number, got -0.5"),
    "a name": (lambda: drift.false_alarm_interval("a", 5), "positive number, got 'a'"),
    "three of two": (lambda: fairness.Rate(3, 2), "from 0 to the whole, 2, got 3"),
    "less than none": (lambda: fairness.Rate(-1, 2), "from 0 to the whole, 2, got -1"),
    "a part in words": (lambda: fairness.Rate("3", 4), "from 0 to the whole, 4, got '3'"),
    "a whole below 0": (lambda: fairness.Rate(0, -4), "a count, 0 or more, got -4"),
    "no rate": (lambda: fairness.rate_difference(fairness.Rate(1, 2), 0.4), "two rates, .*got 0.4"),
    "all good": (lambda: fairness.implied_false_positives(1, 0.5, 0.5), "base is .* 1, got 1"),
    "percent": (lambda: fairness.implied_false_positives(50, 0.5, 0.5), "to below 1, got 50"),
    "no precision": (lambda: fairness.implied_false_positives(0.5, 0, 0.5), "above 0 to 1, got 0"),
    "more than all": (lambda: fairness.implied_false_positives(0.5, 0.8, 1.5), "0 to 1, .*got 1.5"),
    "recall": (lambda: fairness.implied_false_positives(0.5, 0.8, 60), "not a percentage, got 60"),
    "outcomes": (lambda: fairness.threshold_for([1, 2], ["n", "y"], 0.5), r"0 or 1 .*'n' 'y'"),
    "halves": (lambda: fairness.threshold_for([1, 2], [0.5, 1], 0.5), r"0 or 1 .*\[0.5 1. \]"),
    "nobody": (lambda: fairness.threshold_for([1, 2], [0, 0], 0.5), "outcome is 1, got 2 times 0"),
    "a rate in words": (lambda: fairness.threshold_for([1], [1], "0.5"), "percentage, got '0.5'"),
    "one text": (lambda: cards.model_card("t", "all"), "a dict from .*, got str.*Intended use"),
    "rows of numbers": (lambda: cards.model_card("t", CARD | {"Results": [1, 2]}), r"got \[1, 2\]"),
    "rows that differ": (
        lambda: cards.model_card("t", CARD | {"Results": [{"a": 1}, {"b": 2}]}), "same keys, got"
    ),
    "a number": (lambda: cards.model_card("t", CARD | {"Results": 3.4}), "a text, .*got 3.4"),
    "an array": (
        lambda: cards.model_card("t", CARD | {"Results": np.ones(2)}), r"a text, .*got array\("
    ),
    "no energy": (lambda: cards.energy(float("nan")), "cpu_seconds .*not negative, got nan"),
    "watts": (lambda: cards.energy(1, watts=-1), "watts .*not negative, got -1"),
    "seconds in words": (lambda: cards.energy("long"), "not negative, got 'long'"),
    "a model's name": (lambda: counting.count_parameters("GPT-3"), "Architecture.*got 'GPT-3'"),
    "its size": (lambda: counting.forward_flops(175e9, 5), "Architecture.*got 175000000000.0"),
    "another size": (lambda: counting.activation_bytes(1e9, 1, 10), "Architecture.*GPT3"),
    "a cache of one": (lambda: counting.kv_cache_bytes(7e9, 10), "Architecture.*got 7000000000.0"),
    "half of it": (
        lambda: counting.run_seconds(1, **UTILIZED, utilization="half"), "number, got 'half'"
    ),
    "a building": (lambda: counting.run_energy(1, **POWERED, overhead="1.1"), "number, got '1.1'"),
    "layers": (
        lambda: Architecture(layers=2.0, dim=12, heads=3, vocabulary=5), "whole .*, got 2.0"
    ),
    "E in words": (
        lambda: scaling.LossLaw(E="1", A=1, B=1, alpha=1, beta=1), "E is a positive number, got '1'"
    ),
    "no parameters": (lambda: LAW(0, 100), "positive numbers, got 0.0 parameters"),
    "less than none of them": (lambda: LAW(-5.0, 100.0), "positive numbers, got -5.0 parameters"),
    "parameters in words": (lambda: LAW("70B", 1e9), "numbers, got <U3"),
    "flops in words": (lambda: LAW.optimum("1e23"), "flops is a positive number, got '1e23'"),
    "a rule": (lambda: scaling.tokens_per_parameter_rule("many"), "positive number, got 'many'"),
    "points": (lambda: scaling.fit_power_law(["a", "b", "c"], [1, 2, 3]), "numbers, got <U1"),
    "a zero": (lambda: scaling.fit_power_law([1, 2, 3], [0, 1, 2]), "y of 0.0. Leave"),
    "left of zero": (lambda: LINE(-1), "positive x, got -1"),
    "letters": (lambda: quantization.quantize("abc", "Q8_0"), "expected numbers, got <U3"),
    "one number": (lambda: nn.distributed.train(kill=3), r"a pair \(worker, step\) .*got 3"),
    "a fast rate": (lambda: nn.distributed.train(learning_rate="fast"), "a number > 0, got 'fast'"),
    "a long time": (lambda: nn.distributed.train(timeout="long"), "seconds > 0, got 'long'"),
    "half of a photo": (lambda: nn.pictures.crop_center(PHOTO, "half"), "<= 1, got 'half'"),
    "a line": (lambda: nn.pictures.crop_center(np.ones(4)), r"width, …\), got shape \(4,\)"),
    "one side": (lambda: nn.pictures.resize(PHOTO, 5), r"pair of .*\(224, 224\), got 5"),
    "half a pixel": (lambda: nn.pictures.resize(PHOTO, (2.5, 5)), r"whole .*got \(2.5, 5\)"),
    "gray": (lambda: nn.pictures.resize(PHOTO[..., 0], (2, 2)), r"got \(4, 5\). Gray\? picture\["),
    "an open file": (lambda: nn.checkpoint.read_checkpoint(5), "os.PathLike object, not int"),
    "depth in words": (lambda: nn.convnets.plain_net("8", 4), "whole, even depth .*got '8'"),
    "a fraction deep": (lambda: nn.convnets.residual_net(8.0, 4), "whole, even depth .*got 8.0"),
    "ones": (lambda: nn.efficientnet.EfficientNet(rng="ones"), "\"zeros\", got 'ones'"),
    "nothing wide": (lambda: nn.efficientnet.inverted_residual(4, 4, 3, expand=0), "expand, got 0"),
    "another model": (lambda: nn.efficientnet.fill(nn.Dense(2, 3), {}), "EfficientNet .*got Dense"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_says_what_was_expected_and_what_came(name):
    call, words = CALLS[name]
    with pytest.raises((ValueError, TypeError), match=words):
        call()


WITH_A_NETWORK = {
    "nothing to fill it with": (lambda n: nn.efficientnet.fill(n, {}), "_conv_stem.weight.* got 0"),
    "two and a half names": (lambda n: n.predict(PHOTO, top=2.5), "top <= 1000, got 2.5"),
    "a size in words": (lambda n: n.predict(PHOTO, size="224"), r"whole .*got \('224', '224'\)"),
}


@pytest.mark.parametrize("name", WITH_A_NETWORK)
def test_a_network_says_it_as_well(name, network):
    call, words = WITH_A_NETWORK[name]
    with pytest.raises((ValueError, KeyError), match=words):
        call(network)


def test_what_looks_wrong_and_is_not():
    assert drift.false_alarm_interval(0.5, 1e6) == float("inf")
    assert fairness.implied_false_positives(0.9, 0.5, 0.9) > 1  # cannot be had: the docstring says
    assert fairness.Rate(np.uint8(200), np.uint8(250)).value == 0.8


def test_no_result_can_be_changed_by_mistake():
    """Whatever has the form of a record takes no new value, and no new name."""
    names = [m.name for m in pkgutil.walk_packages(nn.__path__, "nncourse.")]
    kept = [n for n in names if not n.startswith(("nncourse.classroom", "nncourse.exercises"))]
    records = {
        value
        for module in map(import_module, kept)
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    }
    assert {fairness.Rate, scaling.LossLaw, nn.datasets.Score, Architecture} < records
    for record in records:
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.__new__(record).anything = 0

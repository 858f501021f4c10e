"""Nothing grows faster than it must: memory, and the number of calls, when a size is doubled.

Time is measured by `make bench`; here is what does not depend on the machine's mood.
"""

import importlib.util
import sys
from math import log2
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "_sweeps.py"
spec = importlib.util.spec_from_file_location("sweeps_of_the_benchmark", PATH)
sweeps = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = sweeps
spec.loader.exec_module(sweeps)


def increase(costs):
    """The exponent of what is added when a size is doubled twice: constant parts drop out."""
    first, second, third = costs
    return log2((third - second) / (second - first))


def calls(step):
    """Count the calls of one step, of Python's functions and of C's."""
    step()
    count = [0]

    def see(frame, event, argument):
        count[0] += event in {"call", "c_call"}

    sys.setprofile(see)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count[0]


each_sweep = pytest.mark.parametrize(
    "sweep", sweeps.SWEEPS, ids=[f"{s.network}, {s.grows}" for s in sweeps.SWEEPS]
)


@each_sweep
def test_memory_grows_as_it_must_and_no_faster(sweep):
    peaks = [sweeps.peak_bytes(sweep.make, size) for size in sweep.sizes[-3:]]
    assert round(increase(peaks)) == sweep.memory


@each_sweep
def test_what_python_itself_does_grows_at_most_in_proportion(sweep):
    first, _, fourfold = (calls(sweep.make(size)) for size in sweep.sizes[:3])
    assert fourfold <= 4.2 * first


@each_sweep
def test_the_operations_that_are_counted_grow_as_the_limit_says(sweep):
    far = [sweep.sizes[-1] * 2**n for n in (8, 9, 10)]
    assert increase([sweep.count(size) for size in far]) == pytest.approx(sweep.time, abs=0.1)


def test_attention_alone_grows_with_the_square_of_a_length():
    widths = {"width", "units", "filters", "side of the image"}
    squares = {s.network for s in sweeps.SWEEPS if 2 in (s.time, s.memory)
               and s.grows not in widths}  # fmt: skip
    assert squares == {"GPT", "Llama, a prompt"}

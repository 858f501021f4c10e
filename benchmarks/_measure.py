"""Timing side by side: all contenders in turn, many rounds, one thread, one run.

With ``--save`` on the command line, what a script prints is also kept in ``results/``, from where
the book takes it; ``--save=FOLDER`` keeps it elsewhere.
"""

import datetime
import json
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)  # TensorFlow with its own fast kernels


def pin_to_one_core():
    """Keep this process on one core, so that a thread too many cannot help anybody."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


FASTEST = {}  # the layout found for two shapes


def best_product(a, b, *, rounds=21):
    """Return a function that computes ``a @ b`` in the memory layout that is fastest here.

    Each factor and the result lie row by row ("C") or column by column ("F"): eight layouts of the
    same product, timed in turn once for each pair of shapes, and written into an array that is
    there already. Bringing the factors into that layout is not counted: this is a floor.
    ``function.layout`` names it: "FCF" is ``np.matmul(b.T, a.T)`` with ``a.T`` contiguous.
    """
    import numpy as np  # only now: it reads the number of threads when it is imported

    def orders(array):
        columns = np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)
        return {"C": np.ascontiguousarray(array), "F": columns}

    lefts, rights, results = orders(a), orders(b), orders(a @ b)

    def in_layout(left, right, result):
        x, y, out = lefts[left], rights[right], results[result]
        if result == "F":  # the same product, transposed: then the result's rows are its columns
            x, y, out = (array.swapaxes(-1, -2) for array in (y, x, out))
        return lambda: np.matmul(x, y, out=out)

    shapes = a.shape, b.shape, a.dtype
    if shapes not in FASTEST:
        ways = {in_layout(*layout): layout for layout in product("CF", repeat=3)}
        FASTEST[shapes] = ways[fastest(*ways, rounds=rounds)]
    run = in_layout(*FASTEST[shapes])
    run.layout = "".join(FASTEST[shapes])
    return run


def fastest(*runs, rounds=21):
    """Return the function that takes the shortest time: of several ways to make one product."""
    best, count = dict.fromkeys(runs, float("inf")), 1
    for _ in range(rounds):
        for run in runs:
            start = time.perf_counter()
            for _ in range(count):
                run()
            best[run] = min(best[run], (time.perf_counter() - start) / count)
        count = max(1, round(1e-3 / min(best.values())))  # about 1 ms at a time
    return min(best, key=best.get)


def repeated(*calls):
    """Return ``run(steps)``, which makes these calls in turn at each step."""

    def run(steps):
        for _ in range(steps):
            for call in calls:
                call()

    return run


def check_losses(losses):
    """End here unless all contenders have the same loss."""
    if max(losses.values()) - min(losses.values()) > 1e-3:
        raise SystemExit("the contenders do not compute the same; their times mean nothing")


def side_by_side(contenders, *, steps, rounds):
    """Time each contender, a function of the number of steps; seconds a step, one per round."""
    for run in contenders.values():
        run(max(3, steps // 10))  # warm up: compile, allocate
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run(steps)
            seconds[name].append((time.perf_counter() - start) / steps)
    return seconds


def median_ratio(above, below):
    """Median of the rounds' own ratios, so that a slow moment hits both sides of each."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def print_table(title, seconds, *, baseline, ours="nncourse"):
    """Print the median step, its quartiles, and the ratios to the baseline and to nncourse."""
    print(f"\n{title}\n")
    print(f"{'':28} {'ms a step':>10} {'(quartiles)':>16} {'× products':>11} {'× nncourse':>11}")
    rows = {}
    for name, values in seconds.items():
        low, middle, high = (1e3 * q for q in statistics.quantiles(values, n=4))
        ratios = [median_ratio(values, seconds[other]) for other in (baseline, ours)]
        spread = f"({low:.2f}–{high:.2f})"
        print(f"{name:28} {middle:10.2f} {spread:>16} {ratios[0]:11.2f} {ratios[1]:11.2f}")
        rows[name] = {"milliseconds": [low, middle, high], "ratio": ratios[1]}
    keep("tables", title, rows)


def ratio(seconds, name, other):
    """Median over the rounds of one contender's time divided by another's."""
    return median_ratio(seconds[name], seconds[other])


def report_at_least(seconds, name, wanted):
    """Print whether a contender takes at least so many times as long as nncourse."""
    value = ratio(seconds, name, "nncourse")
    report(f"{name} at least {wanted} × nncourse", value, value >= wanted)


def report(target, value, holds):
    """Print whether a target is met; a missed one is a number to report, not an error."""
    print(f"  {'met   ' if holds else 'MISSED'}  {target}: {value:.2f}")
    keep("targets", target, {"value": value, "met": bool(holds)})


RESULTS = Path(__file__).parent / "results"
KEPT = {}
PACKAGES = {
    "numpy": "numpy", "tensorflow": "tensorflow-cpu", "keras": "keras", "torch": "torch",
    "sklearn": "scikit-learn", "mygrad": "mygrad", "mynn": "mynn", "autograd": "autograd",
    "micrograd": "micrograd", "neuralnetlib": "neuralnetlib",
}  # fmt: skip


def keep(kind, name, value):
    """Add something to this run's results, and write them if they are to be saved."""
    for argument in sys.argv[1:]:
        option, _, folder = argument.partition("=")
        if option == "--save":
            KEPT.setdefault("run", this_run())
            entries = KEPT.setdefault(kind, {})
            assert name not in entries, f"{name!r} is there already"
            entries[name] = value
            path = Path(folder or RESULTS) / f"{Path(sys.argv[0]).stem}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(rounded(KEPT), indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")


def rounded(value):
    """Keep four digits of each number: more were not measured."""
    if isinstance(value, dict):
        return {name: rounded(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def this_run():
    """Say when and on what this run was: the processor and the versions of what was imported."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):  # not Linux, or another kind of processor
        processor = platform.processor() or platform.machine()
    versions = {name: version(PACKAGES[name]) for name in PACKAGES if name in sys.modules}
    day = datetime.date.today().isoformat()
    return {"day": day, "processor": processor, "python": platform.python_version(), **versions}

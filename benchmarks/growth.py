"""How the cost of a step grows: time and memory against batch, width, depth, length and context.

Each size of a network is doubled several times, the others stay. The exponent p of "cost grows as
sizeᵖ" is fitted to the last three sizes (a fourfold range), on logarithmic axes: for the time in
each round by itself, so that the rounds' quartiles say how far to trust it; for the products' own
operations, counted; and for the memory that was allocated at most, which is exact. One thread on
one core; the time is the processor's.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import keep, pin_to_one_core, report  # isort: skip

import statistics
import time

import numpy as np
from _sweeps import SWEEPS, peak_bytes

ROUNDS, SECONDS, LAST = 9, 0.01, 3
SLACK = 0.15  # of an exponent of time, for what the machine adds


def exponent(sizes, costs):
    """The slope of log cost against log size, at the upper end."""
    return float(np.polyfit(np.log(sizes[-LAST:]), np.log(costs[-LAST:]), 1)[0])


def seconds(step, count):
    start = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - start) / count


def rounds_of(sweep):
    """Return the seconds of a step, one row a round and one column a size; sizes in turn."""
    steps = [sweep.make(size) for size in sweep.sizes]
    counts = []
    for step in steps:
        step()
        counts.append(max(1, round(SECONDS / seconds(step, 1))))
    return [
        [seconds(step, n) for step, n in zip(steps, counts, strict=True)] for _ in range(ROUNDS)
    ]


def measure(sweep):
    rounds = rounds_of(sweep)
    memory = [peak_bytes(sweep.make, size) for size in sweep.sizes]
    fits = statistics.quantiles([exponent(sweep.sizes, row) for row in rounds], n=4)
    return {
        "sizes": sweep.sizes,
        "milliseconds": [1e3 * statistics.median(column) for column in zip(*rounds, strict=True)],
        "megabytes": [size / 1e6 for size in memory],
        "time": fits,
        "counted": exponent(sweep.sizes, [sweep.count(size) for size in sweep.sizes]),
        "memory": exponent(sweep.sizes, memory),
        "limits": [sweep.time, sweep.memory],
    }


def main():
    pin_to_one_core()
    print("\nExponents at the upper end of each sweep, and the limits that they must keep\n")
    print(
        f"{'':40} {'sizes':>12} {'time (quartiles)':>20} {'counted':>8} {'memory':>7} {'limits':>7}"
    )
    worst = -np.inf
    for sweep in SWEEPS:
        found = measure(sweep)
        low, middle, high = found["time"]
        sizes = f"{sweep.sizes[0]}–{sweep.sizes[-1]}"
        print(
            f"{sweep.network + ': ' + sweep.grows:40} {sizes:>12} "
            f"{f'{middle:.2f} ({low:.2f}–{high:.2f})':>20} {found['counted']:8.2f} "
            f"{found['memory']:7.2f} {sweep.time:>3}, {sweep.memory}",
            flush=True,
        )
        keep("growth", f"{sweep.network}: {sweep.grows}", found)
        worst = max(worst, middle - sweep.time, found["memory"] - sweep.memory)
    print("\nTargets")
    report(f"exponents above their limit by at most {SLACK}", worst, worst <= SLACK)


if __name__ == "__main__":
    main()

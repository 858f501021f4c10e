"""Every cell of every live chapter, run under the very Pyodide build of the pages, in Node.

A stage of ``make test``. By hand, names of chapters choose (``python tests/browser/live_cells.py
01_neurons``), ``--times`` lists the slow cells, and with ``--whole`` no trainer stops early, as in
a reader's page. What may fail is listed in EXCEPTIONS with the reason; an exception that is none
any more is a failure, too.

So that it takes minutes, cells run in the smaller version that their author gave, and a trainer
stops after STEPS steps, or one an epoch. A folded check of numbers may fail where such a run has
taken the place of the printed one; a cell may lack a name that only a cell gives that cannot run in
a page. What the numbers are is proved by the stage ``notebooks``.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "book" / "_extensions")]
import execution  # noqa: E402
import live  # noqa: E402
import vendor_live  # noqa: E402

RUNNER = Path(__file__).with_suffix(".mjs")
STEPS = 12
BEFORE = f"""
import nncourse.training._batches as batches

whole = batches.ArrayBatches.shuffled


def shuffled(self, rng):
    for number, batch in enumerate(whole(self, rng)):
        self.left = getattr(self, "left", {STEPS}) - 1
        yield batch
        if self.left <= 0:
            return


batches.ArrayBatches.shuffled = shuffled
"""
# Chapter, a text of the cell, and why it fails in a page.
EXCEPTIONS = ()


def names_given(code):
    """Return the names that a cell defines, roughly: enough to say why another one fails."""
    given = r"^ *(?:def|class) (\w+)|^ *([\w, ()]+?) = |^ *for ([\w, ()]+) in "
    return {name for match in re.finditer(given, code, re.M)
            for part in match.groups() if part for name in re.findall(r"\w+", part)}  # fmt: skip


def to_run(name, cells, sources):
    """Return what is run of a chapter; cells that a page cannot run are left out."""
    chosen = [
        {"number": number, "code": info.get("smaller", code)}
        for number, (info, code) in enumerate(zip(cells, sources, strict=True))
        if "lacks" not in info
    ]
    return {"chapter": name, "cells": chosen}


def run_in_node(command, told, waiting, report):
    """Take chapter after chapter to one process; return what it says of each cell."""
    done, pipes = [], dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True, encoding="utf-8") as process:
        with suppress(BrokenPipeError, IndexError):  # it has ended, or no chapter is left
            print(json.dumps(told), file=process.stdin, flush=True)
            while True:
                print(json.dumps(waiting.popleft()), file=process.stdin, flush=True)
                for line in process.stdout:
                    if line == "done\n":
                        break
                    if line.startswith('{"chapter"'):
                        done.append(json.loads(line))
                        report(done[-1])
        with suppress(BrokenPipeError):
            process.stdin.close()
        said = process.stderr.read()
    if process.returncode:
        print(f"FAILED: Node ended with {process.returncode}: {said[-800:]}", flush=True)
    return done, process.returncode


def judge(name, cells, sources, results):
    """Return lines about the cells of a chapter that failed, and which exceptions were needed."""
    bad, blocked, used, reduced = [], set(), set(), False
    for number, (info, code) in enumerate(zip(cells, sources, strict=True)):
        reduced |= "smaller" in info or "fit(" in code or "Trainer(" in code
        result = results.get(number)
        if "lacks" in info:
            blocked |= names_given(code)
            continue
        if result is None:
            bad.append(f"{name}, cell {number + 1}: it was not run")
            continue
        wrong = result["wrong"]
        known = {e for e in EXCEPTIONS if e[0] == name and e[1] in code}
        if wrong is None:
            blocked -= names_given(code)
            continue
        used |= known
        compares = info.get("check") and reduced and wrong["kind"] == "AssertionError"
        if wrong["missing"] in blocked or known:
            blocked |= names_given(code)
        elif not compares:
            bad.append(f"{name}, cell {number + 1}, line {wrong['line']}: {wrong['said']}")
    needless = [e for e in EXCEPTIONS if e[0] == name and e not in used]
    return bad + [f"{name}: {text!r} is no exception any more" for _, text, _ in needless]


def main(arguments):
    """Run the chapters of these names, or all."""
    chosen, start = [a for a in arguments if not a.startswith("-")], time.monotonic()
    found = live.live_chapters(names=chosen)
    try:
        program, _ = vendor_live.node()
        sources = (code for _, codes in found.values() for code in codes)
        folder, _ = vendor_live.pyodide(live.packages(sources))
    except vendor_live.Missing as error:
        print(f"not run: {error}")
        return 0
    order = [path.stem for path in execution.longest_first(
        ROOT / "book" / f"{name}.ipynb" for name in found)]  # fmt: skip

    def report(result):
        if "--times" in arguments and result["seconds"] > 2:
            place = f"{result['chapter']}, cell {result['number'] + 1}"
            print(f"{place}: {result['seconds']:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        live.course(course := Path(scratch, "course.zip"))
        command = [*program, RUNNER, folder, live.SOURCES / "kernel.py", course]
        told = "" if "--whole" in arguments else BEFORE
        waiting = deque(to_run(name, *found[name]) for name in order)
        with ThreadPoolExecutor(2) as pool:
            node = partial(run_in_node, command, told, waiting, report)
            ran = [some.result() for some in [pool.submit(node) for _ in range(min(2, len(order)))]]
    results = {name: {} for name in found}
    for done, _ in ran:
        for result in done:
            results[result["chapter"]][result["number"]] = result
    bad = []
    for name in found:
        took = sum(result["seconds"] for result in results[name].values())
        bad += judge(name, *found[name], results[name])
        print(f"{name}: {len(results[name])} of {len(found[name][0])} cells, {took:.0f} s")
    for line in bad:
        print(f"FAILED {line}")
    total = sum(map(len, results.values()))
    counts = f"{len(bad)} failed, " * bool(bad) + f"{total - len(bad)} passed"
    print(f"{counts} in {time.monotonic() - start:.2f}s")
    return int(bool(bad) or any(code for _, code in ran))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Every benchmark, one after the other, and at the end one table of their targets: ``make bench``.

    python benchmarks/_all.py [--save] [NAME …]

Scripts with these names, or all. One that cannot run here (a peer is missing) is left out in one
line, and the rest goes on. With ``--save`` the results of what ran to its end are kept for the
book.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import RESULTS

HERE = Path(__file__).parent


def run(script, folder):
    """Run a script; return what went wrong in one line, or nothing."""
    print(f"\n── {script.stem} " + "─" * (76 - len(script.stem)), flush=True)
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        command = [sys.executable, "-u", script, f"--save={folder}"]
        code = subprocess.run(command, stderr=errors, check=False).returncode
        errors.seek(0)
        said = errors.read().strip().splitlines()
    print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    return (said[-1] if said else f"exit {code}") if code else None


def summary(folder):
    """Print the targets of this run's results, met or not."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    rows = [
        (script, target, f"{entry['value']:.2f}", "met" if entry["met"] else "MISSED")
        for script, results in sorted(found.items())
        for target, entry in results.get("targets", {}).items()
    ]
    print(f"\n── targets {'─' * 69}")
    width = max((len(target) for _, target, _, _ in rows), default=0)
    for script, target, value, verdict in rows:
        print(f"{script:13} {target:{width}} {value:>8}  {verdict}")
    print(f"{sum(row[-1] == 'met' for row in rows)} of {len(rows)} targets met")


def main(arguments):
    names = [name for name in arguments if name != "--save"]
    scripts = sorted(HERE.glob("[a-z]*.py"))
    if unknown := set(names) - {script.stem for script in scripts}:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        folder, failed = Path(scratch), {}
        for script in scripts:
            if names and script.stem not in names:
                continue
            found = folder / f"{script.stem}.json"
            if line := run(script, folder):
                failed[script.stem] = line
            elif "--save" in arguments and found.exists():
                RESULTS.mkdir(exist_ok=True)
                shutil.copy(found, RESULTS)
        summary(folder)
    for name, line in failed.items():
        print(f"{name} did not run: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])

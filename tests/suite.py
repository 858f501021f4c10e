"""All that ``make test`` runs: stage after stage, whatever became of those before, then a table.

``make unit`` runs one stage, ``make test`` all. A stage, or a test, whose program is missing and
cannot be installed is reported as *not run*, with the reason. That is no failure, but with
``STRICT=1``, as in continuous integration, it is. A chapter is run again when the notebook, the
package, the data or the pinned versions have changed; with ``CI`` or ``STRICT`` set it always is.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "book" / "_extensions"))
import execution  # noqa: E402

MAKE = ("make", "--no-print-directory")
PYTEST = (sys.executable, "-m", "pytest")
# Whole files to each of two processes, in the order in which they are named.
BOTH_CORES = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
NBVAL = ("--nbval", "--nbval-cell-timeout", "1800")
WORDS = ("passed", "failed", "skipped")
PROVED = ROOT / "_build" / "proved"
COUNTED = re.compile(r"(\d+) (passed|failed|error|skipped|xfailed|xpassed)")
CLOSING = re.compile(r"^(?:=+ )?((?:\d+ \w+, )*\d+ \w+) in [\d.]+s\b.*$", re.M)
NOTED = re.compile(r"^(?:SKIPPED \[(\d+)\] .*?: )?(not run: .*|No PDF: .*)$", re.M)


@dataclass
class Stage:
    """What is run, what it proves, and what became of it."""

    name: str
    proves: str
    command: tuple = ()
    needs: str = ""  # a target of the Makefile that installs a program; without it: not run
    uses: str = ""  # the same; without it some tests are not run
    beside: bool = False  # runs beside the stage before it, and leaves that one the terminal
    chapters: bool = False  # the command ends with the chapters that must be run
    result: str = "not run"
    seconds: float = 0.0
    counts: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def stages():
    """Return the stages of ``make test``, in order."""
    return (
        Stage("lint", "code and notebooks have one style",
              ("bash", "-c", '"$0" check && "$0" format --check',
               str(Path(sys.executable).with_name("ruff")))),
        Stage("unit", "the package, the equations, the exercises, the grader, the form of the book",
              (*PYTEST, *BOTH_CORES, "--doctest-modules", "--ignore", "tests/browser",
               "tests/classroom", "tests", "nncourse"), uses="bubblewrap"),
        Stage("notebooks", "every chapter gives the outputs that are printed",
              (*PYTEST, *BOTH_CORES, *NBVAL), chapters=True),
        Stage("live", "the cells of live pages run under their Pyodide",
              (sys.executable, "tests/browser/live_cells.py")),
        Stage("editions", "the e-book is built, and with LaTeX the PDF", (*MAKE, "editions"),
              beside=True),
        Stage("html", "the book is built without a warning", (*MAKE, "html"), beside=True),
        Stage("browser", "every page holds in a browser without a network",
              (*PYTEST, "-n", "2", "--dist", "worksteal", "tests/browser"), needs="chromium"),
    )  # fmt: skip


# Chapters that need not be run again ----------------------------------------------------------


def is_set(name):
    """Return whether a switch of the environment is on."""
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


def mark(chapter, package):
    """Return the file that says that this chapter has passed in its present state."""
    state = hashlib.sha256(package.encode() + chapter.read_bytes()).hexdigest()[:16]
    return PROVED / f"{chapter.stem}-{state}"


def chapters_to_run():
    """Return the chapters that must be run, the longest first, with their marks, and the others."""
    package = execution.digest(ROOT)
    chapters = execution.longest_first(ROOT.glob("book/[0-9]*.ipynb"))
    always = is_set("CI") or is_set("STRICT")
    waiting = {
        chapter: mark(chapter, package)
        for chapter in chapters
        if always or not mark(chapter, package).exists()
    }
    return waiting, [chapter for chapter in chapters if chapter not in waiting]


def keep_marks(waiting, code, said):
    """Mark the chapters that have passed; 0: all, 1: those of which no cell is listed as failed."""
    failed = set(re.findall(r"^(?:FAILED|ERROR) book/(\w+)\.ipynb", said, re.M))
    if code == 0 or (code == 1 and failed):
        PROVED.mkdir(parents=True, exist_ok=True)
        for chapter, file in waiting.items():
            for old in PROVED.glob(f"{chapter.stem}-*"):
                old.unlink()
            if chapter.stem not in failed:
                file.touch()


# Running --------------------------------------------------------------------------------------


def listen(command, live):
    """Run a command; return its exit code and what it says, which is passed on while it runs."""
    said, pipe = b"", {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, **pipe) as process:
        while chunk := os.read(process.stdout.fileno(), 1 << 16):
            said += chunk
            if live:
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
    return process.returncode, said.decode("utf-8", "replace")


def missing(target):
    """Install a program where it is missing; return why that cannot be, or nothing."""
    done = subprocess.run([*MAKE, target], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    return " ".join(said) if done.returncode else ""


def run(stage, live=True):
    """Run a stage, note what became of it, and return what it said."""
    start, command, waiting = time.monotonic(), stage.command, {}
    if stage.chapters:
        waiting, others = chapters_to_run()
        command = (*command, *(str(chapter.relative_to(ROOT)) for chapter in waiting))
        if others:
            names = " ".join(chapter.stem for chapter in others)
            stage.notes.append(f"unchanged since they passed (CI=1 runs them, too): {names}")
    if stage.uses:
        missing(stage.uses)  # the tests that cannot do without say so
    if stage.needs and (why := missing(stage.needs)):
        stage.notes.append(f"not run: {why}")
        stage.counts["skipped"], said = 1, ""
    elif stage.chapters and not waiting:
        stage.result, said = "passed", ""
    else:
        code, said = listen(command, live)
        judge(stage, code, said)
        keep_marks(waiting, code, said)
    stage.seconds = time.monotonic() - start
    return said


def judge(stage, code, said):
    """Read the result off the exit code, and the counts off pytest's closing line."""
    if closing := CLOSING.findall(said):
        for number, word in COUNTED.findall(closing[-1]):
            word = {"error": "failed", "xfailed": "passed", "xpassed": "passed"}.get(word, word)
            stage.counts[word] = stage.counts.get(word, 0) + int(number)
    if code and not stage.counts.get("failed"):
        stage.counts["failed"] = 1
    stage.result = "FAILED" if code else "passed"
    for number, note in NOTED.findall(said):
        stage.notes.append(note + (f" ({number} tests)" if number else ""))


def run_all(chosen):
    """Run the stages in order; those that run beside another are shown when that one is done."""
    with ThreadPoolExecutor(1) as background:
        early = {}
        for i, stage in enumerate(chosen):
            print(f"\n── {stage.name}: {stage.proves}\n", flush=True)
            if stage.name in early:
                print(early[stage.name].result(), flush=True)
                continue
            for other in chosen[i + 1 :]:
                if not other.beside:
                    break
                early[other.name] = background.submit(run, other, live=False)
            run(stage)


def report(chosen):
    """Print the table and return the exit code."""
    wide = max(len(stage.proves) for stage in chosen)
    head = f"{'stage':11}{'what it proves':{wide + 2}}{'result':9}"
    print("\n\n" + head + "".join(f"{word:>9}" for word in (*WORDS, "seconds")))
    for stage in chosen:
        row = f"{stage.name:11}{stage.proves:{wide + 2}}{stage.result:9}"
        row += "".join(f"{stage.counts.get(word, ''):>9}" for word in WORDS)
        print(f"{row}{stage.seconds:9.0f}")
    print()
    for stage in chosen:
        for note in dict.fromkeys(stage.notes):
            print(f"{stage.name}: {note}")
    total = {word: sum(stage.counts.get(word, 0) for stage in chosen) for word in WORDS}
    gaps = any(note.startswith("not run") for stage in chosen for note in stage.notes)
    if gaps and is_set("STRICT"):
        total["failed"] += 1
        print("STRICT is set: what was not run counts as failed.")
    print(", ".join(f"{number} {word}" for word, number in total.items()), flush=True)
    return int(total["failed"] > 0)


def main(names):
    """Run the stages of these names, or all."""
    known = {stage.name: stage for stage in stages()}
    if unknown := set(names) - set(known):
        sys.exit(f"there is no stage {sorted(unknown)}; there are {', '.join(known)}")
    chosen = [stage for stage in known.values() if not names or stage.name in names]
    try:
        run_all(chosen)
    except KeyboardInterrupt:
        report(chosen)
        return 130
    return report(chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

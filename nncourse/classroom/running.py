"""Grade a class: whoever has no results yet, several at a time, to be stopped at any moment."""

import hashlib
import json
import re
import secrets
import threading
import traceback
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from tqdm.auto import tqdm

from ..exercises.tasks import find_book
from . import chapters
from .grading import grade
from .sandbox import Sandbox, SandboxError
from .submissions import load
from .writing import write

__all__ = ["Work", "kept_seed", "run"]

TRIES = 2  # a submission during which the whole grader was killed so often is skipped


def kept_seed(path, asked):
    """Return the seed that is asked for, or that of the run that is continued, or a new one."""
    seed = _read(path) if asked is None else asked
    seed = seed if isinstance(seed, int) else secrets.randbelow(1 << 31)
    write(path, json.dumps(seed))
    return seed


def run(submissions, work, options):
    """Return the results by submission, and how many of them were graded just now.

    Raises
    ------
    KeyboardInterrupt
        If stopped; what has been graded so far is kept.
    """
    results = {}
    with Sandbox(unsafe=options.unsafe_no_sandbox) as work.sandbox:
        pool = ThreadPoolExecutor(options.jobs)
        pending = {pool.submit(work.graded, one): one.id for one in submissions}
        try:
            with tqdm(total=len(pending), unit="submission") as bar:
                left = set(pending)
                while left:
                    done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
                    for each in done:
                        results[pending[each]] = each.result()
                    bar.set_postfix_str(", ".join(sorted(work.running))[:50])
                    bar.update(len(done))
        except KeyboardInterrupt:
            work.forgive()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            work.sandbox.stop()
    return results


class Work:
    """Grades what is not known: results are kept for each exercise, with what they depend on."""

    def __init__(self, options, plan, seed):
        self.folder, self.plan, self.sandbox = options.output / "results", plan, None
        self.settings = {"seed": seed, "cell_seconds": options.cell_seconds}
        self.settings |= {"total_seconds": options.total_seconds}
        self.own_inputs, self.again = options.own_inputs, set(options.regrade)
        self.printed = chapters.printed(find_book())
        self.running, self.count, self.lock = set(), 0, threading.Lock()
        base = hashlib.sha256(repr((self.settings, self.own_inputs)).encode())
        own = hashlib.sha256()
        for path in sorted(Path(__file__).parents[1].rglob("*.py")):
            base.update(path.read_bytes())
        for path in sorted(Path(options.extra_checks or ".").rglob("*.py")) if plan.own else ():
            own.update(path.read_bytes())
        self.base, self.own = base.hexdigest(), own.hexdigest()

    def graded(self, one):
        """Return the results of a submission."""
        with self.lock:
            self.running.add(one.name)
        try:
            return self._graded(one)
        except SandboxError:
            raise
        except Exception as error:  # one student's trouble is nobody else's
            write(self.folder / f"{one.id}.error.txt", traceback.format_exc())
            why = f"it could not be graded ({type(error).__name__}); see results/{one.id}.error.txt"
            return self._nothing(why, [], [])
        finally:
            with self.lock:
                self.running.discard(one.name)

    def _graded(self, one):
        notebooks, remarks, aside = load(one)
        contents = hashlib.sha256(repr(notebooks).encode("utf-8", "surrogatepass")).hexdigest()
        digests = {
            name: f"{self.base} {contents} {self.own if name in self.plan.own else ''}"
            for name in self.plan.checks
        }
        path, started = self.folder / f"{one.id}.json", self.folder / f"{one.id}.started"
        record = _read(path)
        record = record if isinstance(record, dict) and "results" in record else {}
        known = record.get("results", {})
        waiting = [
            name
            for name, digest in digests.items()
            if name in self.again or known.get(name, {}).get("digest") != digest
        ]
        if waiting:
            tries = _read(started) or 0
            if tries >= TRIES:
                why = f"the grader was ended {tries} times while this ran: it is skipped. "
                return self._nothing(f"{why}To try again, delete results/{started.name}", [], aside)
            write(started, json.dumps(tries + 1))
            said = [set(re.findall(r"\w+", "\n".join(n.cells))) & set(waiting) for n in notebooks]
            answering = [n for n, words in zip(notebooks, said, strict=True) if words] or notebooks
            try:
                found = self._grade(answering, waiting, contents)
            except SandboxError:  # stopped; nobody's fault
                started.unlink(missing_ok=True)
                raise
            for name, result in found["exercises"].items():
                known[name] = {"digest": digests[name], "result": result}
            record = {"results": known, "notes": found["notes"]}
            write(path, json.dumps(record))
            started.unlink(missing_ok=True)
            with self.lock:
                self.count += 1
        return {
            "exercises": {name: known[name]["result"] for name in self.plan.checks},
            "notes": record["notes"],
            "remarks": remarks,
            "looked_at": [notebook.name for notebook in notebooks],
            "late": [notebook.name for notebook in notebooks if notebook.late],
            "aside": aside,
        }

    def _grade(self, notebooks, names, contents):
        """Return results and notes; the criteria of an exercise are put together."""
        settings = self.settings | {"printed": self.printed}
        if self.own_inputs:  # other inputs for each submission, and whenever it changes
            mixed = hashlib.sha256(f"{settings['seed']} {contents}".encode()).digest()
            settings["seed"] = int.from_bytes(mixed[:6])
        results, notes, files = {}, [], [(n.name, n.cells) for n in notebooks]
        for i, checks in enumerate(self.plan.rounds(names)):
            found = grade(files, checks, self.sandbox, **settings)
            notes += [note for note in found["notes"] if note not in notes]
            for name, part in found["exercises"].items():
                label = self.plan.checks[name][i][0]
                if len(self.plan.checks[name]) == 1:
                    results[name] = part
                    continue
                whole = results.setdefault(name, part | {"points": 0, "possible": 0, "parts": []})
                whole["points"] += part["points"]
                whole["possible"] += part["possible"]
                whole["message"] = whole["message"] or part["message"]
                whole["parts"].append({"name": label or "as in the book"} | part)
        return {"exercises": results, "notes": notes}

    def _nothing(self, remark, looked_at, aside):
        zero = {"points": 0, "message": remark or "nothing to run.", "notebook": ""}
        exercises = {n: zero | {"possible": self.plan.possible(n)} for n in self.plan.checks}
        return {"exercises": exercises, "notes": [], "remarks": [remark] if remark else [],
                "looked_at": looked_at, "late": [], "aside": aside}  # fmt: skip

    def forgive(self):
        """Whoever was running when someone pressed Ctrl-C is not to blame."""
        for path in self.folder.glob("*.started"):
            path.unlink(missing_ok=True)


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

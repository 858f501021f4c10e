"""Grade one submission: its cells run inside the sandbox, its answers are checked out here.

A check is the one that students run (:meth:`~nncourse.exercises.Exercise.check`). Only the call of
the function goes through the wire: inputs in, plain data out.
"""

import builtins
import time
import zlib

import numpy as np

from .sandbox import SandboxError, WorkerLost

__all__ = ["DEFINITIONS", "SKIPPED", "grade"]

FULL, DEFINITIONS, SKIPPED = range(3)  # how much of a cell is run; one that kills is run less
NOTES = "", "Only its definitions were run then.", "It was left out then."


def grade(cells, exercises, sandbox, *, seed, cell_seconds=10, seconds=90, printed=None):
    """Return the results of one submission as plain data, ready for JSON.

    Parameters
    ----------
    cells : list of str
        The sources of its code cells.
    exercises : dict
        From the name of each function to the list of exercises that check it.
    sandbox : Sandbox
    seed : int
        Fixes the inputs: the same for every submission.
    cell_seconds, seconds : float
        Time for one cell, or for all calls of one exercise; time for the whole submission.
    printed : dict, optional
        How much to run of cells that stand in the book: see :func:`chapters.printed`.
    """
    run = _Run(cells, sandbox, seed, cell_seconds, time.monotonic() + seconds)
    run.amount = [(printed or {}).get(source.strip(), FULL) for source in cells]
    if skipped := run.amount.count(SKIPPED):
        run.notes.append(f"{skipped} cells are solutions of the book; they were left out.")
    pending = dict(exercises)
    while pending and cells and run.left() > 0:  # begin again without what has ended the process
        with sandbox.start() as worker:
            alive, problems = run.run_cells(worker)
            while alive and pending:
                name = next(iter(pending))
                alive = run.check(worker, name, pending.pop(name), problems)
    for name, checks in pending.items():
        run.note(name, checks, "not reached: time was up." if cells else "nothing to run.")
    return {"notes": run.notes, "exercises": {name: run.results[name] for name in exercises}}


class _Run:
    """The state of one grading."""

    def __init__(self, cells, sandbox, seed, cell_seconds, deadline):
        self.cells, self.sandbox, self.seed = cells, sandbox, seed
        self.cell_seconds, self.deadline = cell_seconds, deadline
        self.notes, self.results = [], {}

    def left(self):
        """Return the seconds that are left for the next step."""
        return min(self.cell_seconds, self.deadline - time.monotonic())

    def run_cells(self, worker):
        """Run all cells in order; return whether the worker survived, and what went wrong."""
        problems = []
        for i, source in enumerate(self.cells):
            if self.amount[i] == SKIPPED:
                continue
            message = {"cell": source, "definitions_only": self.amount[i] == DEFINITIONS}
            try:
                problem = _error(worker.ask(message, max(self.left(), 0.1)).get("problem"))
            except WorkerLost as lost:
                self.amount[i] += 1
                self.notes.append(f"Code cell {i + 1}: {lost}. {NOTES[self.amount[i]]}")
                return False, problems
            if problem:
                problems.append(f"code cell {i + 1} stops with {problem[0]}: {problem[1]}")
        return True, problems

    def check(self, worker, name, checks, problems):
        """Check one function; return whether the worker has survived it."""
        deadline = time.monotonic() + max(self.left(), 0.1)

        def call(function, arguments):
            message = {"call": name, "arguments": arguments}
            reply = worker.ask(message, max(deadline - time.monotonic(), 0.1))
            if "missing" in reply:
                raise _Missing(str(reply["missing"])[:60])
            if error := _error(reply.get("error")):
                return _exception(*error), reply.get("arguments", arguments)
            return reply.get("result"), reply.get("arguments")

        try:
            for i, exercise in enumerate(checks):
                rng = np.random.default_rng([self.seed, zlib.crc32(name.encode()), i])
                verdict = exercise.check(call, rng, run=call, reveal=False)
                if not verdict.passed:
                    break
            self.note(name, checks, verdict.message, passed=verdict.passed)
        except SandboxError:
            raise
        except _Missing as missing:
            found = f"{name} is no function, but {missing}" if str(missing) else f"no {name} found"
            self.note(name, checks, "; ".join([found, *problems[:3]]))
        except WorkerLost as lost:
            self.note(name, checks, f"while your function ran: {lost}.")
            return False
        except Exception as error:  # plain data, but of a kind that no comparison has met
            self.note(name, checks, f"the answer cannot be compared ({type(error).__name__}).")
        return True

    def note(self, name, checks, message, *, passed=False):
        """Store a result."""
        possible = checks[0].points
        result = {"points": possible if passed else 0, "possible": possible}
        self.results[name] = result | {"message": message[:600]}


class _Missing(Exception):
    """The submission has no function of that name."""


def _error(pair):
    """Return type and message of an error, if that is what a reply holds."""
    if isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):
        return [text[:300] for text in pair]
    return None


def _exception(kind, message):
    """Return an exception that stands for the one inside, of the same type where it is known."""
    for known in (builtins, np.linalg, np.exceptions):
        found = getattr(known, kind, None)
        if isinstance(found, type) and issubclass(found, Exception):
            try:
                return found(message)
            except TypeError:
                break
    return type(kind if kind.isidentifier() else "Exception", (Exception,), {})(message)

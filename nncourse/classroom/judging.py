"""Judge one submission: each notebook on its own, each answer as its author's own check saw it.

An answer is judged right after the cell that defines it or hands it to ``check``, and once more at
the end of the notebook; the better result counts. A cell or a call that ends the process is not
tried again: the notebook begins anew without it, so it costs nothing but itself.
"""

import builtins
import contextlib
import zlib

import numpy as np

from ..exercises.calling import TimeUp
from .notebooks import DEFINITIONS, FULL, SKIPPED, as_python
from .process import SandboxError, WorkerLost

__all__ = ["Judging", "attempt"]

NOTES = "", "Only its definitions were run then.", "It was left out then."
TRIES = 5  # of one exercise in one notebook
START_SECONDS = 2  # what a new beginning takes from the time of a submission
MESSAGE = 2000
STUB = "not solved yet"  # so the message about an untouched stub begins


def attempt(checks, message, *, passed=False, notebook="", cell=None):
    """Return the result of one look at one answer."""
    possible = checks[0].points
    result = {"points": possible if passed else 0, "possible": possible}
    return result | {"message": message[:MESSAGE], "notebook": notebook, "cell": cell, "aside": []}


class Judging:
    """One submission; see :func:`.grading.grade_all` for what it is made of.

    ``tell(*step)`` announces what may break the limits of this process; ``lost`` has the steps that
    did so before, with the reason.
    """

    def __init__(self, exercises, sandbox, seed, limits, public, tell, lost):
        self.exercises, self.sandbox, self.seed, self.limits = exercises, sandbox, seed, limits
        self.public, self._tell, self._lost = public, tell, lost
        self.notes, self.spent, self.problems = [], 0.0, []
        self.attempts, self._ran = {name: [] for name in exercises}, False

    def results(self, notebooks):
        """Return the results of a submission as plain data."""
        for number, (name, cells, *amounts) in enumerate(notebooks):
            say = f"{name}: " if len(notebooks) > 1 else ""
            if not self.open():
                self.notes.append(f"{say}not looked at, every answer was right already.")
            elif self.left() <= 0:
                self.notes.append(f"{say}not looked at, the time was used up.")
            elif cells:
                self._ran = True
                amounts = amounts[0] if amounts else [FULL] * len(cells)
                _Notebook(self, number, name, say, cells, list(amounts)).run()
        exercises = {name: self._best(name) for name in self.exercises}
        return {"notes": list(dict.fromkeys(self.notes)), "exercises": exercises}

    def begin(self, *step):
        """Announce a step; return the reason if it has broken the limits before."""
        if step not in self._lost:
            self._tell(*step)
        return self._lost.get(step, "")

    def open(self):
        """Return the exercises that are not solved yet."""
        solved = {n for n, tries in self.attempts.items() if any(a["points"] for a in tries)}
        return [name for name in self.exercises if name not in solved]

    def left(self):
        """Return the seconds that the submission has left."""
        return self.limits["total"] - self.spent

    def _best(self, name):
        """Return the attempt that counts: the best; stubs last; of equals the latest."""
        checks, tries = self.exercises[name], self.attempts[name]
        if not tries:
            problems = self.problems if self.left() > 0 else [self.used_up()]
            said = f"no {name} found" if self._ran else "nothing to run."
            return attempt(checks, "; ".join([said, *problems[:3]]))
        best = max(reversed(tries), key=lambda a: (a["points"], not a["message"].startswith(STUB)))
        others = [a for a in tries if a["message"] != best["message"]]
        aside = [f"{_place(a)}: {a['message'].splitlines()[0][:200]}" for a in others]
        return best | {"aside": list(dict.fromkeys(aside))[:TRIES]}

    def used_up(self):
        """Say that there is no time left."""
        return f"the {self.limits['total']:g} seconds for one submission were used up"


def _place(tried):
    cell = f"code cell {tried['cell']}" if tried["cell"] else "at its end"
    return f"{tried['notebook']}, {cell}" if tried["notebook"] else cell


class _OutOfTime(Exception):
    """The submission has no time left."""


class _Missing(Exception):
    """The submission has no function of that name."""


class _Notebook:
    def __init__(self, judging, number, name, say, cells, amount):
        self.judging, self.number, self.name, self.say = judging, number, name, say
        self.cells, self.amount = cells, amount
        self.python, self.judged, self.stopped = {}, {}, set()
        if skipped := self.amount.count(SKIPPED):
            self.note(f"{skipped} cells are solutions of the book; they were left out.")

    def note(self, text):
        self.judging.notes.append(self.say + text)

    def run(self):
        """Judge all answers; begin again without what has ended the process."""
        try:
            while True:
                with contextlib.suppress(WorkerLost):
                    return self._pass()
                self._spend(START_SECONDS)
        except _OutOfTime:
            self.note(f"not judged to its end: {self.judging.used_up()}.")

    def _spend(self, seconds):
        self.judging.spent += seconds
        if self.judging.left() <= 0:
            raise _OutOfTime

    def _ask(self, worker, message, kind):
        """Ask within what is left of the time; ``kind`` names the limit."""
        worker.spent, seconds = 0.0, min(self.judging.limits[kind], self.judging.left())
        try:
            return worker.ask(message, max(seconds, 0.1))
        finally:
            self._spend(worker.spent)

    def _pass(self):
        """Run all cells in order and judge what they answer."""
        with self.judging.sandbox.start() as worker:
            problems, last = [], 0
            for i, source in enumerate(self.cells, 1):
                if self.amount[i - 1] == SKIPPED:
                    continue
                try:
                    reply = self._cell(worker, i, source, problems)
                except WorkerLost as lost:
                    self.amount[i - 1] += 1
                    self.note(f"Code cell {i}: {lost}. {NOTES[self.amount[i - 1]]}")
                    raise
                given, last = reply.get("given"), i
                for name in self.judging.open():
                    if isinstance(given, list) and name in given:
                        self.stopped.discard(name)
                        self._judge(worker, name, i)
            self.judging.problems = problems or self.judging.problems
            for name in self.judging.open():
                looked = self._tries(name)
                if looked and max(looked) < last and name not in self.stopped:
                    self._judge(worker, name, len(self.cells) + 1)

    def _cell(self, worker, i, source, problems):
        if i not in self.python:
            reason = self.judging.begin("cell", self.number, i)
            self.python[i] = "" if reason else as_python(source)
            if reason:
                self.note(f"Code cell {i}: left out: {reason}.")
        message = {"cell": self.python[i], "number": i, "names": list(self.judging.exercises)}
        message["definitions_only"] = self.amount[i - 1] == DEFINITIONS
        reply = self._ask(worker, message, "cell")
        if reply.get("late"):
            text = f"it did not end within {self.judging.limits['cell']:g} seconds"
            self.note(f"Code cell {i}: {text}. {NOTES[DEFINITIONS]}")
        elif problem := _error(reply.get("problem")):
            problems.append(f"code cell {i} stops with {problem[0]}: {problem[1]}")
        return reply

    def _judge(self, worker, name, cell):
        """Judge one answer after a cell."""
        if (cell, name) in self.judged or len(self._tries(name)) >= TRIES:
            return
        passed, ended = False, None
        self.judged[cell, name] = True
        try:
            if reason := self.judging.begin("check", self.number, cell, name):
                message = f"what it returns cannot be compared: {reason}."
            else:
                message, passed = self._message(worker, name)
        except _Missing as missing:
            kind = f"{name} is no function, but {missing}"
            message = "; ".join([kind, *self.judging.problems[:3]])
        except WorkerLost as lost:
            self.stopped.add(name)
            message, ended = f"while your function ran: {lost}.", lost
        except (SandboxError, _OutOfTime):
            raise
        except Exception as error:  # plain data, but of a kind that no comparison has met
            message = f"the answer cannot be compared ({type(error).__name__})."
        place = {"notebook": self.name, "cell": cell if cell <= len(self.cells) else None}
        result = attempt(self.judging.exercises[name], message, passed=passed, **place)
        self.judging.attempts[name].append(result)
        if ended:
            raise ended

    def _tries(self, name):
        return [cell for cell, which in self.judged if which == name]

    def _message(self, worker, name):
        for i, exercise in enumerate(self.judging.exercises[name]):

            def call(_, arguments, exercise=exercise):
                return self._call(worker, name, arguments, exercise.without)

            rng = np.random.default_rng([self.judging.seed, zlib.crc32(name.encode()), i])
            reveal = exercise is self.judging.public.get(name)
            verdict = exercise.check(call, rng, run=call, reveal=reveal)
            if not verdict.passed:
                return verdict.message, False
        return verdict.message, True

    def _call(self, worker, name, arguments, without):
        message = {"call": name, "arguments": arguments, "without": list(without)}
        reply = self._ask(worker, message, "call")
        if "missing" in reply:
            raise _Missing(str(reply["missing"])[:60])
        after = reply.get("arguments", arguments)
        if reply.get("late"):
            self.stopped.add(name)
            seconds = self.judging.limits["call"]
            return TimeUp(f"it did not end within {seconds:g} seconds"), arguments
        if error := _error(reply.get("error")):
            return _exception(*error), after
        return reply.get("result"), after


def _error(texts):
    """Return type, message and line of an error, if that is what a reply holds."""
    if isinstance(texts, list) and len(texts) == 3 and all(isinstance(t, str) for t in texts):
        return [text[:300] for text in texts]
    return None


def _exception(kind, message, place):
    """Return an exception that stands for the one inside, of the same type where it is known."""
    known = [getattr(where, kind, None) for where in (builtins, np.linalg, np.exceptions)]
    known = [found for found in known if isinstance(found, type) and issubclass(found, Exception)]
    try:
        error = known[0](message)
    except (IndexError, TypeError):
        error = type(kind if kind.isidentifier() else "Exception", (Exception,), {})(message)
    error.place = place
    return error

"""Grade submissions: cells run inside the sandbox, answers are checked out here.

A check is the one that students run (:meth:`~nncourse.exercises.Exercise.check`). Only the call of
the function goes through the wire: inputs in, plain data out. Whatever comes back is looked at in a
child process with limits.
"""

from collections import deque

from ..exercises import all_exercises
from .children import Lost, in_children
from .judging import DEFINITIONS, SKIPPED, Judging, attempt
from .process import SandboxError

__all__ = ["DEFINITIONS", "SKIPPED", "grade", "grade_all"]

ATTEMPTS = 6  # each without what broke the limits before


def grade(notebooks, exercises, sandbox, **settings):
    """Return the results of one submission; see :func:`grade_all`.

    Cells alone, a list of strings, are one notebook without a name.
    """
    if notebooks and isinstance(notebooks[0], str):
        notebooks = [("", notebooks)]
    ((_, results),) = grade_all([(None, notebooks)], exercises, sandbox, **settings)
    return results


def grade_all(
    submissions,
    exercises,
    sandbox,
    *,
    seed,
    jobs=1,
    cell_seconds=10,
    call_seconds=None,
    total_seconds=300,
    printed=None,
):
    """Grade many submissions at the same time; yield key and results of each when it is done.

    Parameters
    ----------
    submissions : iterable of pairs (key, notebooks)
        ``notebooks`` is a list of pairs (name, cells): what one student handed in. The cells are
        the sources of the code cells, or a function that returns them; it is called in a child
        process, and may raise ValueError. Every notebook is judged on its own, the best one of
        each exercise counts.
    exercises : dict
        From the name of each function to the list of exercises that check it.
    sandbox : Sandbox
    seed : int
        Fixes the inputs: the same for every submission.
    jobs : int
        How many submissions at the same time.
    cell_seconds, call_seconds, total_seconds : float
        Time for one cell, for one call of an answer (by default half of that, at most 5), for a
        whole submission. It is the submission's own time: what it computes and sleeps, not what it
        waits for a processor.
    printed : dict, optional
        How much to run of cells that stand in the book: see :func:`chapters.printed`.

    Yields
    ------
    key
    results : dict
        Plain data, ready for JSON. ``"notes"``: remarks on the submission. ``"exercises"``: from
        each name to a dict with ``points``, ``possible``, ``message``, ``notebook`` (its name, or
        ""), ``cell`` (the number of the code cell that counted, or None for the end of the
        notebook) and ``aside``: what else was looked at, and did not count, a list of texts.

    Raises
    ------
    SandboxError
        If a sandbox does not start any more.
    """
    tasks = deque((key, notebooks, []) for key, notebooks in submissions)
    call_seconds = call_seconds or min(cell_seconds / 2, 5)
    limits = {"cell": cell_seconds, "call": call_seconds, "total": total_seconds}
    public = all_exercises()

    def work(task, tell):
        _, notebooks, lost = task
        judging = Judging(exercises, sandbox, seed, limits, printed or {}, public, tell, lost)
        try:
            return judging.results(notebooks)
        except SandboxError as error:
            return {"sandbox": str(error)}

    for (key, notebooks, lost), outcome in in_children(tasks, work, sandbox.renew, jobs=jobs):
        if sandbox.stopped:
            raise SandboxError("stopped")
        if isinstance(outcome, Lost):
            lost = [*lost, [outcome.step, outcome.reason]]
            if len(lost) < ATTEMPTS:
                tasks.append((key, notebooks, lost))
            else:
                yield key, _given_up(exercises, outcome.reason)
        elif "sandbox" in outcome:
            raise SandboxError(outcome["sandbox"])
        else:
            yield key, outcome


def _given_up(exercises, reason):
    message = f"given up: whatever was tried, {reason}."
    found = {name: attempt(checks, message) for name, checks in exercises.items()}
    return {"notes": [message], "exercises": found}

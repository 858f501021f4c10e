"""Grade submissions: cells run inside the sandbox, answers are checked out here.

A check is the one that students run (:meth:`~nncourse.exercises.Exercise.check`). Only the call of
the function goes through the wire: inputs in, plain data out. Whatever comes back is looked at in a
child process with limits.
"""

from typing import NamedTuple

from ..exercises import all_exercises
from .children import Lost, in_children
from .judging import Judging, attempt
from .process import SandboxError

__all__ = ["Job", "given_up", "grade_all"]

ATTEMPTS = 6  # each without what broke the limits before


class Job(NamedTuple):
    """One submission: a key, its notebooks, the names of the exercises, the seed of the inputs.

    ``variant`` are the seeds of its student's variant, if there are variants.

    A notebook is (name, cells) or (name, cells, amounts): the sources of its code cells, and how
    much of each is run (see :mod:`.judging`), by default all of it. Each is judged on its own, the
    best one counts.
    """

    key: object
    notebooks: list
    names: list
    seed: int
    variant: list | None = None


def grade_all(
    jobs, rounds, sandbox, *, processes=1, cell_seconds=10, call_seconds=None, total_seconds=300
):
    """Grade many submissions at the same time; yield key and results of each when it is done.

    Parameters
    ----------
    jobs : iterable of Job
        The next one is asked for when there is room for it.
    rounds : callable
        From a job to the checks that are run one after the other: dicts from the name of each
        function to the list of exercises that check it.
    sandbox : Sandbox
    processes : int
        How many submissions at the same time.
    cell_seconds, call_seconds, total_seconds : float
        Time for one cell, for one call of an answer (by default half of that, at most 5), for a
        whole submission. It is the submission's own time: what it computes and sleeps, not what it
        waits for a processor.

    Yields
    ------
    key
    results : list of dict
        For each round plain data, ready for JSON. ``"notes"``: remarks on the submission.
        ``"exercises"``: from each name to a dict with ``points``, ``possible``, ``message``,
        ``notebook`` (its name, or ""), ``cell`` (the number of the code cell that counted, or None
        for the end of the notebook) and ``aside``: what else was looked at, and did not count, a
        list of texts.

    Raises
    ------
    SandboxError
        If a sandbox does not start any more.
    """
    call_seconds = call_seconds or min(cell_seconds / 2, 5)
    limits = {"cell": cell_seconds, "call": call_seconds, "total": total_seconds}
    public = all_exercises()

    def work(job, tell, lost):
        results = []
        try:
            for i, checks in enumerate(rounds(job)):

                def say(*step, i=i):
                    tell([i, *step])

                known = {tuple(one.step[1:]): one.reason for one in lost if one.step[:1] == [i]}
                judging = Judging(checks, sandbox, job.seed, limits, public, say, known)
                results.append(judging.results(job.notebooks))
        except SandboxError as error:
            return {"sandbox": str(error)}
        return results

    options = {"jobs": processes, "attempts": ATTEMPTS, "prepare": sandbox.renew}
    for job, outcome in in_children(jobs, work, **options):
        if isinstance(outcome, dict):
            raise SandboxError(outcome["sandbox"])
        if isinstance(outcome, Lost):
            outcome = given_up(rounds(job), f"whatever was tried, {outcome.reason}")
        yield job.key, outcome


def given_up(rounds, reason):
    """Return the results of a submission that cannot be graded."""
    message = f"given up: {reason}."
    return [
        {"notes": [message], "exercises": {n: attempt(c, message) for n, c in checks.items()}}
        for checks in rounds
    ]

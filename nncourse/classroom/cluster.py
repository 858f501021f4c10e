"""Hand the same jobs to a cluster of machines: Dask's, which also heals what breaks on the way.

Each worker has sandboxes of its own and keeps the same limits. A job whose worker is lost is given
to another one; a job that has lost several workers is given up.
"""

import contextlib
import functools
import json
import threading

from .grading import given_up, grade_all
from .own import PACKAGE, digest, load_own
from .plan import Plan
from .sandbox import Sandbox

__all__ = ["grade_on_cluster"]

WAIT, AHEAD = 30, 2  # seconds for the first worker; jobs per thread that are on their way
TURNS = threading.Lock()  # each submission has a user of its own, and its child no other's pipes


def grade_on_cluster(jobs, address, setup, rounds):
    """Yield the key and the results of each job, like :func:`.grading.grade_all`.

    Parameters
    ----------
    jobs : iterable of Job
    address : str
        Of the scheduler.
    setup : str
        JSON: the plan's checks; the folder of the instructor's own, and its digest; the digest of
        the package; whether to do without a sandbox; the limits.
    rounds : callable

    Raises
    ------
    ValueError
        If there is no cluster, no worker, or one with another version of the package or the checks.
    SandboxError
        If a worker has no sandbox.
    """
    from distributed import Client, KilledWorker, as_completed

    jobs, running = iter(jobs), {}
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(Client(address))
            client.wait_for_workers(1, timeout=WAIT)
        except (OSError, ValueError) as error:
            how = "start `dask scheduler`, and `dask worker` with the scheduler's address"
            raise ValueError(f"no cluster with workers at {address} ({error}): {how}") from None
        finished = as_completed(loop=client.loop)
        while True:
            threads = max(1, sum(client.nthreads().values()))
            while len(running) < AHEAD * threads and (job := next(jobs, None)) is not None:
                future = client.submit(_judged, setup, job, pure=False, retries=2)
                running[future.key] = job
                finished.add(future)
            if not running:
                return
            job = running.pop((future := next(finished)).key)
            try:
                yield job.key, future.result()
            except KilledWorker as lost:
                yield job.key, given_up(rounds(job), f"it has ended its workers ({lost})")


def _judged(setup, job):
    """Judge one submission; this runs on a worker, whose threads take turns."""
    with TURNS:
        plan, sandbox, limits = _prepared(setup)
        return dict(grade_all([job], plan.rounds, sandbox, **limits))[job.key]


@functools.lru_cache(maxsize=1)
def _prepared(setup):
    """Return the plan and a sandbox, once for each worker."""
    checks, folders, package, unsafe, limits = json.loads(setup)
    for folder, wanted in [(PACKAGE, package), *folders]:
        if digest(folder) != wanted:
            raise ValueError(f"{folder} is not the same on all machines of the cluster")
    own = load_own(folders[0][0]) if folders else {}
    return Plan(checks, {}, own), Sandbox(unsafe=unsafe), limits

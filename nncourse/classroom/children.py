"""Work on what strangers sent, in child processes with limits: a bomb costs its sender alone.

The parent reads nothing but short reports, so that it can always be stopped, and goes on.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import warnings
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait

__all__ = ["Lost", "in_children", "stop"]

MEGABYTE = 1 << 20
MEMORY = 512 * MEGABYTE  # for what a child adds to its parent's memory
SECONDS = 20  # of computing, for one step; waiting for the sandbox is none
REPORT = 8 * MEGABYTE
DIE_WITH_PARENT = 1
LIVE = set()  # the children of this process


@dataclass(frozen=True)
class Lost:
    """A child has ended without a result, in the step that it had announced last."""

    step: list
    reason: str = "it took too much time or memory"


def in_children(tasks, work, prepare, *, jobs=1):
    """Yield each task with its result, or :class:`Lost`, as they end.

    Parameters
    ----------
    tasks : collections.deque
        May grow while it is worked on.
    work : callable
        ``work(task, tell)`` returns plain data (JSON). ``tell(step)`` says what comes next, a list
        of texts and numbers: it has ``SECONDS`` of its own computing time.
    prepare : callable
        Called in the parent before each child starts.
    jobs : int
        How many children at the same time.
    """
    running = {}
    try:
        while tasks or running:
            while tasks and len(running) < jobs:
                prepare()
                child = _Child(tasks.popleft(), work)
                running[child.connection] = child
            for connection in wait(list(running)):
                child = running[connection]
                if child.listen():
                    del running[connection]
                    child.end()
                    yield child.task, child.outcome
    finally:
        for child in running.values():
            child.end()


def stop():
    """End all children at once; may be called from another thread."""
    for child in list(LIVE):
        child.process.kill()


class _Child:
    def __init__(self, task, work):
        self.task, self.step, self.outcome = task, [], None
        self.connection, theirs = get_context("fork").Pipe(duplex=False)
        self.process = get_context("fork").Process(
            target=_serve, args=(theirs, work, task, os.getpid())
        )
        with warnings.catch_warnings():  # NumPy's own threads are idle while this one forks
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        theirs.close()
        LIVE.add(self)

    def listen(self):
        """Take in one message; return whether it was the last."""
        try:
            kind, content = json.loads(self.connection.recv_bytes(REPORT))
        except (EOFError, OSError, ValueError):
            self.outcome = Lost(self.step)
            return True
        if kind == "step":
            self.step = content
            return False
        self.outcome = content if kind == "result" else Lost(self.step, content)
        return True

    def end(self):
        """End the child, and with it its sandbox."""
        LIVE.discard(self)
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection, work, task, parent):
    """The child: work within limits, and send what comes of it."""
    os.setsid()  # Ctrl-C is the parent's affair
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it has died meanwhile
            os._exit(1)
        _limit(resource.RLIMIT_DATA, _data() + MEMORY)

    def tell(step):
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + SECONDS)
        connection.send_bytes(json.dumps(["step", step]).encode())

    try:
        message = ["result", work(task, tell)]
    except Exception as error:
        message = ["lost", f"{type(error).__name__}: {error}"[:200]]
    connection.send_bytes(json.dumps(message).encode())
    connection.close()
    os._exit(0)


def _limit(what, soft):
    """Set a limit for this process; those that it starts may set their own."""
    hard = resource.getrlimit(what)[1]
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(what, (soft, hard))


def _data():
    """Return the bytes of writable memory that this process has reserved."""
    with open("/proc/self/status", encoding="ascii") as file:
        found = [line for line in file if line.startswith("VmData")]
    return int(found[0].split()[1]) * 1024

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
from multiprocessing import Pipe
from multiprocessing.connection import wait

__all__ = ["Lost", "in_children"]

MEGABYTE = 1 << 20
MEMORY = 512 * MEGABYTE  # for what a child adds to its parent's memory
SECONDS = 20  # of computing, for one step; waiting for the sandbox is none
REPORT = 24 * MEGABYTE
DIE_WITH_PARENT = 1


@dataclass(frozen=True)
class Lost:
    """A child has ended without a result, in the step that it had announced last."""

    step: list
    reason: str = "it took too much time or memory"


def in_children(tasks, work, *, jobs=1, attempts=1, prepare=None):
    """Yield each task with its result, or :class:`Lost`, as they end.

    Parameters
    ----------
    tasks : iterable
        The next one is asked for when a child is free for it.
    work : callable
        ``work(task, tell, lost)`` returns plain data (JSON). ``tell(step)`` says what comes next, a
        list of texts and numbers: it has ``SECONDS`` of its own computing time. ``lost`` lists what
        earlier attempts at this task have come to.
    jobs : int
        How many children at the same time.
    attempts : int
        How often a task is begun.
    prepare : callable, optional
        Called in the parent before each child starts.
    """
    tasks, running = iter(tasks), {}

    def begin(task, lost=()):
        if prepare:
            prepare()
        child = _Child(task, work, [*lost])
        running[child.connection] = child

    try:
        while True:
            while len(running) < jobs and (task := next(tasks, None)) is not None:
                begin(task)
            if not running:
                return
            for connection in wait(list(running)):
                child = running[connection]
                if child.listen():
                    del running[connection]
                    child.end()
                    if isinstance(child.outcome, Lost) and len(child.lost) + 1 < attempts:
                        begin(child.task, [*child.lost, child.outcome])
                    else:
                        yield child.task, child.outcome
    finally:
        for child in running.values():
            child.end()


class _Child:
    def __init__(self, task, work, lost):
        self.task, self.lost, self.step, self.outcome = task, lost, [], None
        self.connection, theirs = Pipe(duplex=False)
        parent = os.getpid()
        with warnings.catch_warnings():  # NumPy's own threads are idle while this one forks
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            try:
                _serve(theirs, work, task, lost, parent)
            finally:
                os._exit(0)
        theirs.close()

    def listen(self):
        """Take in one message; return whether it was the last."""
        try:
            message = self.connection.recv_bytes(REPORT).decode("utf-8", "surrogatepass")
            kind, content = json.loads(message)
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
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.connection.close()


def _serve(connection, work, task, lost, parent):
    """The child: work within limits, and send what comes of it."""
    os.setsid()  # Ctrl-C is the parent's affair
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it has died meanwhile
            os._exit(1)
        _limit(resource.RLIMIT_DATA, _data() + MEMORY)

    def send(*message):
        text = json.dumps(message, ensure_ascii=False)
        connection.send_bytes(text.encode("utf-8", "surrogatepass"))

    def tell(step):
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + SECONDS)
        send("step", step)

    try:
        tell([])
        send("result", work(task, tell, lost))
    except Exception as error:
        send("lost", f"{type(error).__name__}: {error}"[:200])
    connection.close()


def _limit(what, soft):
    """Set a limit for this process; those that it starts may set their own."""
    hard = resource.getrlimit(what)[1]
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(what, (soft, hard))


def _data():
    """Return the bytes of writable memory that this process has reserved."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[5]) * resource.getpagesize()

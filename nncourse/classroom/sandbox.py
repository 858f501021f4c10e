"""Where students' code runs: one bubblewrap sandbox for each submission, or nowhere at all.

Inside there is no network, no other process, no /proc and no file but Python, NumPy, the package
without its answers, and a small private /tmp. A filter of system calls forbids new processes, so
the limits of the one process limit everything; a watchdog outside ends what takes too long.
"""

import contextlib
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from .mounts import BASE, HERE, PYTHON, SITE, bubblewrap, copy_course
from .process import SandboxError, Worker, WorkerLost
from .seccomp import write_filter

__all__ = ["Sandbox", "SandboxError", "Worker", "WorkerLost"]

MEGABYTE = 1 << 20
LIMITS = {
    "RLIMIT_AS": 1024 * MEGABYTE,
    "RLIMIT_DATA": 1024 * MEGABYTE,
    "RLIMIT_CPU": 3600,  # the watchdog is stricter
    "RLIMIT_FSIZE": 16 * MEGABYTE,
    "RLIMIT_NOFILE": 64,
    "RLIMIT_NPROC": 32,  # threads, as there are no processes
    "RLIMIT_CORE": 0,
}
USERS = 50_000, 9_000  # hardly anyone's: the first, and how many
ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": f"{BASE}/lib"}
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
QUIET |= {"start_new_session": True}  # of no terminal
# Tries what must not succeed; must return an empty list.
PROBE = """
import os

def probe(outside):
    found = [path for path in (outside, "/proc/1", "/etc/passwd", "/home") if os.path.exists(path)]
    for name, attempt in (
        ("fork", os.fork),
        ("write", lambda: open("/course/x", "w")),
        ("socket", lambda: __import__("_socket").socket()),
        ("root", lambda: os.setuid(0)),
    ):
        try:
            attempt()
            found.append(name)
        except OSError:
            pass
    return found
"""


class Sandbox(contextlib.AbstractContextManager):
    """Starts workers. Cannot be made where it would not be safe, unless told to do without.

    Parameters
    ----------
    unsafe : bool
        Run students' code as yourself, with all your rights.

    Raises
    ------
    SandboxError
        If a trial shows that the sandbox is missing or leaks.
    """

    def __init__(self, *, unsafe=False):
        self.unsafe, self._users = unsafe, itertools.count(secrets.randbelow(USERS[1]))
        self.renew()
        self._folder = tempfile.TemporaryDirectory(prefix="nncourse-")
        self.stage, self._filter = Path(self._folder.name, "course"), os.devnull
        copy_course(self.stage)
        try:
            if not unsafe:
                if shutil.which("bwrap") is None:
                    raise SandboxError("bubblewrap is not installed (apt-get install bubblewrap)")
                self._filter = Path(self._folder.name, "filter")
                write_filter(self._filter)
            with self.start() as worker:
                cell = {"cell": PROBE, "number": 0, "definitions_only": False, "names": ["probe"]}
                worker.ask(cell, 20)
                call = {"call": "probe", "arguments": (str(HERE),), "without": ()}
                found = worker.ask(call, 20)
                if not unsafe and (found.get("result") != [] or worker.uid == 0):
                    raise SandboxError(f"it leaks: {found}")
        except (SandboxError, WorkerLost, OSError) as error:
            self.close()
            raise SandboxError(
                f"no sandbox, so nothing was run: {error}. It needs Linux, bubblewrap 0.7 or newer "
                "and libseccomp. To run students' code with all your rights: --unsafe-no-sandbox"
            ) from error

    def renew(self):
        """Give the sandboxes that are started from now on another user: each submission has one."""
        self.uid = USERS[0] + next(self._users) % USERS[1]

    def start(self):
        """Return a new :class:`Worker`; use it as a context manager."""
        ours, theirs = socket.socketpair()
        told, tells = os.pipe()
        with ours, theirs, open(self._filter, "rb") as program:
            settings = {"fd": theirs.fileno(), "uid": None, "path": [str(self.stage), str(SITE)]}
            command, keep = [sys.executable], [theirs.fileno()]
            if self.unsafe:
                settings["limits"] = {"RLIMIT_CPU": LIMITS["RLIMIT_CPU"]}
            else:
                settings |= {"limits": LIMITS, "path": ["/course", "/site"]}
                settings["uid"] = self.uid if os.getuid() == 0 else None
                keep += [program.fileno(), tells]
                size = LIMITS["RLIMIT_FSIZE"]
                command = [*bubblewrap(self.stage, program.fileno(), tells, size), str(PYTHON)]
            command += ["-I", "-S", "-B", f"{settings['path'][0]}/worker.py", json.dumps(settings)]
            process = subprocess.Popen(command, **QUIET, env=ENVIRONMENT, pass_fds=keep)
            os.close(tells)
            worker = Worker(process, ours.dup())
        with os.fdopen(told) as information:
            worker.greet(lambda: process.pid if self.unsafe else _inner(information.read()))
        return worker

    def close(self):
        """Remove the course's copy."""
        self._folder.cleanup()

    def __exit__(self, *_):
        self.close()


def _inner(information):
    """Return the number of the one process in a sandbox, from what bubblewrap says of its first."""
    try:
        first = json.loads(information)["child-pid"]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return int(children[0])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise SandboxError(f"its process cannot be found ({error})") from None

"""Where students' code runs: one bubblewrap sandbox for each submission, or nowhere at all.

Inside there is no network, no other process, no /proc and no file but Python, NumPy, the package
without its answers, and a small private /tmp. A filter of system calls forbids new processes, so
the limits of the one process limit everything; a watchdog outside ends what takes too long.
"""

import compileall
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import numpy as np

from . import wire
from .seccomp import bpf_program

__all__ = ["Sandbox", "SandboxError", "Worker", "WorkerLost"]

HERE = Path(__file__).resolve().parent
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
BASE = Path(sys.base_prefix).resolve()
LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
SITE = Path(np.__file__).resolve().parents[1]
MEGABYTE = 1 << 20
LIMITS = {
    "RLIMIT_AS": 1024 * MEGABYTE,
    "RLIMIT_CPU": 120,
    "RLIMIT_FSIZE": 16 * MEGABYTE,
    "RLIMIT_NOFILE": 64,
    "RLIMIT_NPROC": 32,  # threads, as there are no processes
    "RLIMIT_CORE": 0,
}
UIDS = itertools.cycle(range(50_000, 59_000))  # hardly anyone's; another for each sandbox
ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": f"{BASE}/lib"}
# In place of nncourse.exercises: any name, no answers, no checks.
STAND_IN = '''"""Your answers are checked outside, after your notebook has run."""


class Verdict:
    passed = True


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    return lambda *arguments, **options: Verdict()
'''
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


class SandboxError(RuntimeError):
    """There is no safe place to run students' code."""


class WorkerLost(Exception):
    """The process of a submission has ended, took too long, or sent what no one can read."""


class Sandbox:
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
        self.unsafe, self.stopped, self.live = unsafe, False, set()
        self._folder = tempfile.TemporaryDirectory(prefix="nncourse-")
        self.stage = Path(self._folder.name, "course")
        _copy_course(self.stage)
        try:
            if not unsafe:
                if shutil.which("bwrap") is None:
                    raise SandboxError("bubblewrap is not installed (apt-get install bubblewrap)")
                self._filter = bpf_program()
            with self.start() as worker:
                worker.ask({"cell": PROBE, "definitions_only": False}, 20)
                found = worker.ask({"call": "probe", "arguments": (str(HERE),)}, 20)
                if not unsafe and (found.get("result") != [] or worker.uid == 0):
                    raise SandboxError(f"it leaks: {found}")
        except (SandboxError, WorkerLost, OSError) as error:
            self.close()
            raise SandboxError(
                f"no sandbox, so nothing was run: {error}. It needs Linux, bubblewrap 0.7 or newer "
                "and libseccomp. To run students' code with all your rights: --unsafe-no-sandbox"
            ) from error

    def start(self):
        """Return a new :class:`Worker`; use it as a context manager."""
        if self.stopped:
            raise SandboxError("stopped")
        ours, theirs = socket.socketpair()
        with ours as connection, theirs, tempfile.TemporaryFile() as program:
            settings = {"fd": theirs.fileno(), "uid": None, "path": [str(self.stage), str(SITE)]}
            command, keep = [sys.executable], [theirs.fileno()]
            if self.unsafe:
                settings["limits"] = {"RLIMIT_CPU": LIMITS["RLIMIT_CPU"]}
            else:
                settings |= {"limits": LIMITS, "path": ["/course", "/site"]}
                settings["uid"] = next(UIDS) if os.getuid() == 0 else None
                program.write(self._filter)
                program.seek(0)
                keep.append(program.fileno())
                command = [*_bwrap(self.stage, program.fileno()), str(PYTHON)]
            command += ["-I", "-S", "-B", f"{settings['path'][0]}/worker.py", json.dumps(settings)]
            process = subprocess.Popen(
                command,
                env=ENVIRONMENT,
                pass_fds=keep,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            worker = Worker(self, process, connection.dup())
        worker.greet()
        return worker

    def stop(self):
        """End every submission that is running, and start none any more."""
        self.stopped = True
        for worker in list(self.live):
            worker.process.kill()

    def close(self):
        """End everything and remove the course's copy."""
        self.stop()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Worker:
    """One running submission; asked one thing at a time."""

    def __init__(self, sandbox, process, connection):
        self.process, self._sandbox, self._socket = process, sandbox, connection
        sandbox.live.add(self)
        if sandbox.stopped:
            process.kill()

    def greet(self):
        """Wait until the worker is ready."""
        try:
            self.uid = self._receive(time.monotonic() + 30)["uid"]
        except (WorkerLost, TypeError, KeyError) as lost:
            self.process.kill()
            said = self.process.stderr.read(2000).decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"the sandbox does not start: {said or lost}") from None

    def ask(self, message, seconds):
        """Send a message and return the reply, a dict.

        Raises
        ------
        WorkerLost
            If there is no proper reply in time. The process is killed then.
        """
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(wire.pack(message))
            reply = self._receive(deadline)
        except (OSError, wire.WireError, WorkerLost) as error:
            self.process.kill()
            if self._sandbox.stopped:
                raise SandboxError("stopped") from None
            late = time.monotonic() >= deadline
            raise WorkerLost("time was up" if late else str(error)) from None
        return reply if isinstance(reply, dict) else {}

    def _receive(self, deadline):
        def read(size):
            data = bytearray()
            while len(data) < size:
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = self._socket.recv(min(size - len(data), MEGABYTE))
                if not piece:
                    raise WorkerLost("Python ended, or used too much memory")
                data += piece
            return bytes(data)

        try:
            return wire.unpack(read)
        except (wire.WireError, OSError) as error:
            raise WorkerLost(str(error)) from None

    def close(self):
        """End the process, and with it everything in its sandbox."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self._socket.close()
        self._sandbox.live.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _bwrap(stage, program):
    """Return the bubblewrap command, up to the program that it is to start."""
    mounts = ["--size", str(LIMITS["RLIMIT_FSIZE"]), "--perms", "1777", "--tmpfs", "/tmp"]
    made, bound = {Path("/tmp")}, []
    for path in filter(Path.exists, map(Path, ("/usr/lib", "/usr/lib64", BASE / "lib", PYTHON))):
        if not any(folder in path.parents for folder in bound):
            for parent in [p for p in path.parents[-2::-1] if p not in made]:
                mounts += ["--perms", "0755", "--dir", str(parent)]  # else root's alone
                made.add(parent)
            mounts += ["--ro-bind", str(path), str(path)]
            bound.append(path)
    for others in (LIBRARY / "site-packages", LIBRARY.parent / "python3/dist-packages"):
        if others.is_dir():  # whatever else is installed, the answers perhaps
            mounts += ["--perms", "0755", "--tmpfs", str(others), "--remount-ro", str(others)]
    for link in ("/lib", "/lib64"):
        if os.path.islink(link):
            mounts += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            mounts += ["--ro-bind", link, link]
    rights = ["--unshare-user", "--cap-drop", "ALL"]
    if os.getuid() == 0:  # the worker gives up root itself, for a user that owns nothing
        rights = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    libraries = str(SITE / "numpy.libs") if (SITE / "numpy.libs").exists() else str(stage)
    return [
        *(
            shutil.which("bwrap"),
            "--unshare-pid",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
        ),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", *rights, *mounts),
        *("--perms", "0755", "--dir", "/site", "--ro-bind", str(SITE / "numpy"), "/site/numpy"),
        *("--ro-bind", libraries, "/site/numpy.libs", "--ro-bind", str(stage), "/course"),
        *("--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"),
        *("--dev-bind", "/dev/urandom", "/dev/urandom", "--chdir", "/tmp", "--remount-ro", "/"),
        *("--seccomp", str(program), "--"),
    ]


def _copy_course(stage):
    """Copy what a submission may read: the package without answers, the worker, the wire."""
    without = shutil.ignore_patterns("classroom", "exercises", "__pycache__")
    shutil.copytree(HERE.parent, stage / "nncourse", ignore=without)
    (stage / "nncourse" / "exercises").mkdir()
    (stage / "nncourse" / "exercises" / "__init__.py").write_text(STAND_IN, encoding="utf-8")
    for name in ("worker.py", "wire.py"):
        shutil.copy(HERE / name, stage)
    compileall.compile_dir(stage, quiet=2, workers=1)
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)

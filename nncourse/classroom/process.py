"""One sandboxed process, seen from outside: it is asked, it answers, and it is timed and ended."""

import contextlib
import os
import select
import signal
import time
from pathlib import Path

from ..exercises import wire

__all__ = ["SandboxError", "Worker", "WorkerLost"]

MEGABYTE = 1 << 20
GRACE = 1.0  # seconds between asking a process to stop and ending it
FILES = 10_000  # in its /tmp
START = 60.0  # seconds for a sandbox to start


class SandboxError(RuntimeError):
    """There is no safe place to run students' code."""


class WorkerLost(Exception):
    """The process of a submission has ended, took too long, or sent what no one can read."""


class Clock:
    """A process's own time: what it computes and what it sleeps, not what it waits for a processor.

    A neighbour that keeps the processors busy takes nothing from it. Many threads that compute at
    once count together.
    """

    def __init__(self, pid):
        self._folder = Path(f"/proc/{pid}")

    def __call__(self):
        """Return two readings in seconds: without the waiting; computed by all threads."""
        now = time.monotonic()
        try:
            waited = int((self._folder / "schedstat").read_text().split()[1]) / 1e9
            fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError, ValueError):  # it has ended, or this system does not say
            return now, 0.0
        computed = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return now - waited, computed

    def since(self, start):
        """Return the seconds of its own time since ``start`` was read."""
        return max(now - then for now, then in zip(self(), start, strict=True))


class Worker(contextlib.AbstractContextManager):
    """One running notebook; asked one thing at a time.

    ``spent`` adds up the seconds of its own time that it has used while it was asked.
    """

    def __init__(self, process, connection):
        self.process, self._socket, self.spent = process, connection, 0.0
        self._pid, self._clock = process.pid, Clock(process.pid)

    def greet(self, find_pid):
        """Wait until the worker is ready."""
        try:
            self.uid = self._receive(START)["uid"]
        except (WorkerLost, TypeError, KeyError) as lost:
            self.process.kill()
            said = self.process.stderr.read(2000).decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"the sandbox does not start: {said or lost}") from None
        self._pid = find_pid()
        self._clock = Clock(self._pid)

    def ask(self, message, seconds):
        """Send a message and return the reply, a dict; ``late`` in it says that time was up.

        When its time is up the submission is interrupted; it is killed if that does not help.

        Raises
        ------
        WorkerLost
            If there is no proper reply in time. The process is dead then.
        """
        start, before = self._clock(), time.monotonic()
        try:
            self._socket.settimeout(START)
            self._socket.sendall(wire.pack(message))
            reply = self._receive(seconds, start)
        except (OSError, wire.WireError, WorkerLost) as error:
            self.process.kill()
            raise WorkerLost(str(error)) from None
        finally:
            used = self._clock.since(start)
            self.spent += used if used >= 0 else time.monotonic() - before
        return reply if isinstance(reply, dict) else {}

    def _receive(self, seconds, start=None):
        start, self._late = start or self._clock(), False

        def read(size):
            data = bytearray()
            while len(data) < size:
                self._wait(seconds, start)
                piece = self._socket.recv(min(size - len(data), MEGABYTE))
                if not piece:
                    raise WorkerLost("Python ended, or used too much memory")
                data += piece
            return bytes(data)

        reply = wire.unpack(read)
        return reply | {"late": self._late} if isinstance(reply, dict) else reply

    def _wait(self, seconds, start):
        """Wait until there is something to read; interrupt, and then give up, when time is up."""
        while True:
            left = seconds - self._clock.since(start) + self._late * GRACE
            if self._crowded():
                raise WorkerLost("it has made too many files")
            if left <= 0 and self._late:
                raise WorkerLost(f"it did not end within {seconds:g} seconds")
            if left <= 0:
                self._late, left = True, 0.05
                os.kill(self._pid, signal.SIGINT)
            if select.select([self._socket], [], [], min(max(left, 0.01), 0.5))[0]:
                return

    def _crowded(self):
        """Say whether its /tmp is full of files: however empty, each costs the kernel memory."""
        with contextlib.suppress(OSError):
            found = os.statvfs(f"/proc/{self._pid}/root/tmp")  # its own only in a sandbox
            return self._pid != self.process.pid and found.f_files - found.f_ffree > FILES
        return False

    def close(self):
        """End the process, and with it everything in its sandbox."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self._socket.close()

    def __exit__(self, *_):
        self.close()

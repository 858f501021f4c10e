"""What a chapter costs to run: time and memory, measured by the chapter itself."""

import sys
import time

__all__ = ["Run"]


class Run:
    """A stopwatch that starts when it is made, and knows the process's peak memory.

    Raises
    ------
    RuntimeError
        If memory is asked for on Windows, where it is not measured.

    Examples
    --------
    >>> run = Run()
    >>> run  # doctest: +ELLIPSIS
    This run: 0 s, peak memory ... MB
    >>> run.seconds < 60 and run.megabytes > 10
    True
    """

    def __init__(self):
        self._start = time.perf_counter()

    @property
    def seconds(self):
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def megabytes(self):
        """Largest memory this process has held so far, in units of 10⁶ bytes."""
        if sys.platform == "win32":  # pragma: no cover
            raise RuntimeError("peak memory is not measured on Windows; use WSL, Colab or Binder")
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024) / 1e6

    def __repr__(self):
        return f"This run: {self.seconds:.0f} s, peak memory {self.megabytes:.0f} MB"

"""What a chapter costs to run: time and memory, measured by the chapter itself."""

import sys
import time

__all__ = ["Run"]


class Run:
    """A stopwatch that starts when it is made, and knows the process's peak memory.

    Raises
    ------
    RuntimeError
        If memory is asked for where it is not measured, as on Windows; there a run prints its
        seconds alone.

    Examples
    --------
    >>> run = Run()
    >>> run  # doctest: +ELLIPSIS
    This run: ... s, peak memory ... MB
    >>> run.seconds > 0 and run.megabytes > 10
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
        try:
            import resource
        except ImportError:
            raise RuntimeError(
                f"peak memory is not measured on {sys.platform}; use WSL, Colab or Binder"
            ) from None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024) / 1e6

    def __repr__(self):
        seconds = f"This run: {self.seconds:.0f} s"
        try:
            return f"{seconds}, peak memory {self.megabytes:.0f} MB"
        except RuntimeError:
            return seconds

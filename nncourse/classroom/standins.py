"""Inside the sandbox: what a notebook may mention although it is not there, and does no harm.

Drawing, progress bars, ``display`` and magics. They do nothing, so the cells around them count.
"""

import importlib.abc
import importlib.machinery
import sys

import numpy as np

__all__ = ["Shell", "install"]

QUIET = "IPython altair bokeh google ipywidgets matplotlib mpl_toolkits plotly seaborn tqdm".split()


class Quiet:
    """Takes every call, attribute and index, and does nothing."""

    def __init__(self, *arguments, **options):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return SPECIAL.get(name, Quiet())

    __call__ = __getitem__ = lambda self, *_, **__: Quiet()
    __setitem__ = __exit__ = lambda self, *_: None

    def __iter__(self):
        return iter(())

    def __enter__(self):
        return self

    def __repr__(self):
        return ""


class Bar(Quiet):
    """A progress bar that shows nothing: loops over what it was given."""

    def __init__(self, iterable=(), *arguments, **options):
        self._iterable = iterable

    def __iter__(self):
        return iter(self._iterable)

    def __len__(self):
        return len(self._iterable)


def subplots(nrows=1, ncols=1, **options):
    """Return a figure and as many axes as were asked for, in matplotlib's arrangement."""
    axes = np.empty((nrows, ncols), dtype=object)
    for place in np.ndindex(axes.shape):
        axes[place] = Quiet()
    return Quiet(), axes[0, 0] if axes.size == 1 else np.squeeze(axes)


class Shell(Quiet):
    """Stands for IPython's shell: a file is written, other magics are not run."""

    def run_cell_magic(self, name, line, cell):
        """Write the file of ``%%writefile name``."""
        if name == "writefile":
            *options, path = line.split()
            with open(path, "a" if "-a" in options else "w") as file:
                file.write(cell)

    def getoutput(self, command, **options):
        """Return the lines that a program prints: there is no program."""
        return []


SPECIAL = {"subplots": subplots, "tqdm": Bar}
SPECIAL["trange"] = lambda *limits, **options: Bar(range(*limits))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in QUIET:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Quiet()

    def exec_module(self, module):
        pass


def install(namespace):
    """Put the stand-ins where notebooks look for them; what is really installed comes first."""
    sys.meta_path.append(_Finder())
    SPECIAL["get_ipython"] = namespace["get_ipython"] = Shell
    SPECIAL["display"] = namespace["display"] = Quiet()

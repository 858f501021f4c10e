"""What a sandbox contains: Python and its library, NumPy, the course without its answers.

Of the machine's own libraries only those files are there that Python and NumPy load.
"""

import compileall
import functools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

__all__ = ["BASE", "PYTHON", "SITE", "bubblewrap", "copy_course"]

HERE = Path(__file__).resolve().parent
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
BASE = Path(sys.base_prefix).resolve()
LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
SITE = Path(np.__file__).resolve().parents[1]
INSIDE = ("worker.py", "cells.py", "standins.py")
# In place of nncourse.exercises: any name, no answers, no checks; remembers what is handed in.
STAND_IN = '''"""Your answers are checked outside, after each cell of your notebook."""

from standins import Quiet

handed = {}


def check(name, function=None, *arguments, **options):
    handed[name] = function
    return Quiet()


def __getattr__(name):
    return getattr(Quiet(), name)
'''


def copy_course(stage):
    """Copy what a submission may read: the package without answers, the inside of the sandbox."""
    without = shutil.ignore_patterns("classroom", "exercises", "__pycache__")
    shutil.copytree(HERE.parent, stage / "nncourse", ignore=without)
    exercises = stage / "nncourse" / "exercises"
    exercises.mkdir()
    (exercises / "__init__.py").write_text(STAND_IN, encoding="utf-8")
    for name in ("calling.py", "wire.py"):
        shutil.copy(HERE.parent / "exercises" / name, exercises)
    for name in INSIDE:
        shutil.copy(HERE / name, stage)
    compileall.compile_dir(stage, quiet=2, workers=1)
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@functools.cache
def _libraries():
    """Return the machine's shared libraries that Python, its modules and NumPy need."""
    files = [PYTHON, *LIBRARY.glob("lib-dynload/*.so"), *(SITE / "numpy").rglob("*.so")]
    said = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"(?:=> |^\t)(/\S+)(?= \(0x)", said, re.MULTILINE))
    return sorted(Path(os.path.normpath(path)) for path in found)


def bubblewrap(stage, program, information, size):
    """Return the bubblewrap command, up to the program that it is to start.

    Parameters
    ----------
    stage : Path
        The copy of the course.
    program, information : int
        Open files: the seccomp filter, and what receives the number of the process.
    size : int
        Bytes of the private /tmp.
    """
    made, bound = {Path("/tmp"), Path("/")}, []
    mounts = ["--size", str(size), "--perms", "1777", "--tmpfs", "/tmp"]

    def folder(path):
        if any(parent.is_symlink() for parent in (path, *path.parents)):
            return
        for parent in [p for p in (path, *path.parents)[::-1] if p not in made]:
            mounts.extend(["--perms", "0755", "--dir", str(parent)])  # else root's alone
            made.add(parent)

    for link in ("/lib", "/lib64", "/usr/lib64"):
        if os.path.islink(link):
            folder(Path(link).parent)
            mounts += ["--symlink", os.readlink(link), link]
    for path in (LIBRARY, PYTHON, *_libraries()):
        real = path.parent.resolve() / path.name
        if not any(above in real.parents for above in bound):
            folder(real.parent)
            mounts += ["--ro-bind", str(path), str(real)]
            bound.append(real)
    for others in (LIBRARY / "site-packages", LIBRARY.parent / "python3/dist-packages"):
        if others.is_dir():  # whatever else is installed, the answers perhaps
            mounts += ["--perms", "0755", "--tmpfs", str(others), "--remount-ro", str(others)]
    rights = ["--unshare-user", "--cap-drop", "ALL"]
    if os.getuid() == 0:  # the worker gives up root itself, for a user that owns nothing
        rights = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    libraries = str(SITE / "numpy.libs") if (SITE / "numpy.libs").exists() else str(stage)
    return [
        *(shutil.which("bwrap"), "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session"),
        *(*rights, *mounts, "--info-fd", str(information)),
        *("--perms", "0755", "--dir", "/site", "--ro-bind", str(SITE / "numpy"), "/site/numpy"),
        *("--ro-bind", libraries, "/site/numpy.libs", "--ro-bind", str(stage), "/course"),
        *("--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"),
        *("--dev-bind", "/dev/urandom", "/dev/urandom", "--chdir", "/tmp", "--remount-ro", "/"),
        *("--seccomp", str(program), "--"),
    ]

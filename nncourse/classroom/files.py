"""Look through folders and ZIP files that strangers made: lazily, and within limits.

Nothing is unpacked, no link is followed, and no file is read further than its limit. A ZIP file
counts as a folder.
"""

import contextlib
import io
import itertools
import os
import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "FileError", "children", "is_zip", "read", "visible"]

READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
MAXIMUM_BYTES, MAXIMUM_DEPTH, MAXIMUM_ENTRIES = 20_000_000, 12, 100_000
DIRECTORY_BYTES = 4_000_000  # of the list of contents of a ZIP file
ENDS, LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
NOTEBOOK = re.compile(r".*(\.ipynb(\W.*|\.\w+)?|\.py)", re.IGNORECASE | re.DOTALL)
LINK = "it is a link; links are refused"
TWICE = "the ZIP file has it twice; the last one counts"
DRIVE = re.compile(r"^([A-Za-z]:|[\\/])")


class FileError(ValueError):
    """A file or folder cannot be read, or is not what it should be."""


@dataclass(frozen=True)
class Entry:
    """A file or a folder: on the disk, or inside a ZIP file on the disk.

    Parameters
    ----------
    parts : tuple of str
        Its path below the class's folder, ZIP files included.
    path : Path
        The file on the disk.
    members : tuple of str
        Names inside: one for each ZIP file on the way, the last one this entry's.
    tree : dict, optional
        The contents of a folder inside a ZIP file.
    folder : bool
    problem : str
        Why it cannot be opened.
    """

    parts: tuple
    path: Path
    members: tuple = ()
    tree: dict | None = None
    folder: bool = False
    problem: str = ""

    @property
    def name(self):
        """Its own name."""
        return self.parts[-1]

    def __str__(self):
        return visible("/".join(self.parts))


def visible(text):
    r"""Return a text without characters that are invisible or turn others around.

    Examples
    --------
    >>> visible("Ada\nLovelace")
    'Ada�Lovelace'
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def is_zip(entry):
    """Say whether an entry is a ZIP file, by its name."""
    return not entry.folder and entry.name.lower().endswith(".zip")


def children(entry, limit=MAXIMUM_ENTRIES):
    """Return what a folder or ZIP file contains: notebooks first, then by name, up to a limit.

    Raises
    ------
    FileError
        If it cannot be opened, or is a ZIP file that is damaged, encrypted or too large.
    """
    if entry.tree is not None:
        found = entry.tree.values()
    elif entry.folder:
        try:
            with os.scandir(entry.path) as items:
                found = [_on_disk(entry, i) for i in itertools.islice(items, MAXIMUM_ENTRIES)]
        except OSError as error:
            raise FileError(f"it cannot be opened: {error.strerror}") from None
    else:
        with _opened(entry.path, entry.members) as archive:
            found = _tree(archive, entry).values()
    return sorted(found, key=_order)[:limit]


def read(entry, limit=MAXIMUM_BYTES):
    """Return the bytes of a file.

    Raises
    ------
    FileError
        If it is no regular file, cannot be read, or has more than ``limit`` bytes.
    """
    if entry.problem:
        raise FileError(entry.problem)
    if not entry.members:
        with _regular(entry.path) as file:
            data = file.read(limit + 1)
    else:
        with _opened(entry.path, entry.members[:-1]) as archive:
            data = _member(archive, entry.members[-1], limit)
    if len(data) > limit:
        raise FileError(f"it has more than {limit:,} bytes")
    return data


def _order(entry):
    """Notebooks come first, so that no limit hides them; then folders."""
    return not NOTEBOOK.fullmatch(entry.name), not (entry.folder or is_zip(entry)), entry.name


def _on_disk(parent, item):
    parts, path = (*parent.parts, item.name), Path(item.path)
    if item.is_symlink():
        return Entry(parts, path, problem=LINK)
    return Entry(parts, path, folder=item.is_dir(follow_symlinks=False))


def _tree(archive, parent):
    """Return the entries at the top of an archive, by name; its folders hold those below."""
    top = {}
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & 0x800:  # not marked as UTF-8; macOS does not mark it
            with contextlib.suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        parts = [part for part in re.split(r"[\\/]", name) if part not in ("", ".")]
        problem = LINK if stat.S_ISLNK(info.external_attr >> 16) else ""
        if DRIVE.match(name) or ".." in parts:
            problem, parts = "its path leads out of the ZIP file", [parts[-1] if parts else name]
        elif len(parts) > MAXIMUM_DEPTH:
            problem, parts = "it lies in too many folders", parts[-1:]
        members, found = (*parent.members, info.filename), top
        for i, part in enumerate(parts, 1):
            path, last = (*parent.parts, *parts[:i]), i == len(parts)
            if last and part in found and not info.is_dir():
                found[f"{part}/"] = Entry(path, parent.path, members, problem=TWICE)
            if last and (problem or not info.is_dir()):
                found[part] = Entry(path, parent.path, members, problem=problem)
            elif part not in found:
                found[part] = Entry(path, parent.path, members, {}, folder=True)
            found = {} if found[part].tree is None else found[part].tree
    return top


def _regular(path):
    """Open a file on the disk, if it is a regular one."""
    try:
        file = open(os.open(path, READ_ONLY), "rb")
    except OSError as error:
        raise FileError(f"it cannot be opened: {error.strerror} (links are refused)") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileError("it is not a regular file")
    return file


@contextlib.contextmanager
def _opened(path, members):
    """Yield the archive at a path, or the one inside it that ``members`` lead to."""
    if len(members) > 3:
        raise FileError("it is a ZIP file in too many others")
    with _regular(path) as file:
        for member in members:
            file = io.BytesIO(_member(_archive(file), member, MAXIMUM_BYTES))
        yield _archive(file)


def _archive(file):
    """Return the archive in a file, if its list of contents is small."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 70_000))
    tail = file.read()
    ends = [m.start() for m in re.finditer(re.escape(ENDS), tail) if m.start() + 22 <= len(tail)]
    lists = [struct.unpack_from("<L", tail, at + 12)[0] for at in ends]
    if LOCATOR in tail or any(length > DIRECTORY_BYTES for length in lists):
        raise FileError("it is a ZIP file that contains too much; unpack it by hand")
    try:
        return zipfile.ZipFile(file)
    except Exception as error:  # whatever a damaged file makes of the library
        raise FileError(f"it is not a ZIP file: {str(error)[:80]}") from None


def _member(archive, name, limit):
    """Return the first ``limit + 1`` bytes of a member."""
    try:
        info = archive.getinfo(name)
        if info.flag_bits & 0x1:
            raise FileError("it is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError("it is compressed in a way that is not read here")
        with archive.open(info) as file:
            return file.read(limit + 1)
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"it cannot be unpacked: {str(error)[:80]}") from None

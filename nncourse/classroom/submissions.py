"""Find out who handed in what: the folders that Canvas, Moodle and nbgrader give, or any other.

Notebooks are only read here, as data and with limits: nothing in them is run or trusted.
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Submission", "find", "load"]

READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
MAXIMUM_BYTES, MAXIMUM_CELLS = 20_000_000, 1000
CANVAS = re.compile(r"(?P<name>[^\W_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)\.ipynb", re.S)
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?", re.S)
CHAPTER = re.compile(r"[-_ ]+\d\d_[a-z_]+$")  # alice_04_backpropagation.ipynb is alice's
AGAIN = re.compile(r"-(\d{1,9})$")  # what Canvas appends to a file that is handed in again


@dataclass
class Submission:
    r"""What one student handed in; ``id`` is safe as the name of a file.

    Examples
    --------
    >>> Submission("Ada\nLovelace").name
    'Ada?Lovelace'
    """

    student: str
    number: str = ""
    layout: str = "folder"
    late: bool = False
    id: str = ""
    paths: list = field(default_factory=list)
    superseded: list = field(default_factory=list)

    @property
    def name(self):
        """The student's name without characters that cannot be printed."""
        return "".join(c if c.isprintable() else "?" for c in self.student)


def find(folder):
    """Return the submissions in a folder, sorted by student.

    Raises
    ------
    ValueError
        If there is no notebook.
    """
    found, versions = {}, {}
    for path in _notebooks(folder):
        one, file, version = _identify(path.relative_to(folder).parts)
        one = found.setdefault((one.layout, one.number or one.student), one)
        one.late |= "_LATE_" in path.name and one.layout == "canvas"
        versions.setdefault((id(one), file), []).append((version, path, one))
    if not found:
        raise ValueError(f"expected a folder of notebooks (*.ipynb), found none in {folder}")
    for same_file in versions.values():
        *earlier, (_, path, one) = sorted(same_file, key=lambda version: version[:2])
        one.paths.append(path)
        one.superseded += [path for _, path, _ in earlier]
    submissions = sorted(found.values(), key=lambda s: (s.student.casefold(), s.student, s.number))
    taken = set()
    for one in submissions:
        one.id = _file_name(one, taken)
    return submissions


def _notebooks(folder):
    """Yield all notebooks below a folder; links to folders are not followed."""
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - {".ipynb_checkpoints", "__MACOSX"})
        for name in sorted(files):
            if name.endswith(".ipynb") and not name.startswith("._"):  # macOS keeps remarks there
                yield Path(top, name)


def _identify(parts):
    """Return whose notebook this is, which of the student's files, and its version.

    Only what the learning platform has named says so, never what is inside a student's folder.
    """
    first, *rest = parts
    if rest and (named := MOODLE.fullmatch(first)):
        return Submission(named["name"], named["id"], "moodle"), "/".join(rest), 0
    if not rest and (named := CANVAS.fullmatch(first)):
        again = AGAIN.search(named["file"])
        file = AGAIN.sub("", named["file"])
        return Submission(named["name"], named["id"], "canvas"), file, int(again[1] if again else 0)
    if first == "submitted" and len(rest) > 1:
        first, *rest = rest
    if rest:
        return Submission(first), "/".join(rest), 0
    stem = first.removesuffix(".ipynb")
    return Submission(CHAPTER.sub("", stem) or stem), first, 0


def _file_name(one, taken):
    """Return a short name for files: letters, digits, dots and dashes, unique in any case."""
    whole = f"{one.student}-{one.number}" if one.number else one.student
    safe = re.sub(r"[^A-Za-z0-9.-]+", "-", whole).strip(".-")[:60]
    if safe != whole or safe.casefold() in taken:
        digest = hashlib.sha256(f"{one.layout} {whole}".encode("utf-8", "surrogateescape"))
        safe = f"{safe}-{digest.hexdigest()[:8]}".lstrip("-")
    taken.add(safe.casefold())
    return safe


def load(submission):
    """Return the sources of all code cells of a submission, and a remark on each bad file."""
    cells, remarks = [], []
    for path in submission.paths:
        try:
            cells += _cells(_json(path))
        except ValueError as error:
            remarks.append(f"{path.name}: {error}")
    return cells, remarks


def _cells(notebook):
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it is not a notebook of format 4: it has no list of cells")
    code = [c for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]
    if len(code) > MAXIMUM_CELLS:
        raise ValueError(f"it has {len(code):,} code cells; {MAXIMUM_CELLS:,} are allowed")
    lines = [c["source"] if isinstance(c.get("source"), list) else [c.get("source")] for c in code]
    texts = ["".join(line for line in cell if isinstance(line, str)) for cell in lines]
    return [text for text in texts if text.strip()]


def _json(path):
    """Read a file that a stranger wrote: a regular one, not too large, JSON."""
    try:
        with open(os.open(path, READ_ONLY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("it is not a regular file")
            data = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise ValueError(f"it cannot be opened: {error.strerror} (links are refused)") from None
    if len(data) > MAXIMUM_BYTES:
        raise ValueError(f"it has more than {MAXIMUM_BYTES:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not a notebook: {str(error)[:80]}") from None

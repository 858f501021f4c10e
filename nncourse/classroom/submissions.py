"""Find out who handed in what: the folders that learning platforms give, or any other.

``files`` looks through them, ``layouts`` knows the names that platforms write, ``notebooks`` reads
what was found. Everything that was not understood is kept, to be told.
"""

import re
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from . import layouts
from .files import MAXIMUM_BYTES as READ_BYTES
from .files import NOTEBOOK, Entry, FileError, children, is_zip, read, visible
from .notebooks import Notebook, code_cells

__all__ = ["Found", "Submission", "files_of", "find", "load"]

MAXIMUM_FILES, MAXIMUM_NOTEBOOKS, MAXIMUM_DEPTH, MAXIMUM_BYTES = 1000, 20, 10, 60_000_000
PLAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}(_[0-9]{1,20})?")
SLIP = re.compile(r"_attempt_\d{4}(-\d\d){5}\.txt")  # what Blackboard itself puts beside
BLACKBOARD = re.compile(r"\s*Name: *(?P<name>.+?) *\((?P<number>[^()\n]+)\)\s*\n")


@dataclass
class Submission(layouts.Identity):
    """What one student handed in; ``id`` is safe as the name of a file, and unique in the class."""

    entries: list = field(default_factory=list)  # pairs: entry, what the platform says of it
    remarks: list = field(default_factory=list)

    @property
    def name(self):
        """The student's name without characters that cannot be printed."""
        return visible(self.student)

    @property
    def id(self):
        r"""A name for files: the student's where it is simple, otherwise with a digest.

        A simple one has no dot, and stands for one student only: no two have the same.

        Examples
        --------
        >>> Submission("jane").id, Submission("Jürgen").id
        ('jane', 'J-rgen.d70c64451a600452')
        """
        whole = f"{self.student}_{self.number}" if self.layout == "canvas" else self.student
        itself = self.layout == "folder" and self.key in ("", self.student) and "_" not in whole
        if PLAIN.fullmatch(whole) and (itself or (self.layout == "canvas" and "_" in whole)):
            return whole
        slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{self.student}-{self.number}").strip("-")[:40]
        data = f"{self.layout} {self.key or self.student}".encode("utf-8", "surrogateescape")
        return f"{slug or 'x'}.{sha256(data).hexdigest()[:16]}"


@dataclass
class Found:
    """A class: its submissions sorted by student, and what was not understood, with the reason."""

    submissions: list
    unread: list


def find(folder, *, layout=None, without=()):
    """Return the submissions in a folder or ZIP file.

    Parameters
    ----------
    folder : Path
    layout : {None, "folders", "files"}
        By default what the names tell. Otherwise each folder, or each notebook, is a student's.
    without : list of Path
        Folders that are not looked into.

    Raises
    ------
    ValueError
        If there is nothing, or if it looks as if a whole class were one student.
    """
    unread, without = [], {path.resolve() for path in without}
    try:
        entries = children(Entry((), folder, folder=folder.is_dir()))
    except FileError as error:
        raise ValueError(f"expected a folder or ZIP file: {folder}: {error}") from None
    entries = [e for e in entries if e.members or e.path.resolve() not in without]
    names = {}
    if layout == "files":
        entries = layouts.all_files(entries, unread)
    elif layout is None:
        entries = layouts.unwrapped(entries)
        names = _gradescope(entries, unread)
    found, titles = {}, {}
    for entry in entries:
        if layouts.is_junk(entry):
            continue
        who = names.get(entry.name)
        who = who or (None if layout else layouts.recognize(entry.name, folder=entry.folder))
        if who is None and layouts.can_hold_work(entry):
            who = layouts.by_name(entry.name, folder=entry.folder)
        if who is None:
            unread.append((str(entry), entry.problem or "it is no notebook, and nobody's"))
            continue
        if layout == "files":  # the same name in another folder is somebody else
            who.key = "/".join([*entry.parts[:-1], who.key])
        one = found.setdefault((who.layout, who.key), Submission(**vars(who)))
        titles.setdefault((who.layout, who.key), Counter())[who.student] += 1
        one.time = max(filter(None, (one.time, who.time)), default=None)
        one.late |= who.late
        if who.layout == "blackboard" and SLIP.fullmatch(entry.name.removeprefix(who.key)):
            _blackboard(one, entry)
        else:
            one.entries.append((entry, who))
    if not found:
        raise ValueError(f"expected a folder of notebooks (*.ipynb), found none in {folder}")
    names = Counter(one.student for one in found.values() if layout == "files")
    for one in found.values():
        one.student = one.key if names[one.student] > 1 else one.student
        one.entries.sort(key=lambda e: (e[1].late, e[1].time or datetime.min))  # the first counts
    _doubt_names(found, titles)
    layouts.shorten(found.values())
    submissions = sorted(found.values(), key=lambda s: (s.student.casefold(), s.student, s.key))
    return Found(submissions, unread)


def load(submission):
    """Return the notebooks of a submission, remarks on what could not be read, and other files."""
    notebooks, remarks, aside = [], list(submission.remarks), []
    tried, left = 0, MAXIMUM_BYTES
    for name, entry, who in files_of(submission):
        try:
            if entry.problem or NOTEBOOK.fullmatch(entry.name):
                tried += not entry.problem
                if tried > MAXIMUM_NOTEBOOKS:
                    raise FileError(f"only {MAXIMUM_NOTEBOOKS} notebooks of a student are read")
                data = read(entry, min(max(left, 0), READ_BYTES))
                left -= len(data)
                late = str(who.time) if who.time else who.late
                notebooks.append(Notebook(name, code_cells(data, entry.name), late))
            else:
                aside.append(name)
        except FileError as error:
            remarks.append(f"{name[:200]}: {error}")
    if not notebooks:
        remarks.append("there is no notebook that can be read")
    if len(remarks) > 20:
        remarks[20:] = [f"and {len(remarks) - 20} more remarks of this kind"]
    return notebooks, remarks, sorted(aside)[:50]


def files_of(submission):
    """Yield name, entry and what the platform says of it, for each file that was handed in.

    Folders and ZIP files are looked into level by level, until a limit is reached.
    """
    waiting = deque((entry, who, len(entry.parts)) for entry, who in submission.entries)
    archives, several = 0, len(submission.entries) > 1
    for _ in range(MAXIMUM_FILES):
        if not waiting:
            return
        entry, who, top = waiting.popleft()
        name = visible("/".join(entry.parts[top - several :]) or entry.name)
        if len(entry.parts) > top and layouts.is_junk(entry):
            continue
        if entry.problem or not (entry.folder or is_zip(entry)):
            yield name, entry, who
            continue
        try:
            if len(entry.parts) - top > MAXIMUM_DEPTH:
                raise FileError("it lies in too many folders")
            if is_zip(entry) and archives == MAXIMUM_NOTEBOOKS:
                raise FileError(f"only {archives} ZIP files of a student are opened")
            archives += is_zip(entry)
            waiting.extend((e, who, top) for e in children(entry, MAXIMUM_FILES + 1))
        except FileError as error:
            yield name, replace(entry, problem=str(error)), who
    if waiting:
        entry, who, _ = waiting[0]
        why = f"there are more than {MAXIMUM_FILES:,} files; it was not looked at, nor the others"
        yield entry.name, replace(entry, problem=why), who


def _gradescope(entries, unread):
    """Return Gradescope's own list of who handed in which folder, if it is there."""
    for entry in entries:
        if entry.name == "submission_metadata.yml":
            try:
                names = layouts.gradescope_names(read(entry))
                odd = [visible(folder) for folder, who in names.items() if who is None]
                why = "not Gradescope's list of submissions, or not in these: "
                unread += [(str(entry), why + ", ".join(odd)[:200])] if odd else []
                return names
            except ValueError as error:
                unread.append((str(entry), str(error)))
    return {}


def _blackboard(one, entry):
    """Take the name from the text that Blackboard puts beside each attempt."""
    try:
        said = BLACKBOARD.match(read(entry, 100_000).decode("utf-8-sig", "replace"))
    except FileError:
        return
    if said:
        one.student, one.number = said["name"], said["number"]


def _doubt_names(found, titles):
    """Stop if numbers stand for several students: these are not the platform's names."""
    double = [key for key, names in titles.items() if key[0] == "canvas" and len(names) > 1]
    if double and 2 * len(double) >= sum(key[0] == "canvas" for key in found):
        several = ", ".join(map(visible, list(titles[double[0]])[:3]))
        raise ValueError(
            f"these look like names of files from Canvas, but number {double[0][1]} stands for "
            f"several students: {several}. If each file is a student's: --layout files"
        )
    for key in double:
        others = ", ".join(map(visible, list(titles[key])[1:4]))
        found[key].remarks.append(f"the same number has other names, too: {others}")

"""Which folder holds the class: downloads come in folders of folders, and with things beside."""

import re

from .files import MAXIMUM_DEPTH, NOTEBOOK, FileError, children, is_zip
from .layouts import COPY, EXTENSION, recognize

__all__ = ["all_files", "can_hold_work", "is_junk", "shorten", "unwrapped"]

JUNK = re.compile(
    r"(\.(?!ipynb$).*|~\$.*|__MACOSX|__pycache__|node_modules|venv|env|site-packages"
    r"|Thumbs\.db|desktop\.ini|timestamp\.txt|index\.html|submission_metadata\.yml)",
    re.IGNORECASE | re.DOTALL,
)
CLASS = r"(.*[-_ ])?(submissions?|submitted|export|downloads?)(\.zip)?"
CLASS_FOLDER = re.compile(CLASS, re.IGNORECASE | re.DOTALL)
WORK = re.compile(r"\d\d_[a-z_]+")  # the name of a chapter


def is_junk(entry):
    """Say whether an entry is what programs leave behind, nobody's work."""
    return bool(JUNK.fullmatch(entry.name))


def can_hold_work(entry):
    """Say whether an entry is a folder, a ZIP file, or called like a notebook."""
    return entry.folder or is_zip(entry) or bool(NOTEBOOK.fullmatch(entry.name))


def all_files(entries, unread):
    """Yield what lies below some folders; note in ``unread`` what cannot be opened."""
    for entry in entries:
        if is_junk(entry):
            continue
        if not entry.folder or len(entry.parts) > MAXIMUM_DEPTH:
            yield entry
            continue
        try:
            yield from all_files(children(entry), unread)
        except FileError as error:
            unread.append((str(entry), str(error)))


def unwrapped(entries):
    """Return the entries of students: those inside, if one folder holds the whole class."""
    for _ in range(MAXIMUM_DEPTH):
        submitted = [e for e in entries if e.name == "submitted" and e.folder]
        work = submitted or [e for e in entries if can_hold_work(e) and not is_junk(e)]
        if len(work) != 1 or not (work[0].folder or is_zip(work[0])):
            break
        if recognize(work[0].name, folder=work[0].folder) or not _holds_a_class(work[0]):
            break
        rest = [e for e in entries if e is not work[0]]
        entries = children(work[0]) + ([] if submitted else rest)
    return entries


def _holds_a_class(box, depth=0):
    """Say whether a folder is no student's, but holds those of a class."""
    try:
        inner = [e for e in children(box) if can_hold_work(e) and not is_junk(e)]
    except FileError:
        return False
    if CLASS_FOLDER.fullmatch(box.name):
        return bool(inner)
    known = [recognize(e.name, folder=e.folder) for e in inner]
    if known and all(known) and len({who.layout for who in known}) == 1:
        return True
    boxes = [e for e in inner if e.folder or is_zip(e)]
    files = [e for e in inner if e not in boxes]
    stems = {COPY.sub("", EXTENSION.sub("", e.name)) for e in inner}
    if all(WORK.fullmatch(stem) for stem in stems) or (boxes and files) or depth == MAXIMUM_DEPTH:
        return False
    if boxes:
        return len(boxes) > 1 or _holds_a_class(boxes[0], depth + 1)
    if len(stems) > 1:
        raise ValueError(
            f"is {str(box)!r} one student, or a class? It holds {len(files)} notebooks: "
            f"{', '.join(str(e) for e in files[:3])} … If each is a student's: --layout files. "
            "If they are all of one student: --layout folders"
        )
    return False


def shorten(submissions):
    """Leave out the assignment that GitHub Classroom writes before each name."""
    parts = [one.entries[0][0].parts for one in submissions if one.layout == "folder"]
    wrappers = {p[-2].removesuffix("-submissions") if len(p) > 1 else "" for p in parts}
    prefix = f"{min(wrappers, default='')}-"
    if len(wrappers) == 1 and prefix != "-" and all(p[-1].startswith(prefix) for p in parts):
        for one in submissions:
            if one.layout == "folder":
                one.key = one.student = one.student.removeprefix(prefix)

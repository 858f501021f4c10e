"""How learning platforms name what students hand in, and wrap it in folders of folders.

Only what a platform has named says who someone is, never what is inside a student's folder.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from .files import MAXIMUM_DEPTH, NOTEBOOK, FileError, children, is_zip

__all__ = [
    "Identity", "all_files", "by_name", "can_hold_work", "gradescope_names", "is_junk", "recognize",
    "shorten", "unwrapped",
]  # fmt: skip


@dataclass
class Identity:
    """Whose an entry is, as far as its name tells; ``key`` is the platform's, and unique there."""

    student: str
    number: str = ""
    layout: str = "folder"
    key: str = ""
    late: bool = False
    time: datetime | None = None


CLOCK = "[0-9]{4}_[0-9]{2}_[0-9]{2}T"
FOLDERS = {
    "moodle": r"(?P<name>.+?)_(?P<number>[0-9]+)_assignsubmission_(file|onlinetext)_?",
    "brightspace": r"(?P<number>[0-9]+)-[0-9]+ - (?P<name>.+?) - (?P<time>[^-]*[0-9]{4}[^-]*)",
    "gradescope": r"(?P<name>submission_(?P<number>[0-9]+))",
}
FILES = {
    "moodle": FOLDERS["moodle"] + ".+",
    # Canvas makes words of names: marks and underscores stay, and _12_ becomes -12-.
    # Otter writes the time into names, which has such numbers, too.
    "canvas": rf"(?P<name>((?!_{CLOCK}).)+?)(?P<late>_LATE|_late)?_(?!{CLOCK})"
    r"(?P<number>[1-9][0-9]*)_([1-9][0-9]*_|(0_)?(?=text\.html)).+",
    "canvas anonymous": r"(?P<name>anon)(?P<late>_LATE)?_(?P<number>[A-Za-z0-9]{5})_[1-9][0-9]*_.+",
    "blackboard": r"(?P<key>.+?_(?P<name>[^_]+))_attempt_(?P<time>\d{4}(-\d\d){5})(_.+|\.txt)",
    "brightspace": FOLDERS["brightspace"] + " - .+",
}
TIMES = {"blackboard": "%Y-%m-%d-%H-%M-%S", "brightspace": "%b %d, %Y %I%M %p"}
TWICE = re.compile(r"_[0-9]+_assignsubmission_.*_[0-9]+_assignsubmission_", re.DOTALL)
COPY = re.compile(r"( ?\(\d+\)|[ -]+Copy\d*)+$", re.IGNORECASE)
CHAPTER = re.compile(r"[-_ ]+\d\d_[a-z_]+$")  # alice_04_backpropagation.ipynb is alice's
EXTENSION = re.compile(r"(\.ipynb(\W.*|\.\w+)?|\.zip|\.py|\.json|\.txt)$", re.I | re.S)

JUNK = re.compile(
    r"(\.(?!ipynb$).*|~\$.*|__MACOSX|__pycache__|node_modules|venv|env|site-packages"
    r"|Thumbs\.db|desktop\.ini|timestamp\.txt|index\.html|submission_metadata\.yml)",
    re.IGNORECASE | re.DOTALL,
)
CLASS = r"(.*[-_ ])?(submissions?|submitted|export|downloads?)(\.zip)?"
CLASS_FOLDER = re.compile(CLASS, re.IGNORECASE | re.DOTALL)
WORK = re.compile(r"\d\d_[a-z_]+")  # the name of a chapter


def recognize(name, *, folder):
    """Return the :class:`Identity` that a platform wrote into a name, or None.

    Examples
    --------
    >>> recognize("doejane_LATE_12_34_work.ipynb", folder=False)
    Identity(student='doejane', number='12', layout='canvas', key='12', late=True, time=None)
    """
    if TWICE.search(name):
        return None  # whose it is cannot be told: one of the two was written by a student
    for layout, pattern in (FOLDERS if folder else FILES).items():
        if match := re.fullmatch(pattern, name, re.DOTALL):
            said = match.groupdict()
            student = unicodedata.normalize("NFC", said["name"])
            number = said.get("number") or ""
            key, late = said.get("key") or number, bool(said.get("late"))
            time = _time(said.get("time", ""), TIMES.get(layout, ""))
            return Identity(student, number, layout.split()[0], key, late, time)
    return None


def by_name(name, *, folder):
    """Return the identity that a folder or file has of its own name.

    Examples
    --------
    >>> by_name("jane_04_backpropagation (1).ipynb", folder=False).student
    'jane'
    """
    if not folder:
        stem = EXTENSION.sub("", name) or name
        who = CHAPTER.sub("", COPY.sub("", stem))
        name = who if who and who != COPY.sub("", stem) else stem
    return Identity(unicodedata.normalize("NFC", name), key=name)


def _time(text, form):
    text = re.sub(r" (\d{3} [AP]M)$", r" 0\1", text.strip())  # Brightspace writes 110 PM for 1:10
    try:
        return datetime.strptime(text, form) if form else None
    except ValueError:
        return None


def gradescope_names(text):
    """Return, from the name of a folder of Gradescope's, who handed it in: an :class:`Identity`.

    None stands for a folder about which the list says nothing useful.

    Raises
    ------
    ValueError
        If the text is not what Gradescope writes into ``submission_metadata.yml``.
    """
    try:
        import yaml

        data = yaml.load(text, yaml.BaseLoader)  # strings only, whatever the file says
        return {folder: _submitted(folder, about) for folder, about in data.items()}
    except Exception as error:  # whatever a strange file, or a missing library, makes of it
        kind = f"it is not Gradescope's list of submissions: {type(error).__name__}"
        raise ValueError(kind) from None


def _submitted(folder, about):
    try:
        people = about[":submitters"]
        time = datetime.fromisoformat(about[":created_at"][:19])
        student = unicodedata.normalize("NFC", " and ".join(one[":name"] for one in people))
        number = people[0].get(":sid") or people[0].get(":email") or PurePath(folder).name
        return Identity(student, number + "", "gradescope", folder, False, time)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return None


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
    plain = [one for one in submissions if one.layout == "folder"]
    parts = [one.entries[0][0].parts for one in plain]
    wrappers = {p[-2].removesuffix("-submissions") if len(p) > 1 else "" for p in parts}
    prefix = f"{min(wrappers, default='')}-"
    if len(wrappers) == 1 and prefix != "-" and all(p[-1].startswith(prefix) for p in parts):
        for one in plain:
            one.key = one.student = one.student.removeprefix(prefix)

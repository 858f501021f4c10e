"""The list of a class, as a learning platform exports it: who is missing, and where grades go."""

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .feedback import in_short, total
from .writing import as_csv, inert, points

__all__ = ["Roster", "read_rows", "squash"]

NUMBERS = (
    "id", "identifier", "sid", "studentid", "sisuserid", "sisloginid", "idnumber", "orgdefinedid",
    "username", "login", "email", "emailaddress", "githubusername",
)  # fmt: skip
POINTS = ("grade", "totalscore")
NAMES = ("student", "name", "fullname", "studentname")
FIRST, LAST = ("firstname", "givenname"), ("lastname", "surname", "familyname")


def squash(text):
    """Return letters and digits alone, in one form and in small letters.

    Examples
    --------
    >>> squash("O'Neill, Jürgen")
    'oneilljürgen'
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if unicodedata.category(c)[0] in "LMN")


def read_rows(path):
    """Return the rows of a CSV file, whichever sign a spreadsheet has put between its cells."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    sign = max(",;\t", key=text.partition("\n")[0].count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=sign))
    except csv.Error as error:
        raise ValueError(f"expected a CSV file: {path}: {error}") from None


def _orders(name):
    """Return a name squashed, with the last word first, and with the first word last."""
    words = name.replace(",", " ").split()
    return {squash("".join(w)) for w in (words, words[-1:] + words[:-1], words[1:] + words[:1])}


@dataclass
class Roster:
    """The rows of a file, and which submission belongs to each."""

    header: list
    rows: list
    matched: dict = field(default_factory=dict)  # from the index of a row to a submission
    strangers: list = field(default_factory=list)  # submissions that belong to no row

    @classmethod
    def read(cls, path):
        """Read a CSV file with a column that names or numbers the students; None has nobody.

        Raises
        ------
        ValueError
            If there is no such column, or nobody in it.
        """
        header, *rows = (path and read_rows(path)) or [[]]
        roster = cls(header, [row + [""] * (len(header) - len(row)) for row in rows])
        if path and not (roster._columns(NUMBERS + NAMES + LAST) and roster.students()):
            what = "no column with names or numbers of students, or nobody in it"
            raise ValueError(f"{path} has {what}: {header}")
        return roster

    def _columns(self, kinds):
        found = [re.sub(r"[^a-z]", "", title.casefold()) for title in self.header]
        return [i for kind in kinds for i, title in enumerate(found) if title == kind]

    def name(self, row):
        """Return the name in a row."""
        parts = [row[i] for i in self._columns(NAMES)[:1] or self._columns(FIRST + LAST)]
        return " ".join(parts or [row[i] for i in self._columns(NUMBERS)[:1]]).strip()

    def key(self, i):
        """Return what stands for the student in a row: the first number or name that is there."""
        row = self.rows[i]
        return squash(next(filter(None, (row[c] for c in self._columns(NUMBERS))), self.name(row)))

    def handouts(self):
        """Return, for each student, a name for a file, which tells whose it is, and the key."""
        found = {i: re.sub(r"[^\w ,'-]+", "-", self.name(self.rows[i])) for i in self.students()}
        often, keys = Counter(found.values()), {i: self.key(i) for i in found}
        if double := [key for key, count in Counter(keys.values()).items() if count > 1]:
            raise ValueError(f"students of the roster have the same number, or name: {double}")
        return {n if often[n] == 1 else f"{n} {keys[i]}": keys[i] for i, n in found.items()}

    def students(self):
        """Return the indices of the rows that are students."""
        others = ("points possible", "student, test", "manual posting", "")
        return [i for i, row in enumerate(self.rows) if self.name(row).casefold() not in others]

    def match(self, submissions):
        """Find the row of each submission: by a number, otherwise by a name that only one has."""
        students, taken, names = self.students(), {}, defaultdict(set)
        numbers = {column: defaultdict(set) for column in self._columns(NUMBERS)}
        for i in students:
            for name in _orders(self.name(self.rows[i])):
                names[name].add(i)
            for column, known in numbers.items():
                cell = self.rows[i][column].strip().casefold()
                for number in (cell, cell.split("@")[0], cell.split(" ")[-1]):
                    known[number].add(i)
        for one in submissions:
            wanted = [text.casefold() for text in (one.number, one.student) if text]
            rows = [known[w] for known in numbers.values() for w in wanted if len(known[w]) == 1]
            found = set().union(*(names[name] for name in _orders(one.student)))
            row = min(rows[0]) if rows else min(found) if len(found) == 1 else None
            taken.setdefault(row, []).append(one)
        self.strangers = taken.pop(None, [])
        for row, several in taken.items():
            self.matched[row] = several[0]
            self.strangers += several[1:]
        return self

    def missing(self):
        """Return the names of those who handed in nothing."""
        return [self.name(self.rows[i]) for i in self.students() if i not in self.matched]

    def filled(self, place, graded):
        """Return the file with the points in it, as the platform imports it, and a remark.

        A column with another maximum than the points that can be reached is scaled.

        Parameters
        ----------
        place : tuple
            What :meth:`column` returns: the index of the column, and its maximum.
        graded : list
            Pairs (submission, results).
        """
        results, possible = {one.id: each for one, each in graded}, total(graded[0][1])[1]
        where, maximum = place[0], place[1] or possible
        scale = maximum / possible if possible else 1
        note = f" (scaled from {points(possible)} to {points(maximum)} points)"
        keep = range(len(self.header))
        if self._columns(("sisuserid",)) and self._columns(("section",)):  # Canvas: only this one
            keep = [*range(self._columns(("section",))[0] + 1), where]
        rows = [[self.header[i] for i in keep]]
        for number, row in enumerate(self.rows):
            row = [inert(cell) for cell in row] if number in self.students() else list(row)
            if one := self.matched.get(number):
                row[where] = points(total(results[one.id])[0] * scale)
                for i in self._columns(("feedbackcomments",)):
                    row[i] = inert(in_short(results[one.id]))
            rows.append([row[i] for i in keep])
        return as_csv(rows), note if maximum != possible else ""

    def column(self, column):
        """Return the index of the column for the points, and its maximum, if the file has it.

        ``column`` is its title, or how that begins; empty for the one that Moodle or Gradescope
        gives it. None if it is empty and there is none.

        Raises
        ------
        ValueError
            If no column, or more than one, has that title.
        """
        if not (column or self._columns(POINTS)):
            return None
        wanted = [i for i, title in enumerate(self.header) if column and title.startswith(column)]
        exact = [i for i in wanted if self.header[i] == column]
        wanted = exact or wanted or ([] if column else self._columns(POINTS))
        if len(wanted) != 1:
            raise ValueError(
                f"which column takes the points? {column!r} fits {len(wanted)}; "
                f"there are {self.header}. Name it: --column NAME"
            )
        number = self._columns(("maximumgrade", "maxpoints"))
        cells = [row[number[0]] for row in self.rows] if number else []
        if not number:
            head = [r for r in self.rows if self.name(r).casefold() == "points possible"]
            cells = [row[wanted[0]] for row in head]
        values = {float(c) for c in cells if re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", c)} - {0.0}
        return wanted[0], values.pop() if len(values) == 1 else None

"""What comes out of grading for the instructor: tables, and a page for the class."""

import html
import math
import re
from collections import Counter

from .feedback import total
from .writing import as_csv, inert, page, points, table

__all__ = ["class_report", "details", "gradebook"]

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def gradebook(graded, chapters):
    """Return the gradebook as Canvas imports it: a column, and the points possible, per chapter.

    ``graded`` is a list of pairs (submission, results); ``chapters`` maps a chapter's name to the
    points of its exercises.
    """
    possible = [sum(points.values()) for points in chapters.values()]
    rows = [(*CANVAS, *chapters), ("    Points Possible", "", "", "", "", *possible)]
    for one, results in graded:
        canvas = one.layout == "canvas"
        number, login = (one.number, "") if canvas else ("", inert(one.number or one.name))
        found = results["exercises"]
        earned = [sum(found[name]["points"] for name in names) for names in chapters.values()]
        rows.append((inert(one.name), number, "", login, "", *map(points, earned)))
    return as_csv(rows)


def details(graded, chapters):
    """Return one row per student with the points of each exercise, and remarks."""
    names = [name for points in chapters.values() for name in points]
    rows = [("Student", "Number", "Feedback", "Late", *names, "Remarks")]
    for one, results in graded:
        earned = [points(results["exercises"][name]["points"]) for name in names]
        why = [f"{n}, {w}" for n, r in results["exercises"].items() for w in r.get("why", ())]
        remarks = inert(" · ".join([*results["remarks"], *results["notes"], *why])[:500])
        late = "late" if results["is_late"] else ""
        rows.append((inert(one.name), inert(one.number), f"{one.id}.html", late, *earned, remarks))
    return as_csv(rows)


def class_report(graded, chapters, seed, told, missing):
    """Return the page for the class: distribution, hardest exercises, hints, what to look at.

    ``told`` are pairs (what, why) that were not understood; ``missing`` are names.
    """
    possible = {name: points for names in chapters.values() for name, points in names.items()}
    results = [found["exercises"] for _, found in graded]
    totals = [total(found)[0] for _, found in graded]
    solved = {n: sum(r[n]["points"] >= possible[n] for r in results) for n in possible}
    hardest = sorted(((n, s / len(graded)) for n, s in solved.items()), key=lambda r: r[1])[:12]
    shares = [(name, f"{100 * share:.0f} %", _bar(share)) for name, share in hardest]
    hints = Counter(
        (name, r["message"].partition("\n")[0]) for found in results for name, r in found.items()
    )
    rows = [(count, *key) for key, count in hints.most_common() if key[1]][:20]
    body = [
        f"<p>{len(graded)} students, {sum(possible.values())} points possible, "
        f"mean {sum(totals) / len(totals):.1f}. Graded with <code>--seed {seed}</code>.</p>",
        _distribution(totals, sum(possible.values())),
        "<h2>Hardest exercises</h2>",
        table(("Exercise", "Solved by", ""), shares),
    ]
    if told:
        body += ["<h2>Not understood: please look</h2>", table(("What", "Why"), told)]
    if missing:
        names = ", ".join(html.escape(name) for name in missing)
        body += [f"<h2>Handed in nothing: {len(missing)}</h2>", f"<p>{names}</p>"]
    body += ["<h2>Most frequent hints</h2>", table(("Students", "Exercise", "Hint"), rows)]
    ranks = [
        (one.name, one.number, points(total(found)[0]), "late" * found["is_late"], f"{one.id}.html")
        for one, found in graded
    ]
    head = ("Student", "Number", "Points", "Late", "Page")
    link = r'<td><a href="feedback/\1">\1</a></td></tr>'
    linked = re.sub(r"<td>([\w.-]+\.html)</td></tr>", link, table(head, ranks))
    body += ["<h2>Students</h2>", linked]
    return page("Class report", "\n".join(body), "56rem")


def _distribution(totals, possible):
    """Return how many students have how many points, in at most 21 groups."""
    width = math.ceil((possible + 1) / 21)
    counts = Counter(int(min(math.floor(total + 0.5), possible) // width) for total in totals)
    rows = []
    for group in range(int(possible // width) + 1):
        first, last = group * width, min(group * width + width - 1, possible)
        label = points(first) if first >= last else f"{points(first)} to {points(last)}"
        rows.append((f"{label} points", counts[group], _bar(counts[group] / max(counts.values()))))
    return table(("Total", "Students", ""), rows)


def _bar(share):
    return "\N{FULL BLOCK}" * round(30 * share)

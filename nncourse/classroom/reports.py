"""What comes out of grading: a gradebook, a page for each student, a page for the class."""

import csv
import html
import io
import os
from collections import Counter

__all__ = ["class_report", "details", "feedback", "gradebook", "write"]

NAMELESS = ("Creator", "Date", "Format", "Type")  # keep the picture the same in every run
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886 }}
td {{ vertical-align: top; overflow-wrap: anywhere }}
svg {{ max-width: 100%; height: auto; background: white }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def write(path, text):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", errors="replace", newline="")
    os.replace(part, path)


def visible(text):
    """Return a text without characters that are invisible or turn others around."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def inert(text):
    """Return a text for a cell of a table, so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> inert("=1+1"), inert(" @SUM(A1)"), inert("Ada")
    ("'=1+1", "' @SUM(A1)", 'Ada')
    """
    text = visible(text)
    return f"'{text}" if text.strip()[:1] in tuple("=+-@|%") else text


def _csv(rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _rows(rows):
    """Return rows of an HTML table."""
    cells = ["".join(f"<td>{html.escape(visible(cell))}</td>" for cell in row) for row in rows]
    return "\n".join(f"<tr>{row}</tr>" for row in cells)


def gradebook(graded, chapters):
    """Return the gradebook as Canvas imports it: a column, and the points possible, per chapter.

    ``graded`` is a list of pairs (submission, results); ``chapters`` maps a chapter's name to the
    points of its exercises.
    """
    possible = [sum(points.values()) for points in chapters.values()]
    rows = [(*CANVAS, *chapters), ("    Points Possible", "", "", "", "", *possible)]
    for one, results in graded:
        number, login = one.number, ""
        if one.layout != "canvas":
            number, login = "", inert(one.number or one.name)
        found = results["exercises"]
        earned = [sum(found[name]["points"] for name in names) for names in chapters.values()]
        rows.append((inert(one.name), number, "", login, "", *earned))
    return _csv(rows)


def details(graded, chapters):
    """Return one row per student with the points of each exercise, and remarks."""
    names = [name for points in chapters.values() for name in points]
    rows = [("Student", "Number", "Feedback", "Late", *names, "Remarks")]
    for one, results in graded:
        points = [results["exercises"][name]["points"] for name in names]
        earlier = [f"an earlier version was not graded: {path.name}" for path in one.superseded]
        remarks = inert("; ".join([*earlier, *results["notes"]])[:500])
        late = "late" if one.late else ""
        rows.append((inert(one.name), one.number, f"{one.id}.html", late, *points, remarks))
    return _csv(rows)


def feedback(one, results):
    """Return a student's page: what was right, and where to look otherwise."""
    rows = []
    for name, r in results["exercises"].items():
        sign = "✓" if r["points"] == r["possible"] else "✗"
        rows.append((name, f"{sign} {r['points']} of {r['possible']}", r["message"]))
    earned, possible = (sum(r[k] for r in results["exercises"].values())
                        for k in ("points", "possible"))  # fmt: skip
    notes = [[note] for note in results["notes"]]
    remarks = f"<h2>Remarks</h2>\n<table>{_rows(notes)}</table>" if notes else ""
    body = f"""<p><strong>{earned} of {possible} points</strong></p>
<table><tr><th>Exercise</th><th>Points</th><th>Where to look</th></tr>
{_rows(rows)}
</table>
{remarks}"""
    return PAGE.format(title=f"Feedback for {html.escape(one.name)}", body=body)


def class_report(graded, chapters, seed):
    """Return the page for the class: distribution, hardest exercises, most frequent hints."""
    possible = {name: points for names in chapters.values() for name, points in names.items()}
    results = [found["exercises"] for _, found in graded]
    totals = [sum(r["points"] for r in found.values()) for found in results]
    solved = {name: sum(r[name]["points"] == possible[name] for r in results) for name in possible}
    hints = Counter((name, r["message"]) for found in results for name, r in found.items())
    rows = [(count, *key) for key, count in hints.most_common() if key[1]][:20]
    body = f"""<p>{len(graded)} students, {sum(possible.values())} points possible,
mean {sum(totals) / len(totals):.1f}. Graded with <code>--seed {seed}</code>.</p>
{_picture(totals, sum(possible.values()), solved)}
<h2>Most frequent hints</h2>
<table><tr><th>Students</th><th>Exercise</th><th>Hint</th></tr>
{_rows(rows)}
</table>"""
    return PAGE.format(title="Class report", body=body)


def _picture(totals, possible, solved):
    """Return two bar charts as SVG: the distribution of points, and the hardest exercises."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    hardest = sorted(solved.items(), key=lambda item: item[1])[:12][::-1]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "nncourse"}):
        figure = Figure(figsize=(7, 4 + 0.3 * len(hardest)), layout="constrained")
        top, bottom = figure.subplots(2, 1, height_ratios=[3, 1 + 0.3 * len(hardest)])
        top.hist(totals, [i - 0.5 for i in range(possible + 2)], color="#0072B2", rwidth=0.9)
        top.set(xlabel="points", ylabel="students", xlim=(-0.5, possible + 0.5))
        top.locator_params(axis="y", integer=True)
        shares = [100 * count / len(totals) for _, count in hardest]
        bottom.barh([name for name, _ in hardest], shares, color="#D55E00")
        bottom.set(xlabel="solved by (% of the students)", xlim=(0, 100))
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(NAMELESS))
    label = f"Points of {len(totals)} students; hardest exercise: {hardest[-1][0]}"
    svg = out.getvalue()
    return svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

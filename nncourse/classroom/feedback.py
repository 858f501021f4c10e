"""What a student gets back: a page, and the notebook with remarks in it; packed for upload."""

import html
import io
import zipfile

from .files import FileError, read, visible
from .notebooks import as_notebook, read_cells
from .plan import defined
from .submissions import files_of
from .writing import page, points

__all__ = ["annotated", "feedback_page", "in_short", "packed", "total"]


def total(results):
    """Return the points earned and the points possible."""
    found = results["exercises"].values()
    return sum(r["points"] for r in found), sum(r["possible"] for r in found)


def in_short(results):
    """Return what a student is told in one line."""
    found = [(name, r["message"].partition("\n")[0]) for name, r in results["exercises"].items()]
    return " · ".join(f"{name}: {text}" for name, text in found if text)[:1000]


def _verdict(result):
    """Return a class of style, a sign and the points as text."""
    earned, possible = result["points"], result["possible"]
    kind, sign = ("right", "✓") if earned >= possible else ("part", "◐") if earned else ("", "✗")
    return kind, sign, f"{points(earned)} of {points(possible)}"


def _reasons(result):
    """Return the sentences that say where the points come from."""
    parts = [
        f"{'✓' if part['points'] == part['possible'] else '✗'} {part['name']}: "
        f"{points(part['points'])} of {points(part['possible'])}"
        + (f" – {' '.join(part['message'].splitlines())}" if part["message"] else "")
        for part in result.get("parts", ())
    ]
    return [*(parts or result["message"].splitlines()), *result.get("why", ())]


def feedback_page(one, results):
    """Return a student's page: what was right, and where to look otherwise."""
    earned, possible = total(results)
    share = 100 * min(earned / possible, 1) if possible else 0
    body = [
        f'<p class="total"><strong>{points(earned)} of {points(possible)} points</strong></p>',
        f'<div class="meter"><div style="width: {share:.0f}%"></div></div>',
    ]
    for name, result in results["exercises"].items():
        kind, sign, score = _verdict(result)
        why = "".join(f"<p>{html.escape(visible(text))}</p>" for text in _reasons(result))
        body.append(
            f'<section class="answer {kind}"><span class="points">{score} points</span>{sign} '
            f'<span class="name">{html.escape(name)}</span>{why}</section>'
        )
    remarks = [*results["remarks"], *results["notes"]]
    if remarks:
        body.append("<h2>Remarks</h2>\n<ul>" + _items(remarks) + "</ul>")
    body.append("<h2>What was looked at</h2>\n<ul>" + _items(looked_at(results)) + "</ul>")
    return page(f"Feedback for {one.name}", "\n".join(body))


def _items(texts):
    return "".join(f"<li>{html.escape(visible(text))}</li>\n" for text in texts)


def _counting(results, notebook):
    """Return the exercises for which a notebook counts."""
    return [name for name, r in results["exercises"].items() if r.get("notebook") == notebook]


def looked_at(results):
    """Return a line for each notebook, and one for the other files."""
    lines = []
    for name in results["looked_at"]:
        found = ", ".join(_counting(results, name))
        lines.append(f"{name}: counts for {found}" if found else f"{name}: no answer in it counts")
    for name, result in results["exercises"].items():
        if (cell := result.get("cell")) and result.get("aside"):
            lines.append(f"{name}: code cell {cell} counts")
        lines += [f"{name}, set aside: {text}" for text in result.get("aside", ())]
    if results["aside"]:
        lines.append(f"not looked at, because they are no notebooks: {', '.join(results['aside'])}")
    return lines or ["nothing: no notebook could be read"]


def annotated(one, results):
    """Yield a name and a text for each notebook that counts: its cells, and remarks among them.

    Its outputs are left out. A remark follows the last cell that defines an answer.
    """
    done = 0
    for name, entry, _ in files_of(one):
        counting = _counting(results, name)
        if not counting:
            continue
        try:
            cells = read_cells(read(entry), entry.name)
        except FileError:
            continue
        code = [(i, defined([source])) for i, (kind, source) in enumerate(cells) if kind == "code"]
        last, remarks = {name: i for i, names in code for name in names}, {}
        for exercise in counting:
            remarks.setdefault(last.get(exercise, len(cells) - 1), []).append(exercise)
        out = []
        for i, cell in enumerate(cells):
            told = [_remark(n, results["exercises"][n]) for n in remarks.get(i, ())]
            out += [cell, *(("markdown", text) for text in told)]
        done += 1
        yield f"{one.id}.ipynb" if done == 1 else f"{one.id}.{done}.ipynb", as_notebook(out)


def _remark(exercise, result):
    """Return a verdict as Markdown in which nothing of the student's is markup."""
    _, sign, score = _verdict(result)
    color = "success" if sign == "✓" else "warning"
    lines = "<br>".join(html.escape(visible(text)) for text in _reasons(result))
    lines = lines.translate({ord(sign): f"&#{ord(sign)};" for sign in "\\`*_[]$!~"})
    head = f"<b>{sign} {exercise}: {score} points</b>"
    return f'<div class="alert alert-{color}">\n{head}<br>{lines}\n</div>'


def packed(pages):
    """Return a ZIP file of pages, named as the platform wants them for an upload of all at once.

    ``pages`` is a list of pairs (submission, text of its page).
    """
    with zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for one, text in pages:
            archive.writestr(zipfile.ZipInfo(_upload_name(one)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _upload_name(one):
    if one.layout == "moodle":
        return f"{one.student}_{one.number}_assignsubmission_file_/feedback.html"
    if one.layout == "canvas":  # Canvas finds the student by the name that it gave to the file
        return f"{one.entries[0][0].name}.feedback.html"
    return f"{one.id}.html"

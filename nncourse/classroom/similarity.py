"""Hints at answers that look alike: structure, comments, and mistakes that nobody else makes.

A hint is a question to ask, not a verdict: what many write, or the book itself, is left out.
"""

import ast
import html
import io
import itertools
import re
import tokenize
from collections import Counter

from .files import visible
from .writing import page

__all__ = ["alike", "answer_of", "similar_page"]

LONG, CLOSE, NEAR, PAIRS = 40, 95, 80, 50  # nodes of a tree; percent; percent; shown at most


def alike(answers, messages, known=()):
    """Return (score, exercise, one, other, reasons), the most striking first.

    Parameters
    ----------
    answers : dict
        From an exercise to a dict from a student to the source of the answer.
    messages : dict
        From an exercise to a dict from a student to what the check said.
    known : iterable of str
        Sources that anybody may have: stubs and solutions of the book.
    """
    from rapidfuzz import fuzz, process

    public = {comment for text in known for comment in _comments(text)}
    ours = {shape for text in known if (shape := _shape(text))}
    found = []
    for exercise, by in answers.items():
        students = sorted(by)
        shapes = [_shape(by[student]) for student in students]
        comments = [_comments(by[student]) - public for student in students]
        said = [messages.get(exercise, {}).get(student, "") for student in students]
        usual = max(2, len(students) // 10)  # so many may write the same, and it means nothing
        often = Counter(shapes), Counter(itertools.chain(*comments)), Counter(said)
        scores = process.cdist(shapes, shapes, scorer=fuzz.ratio, workers=1)
        for i, j in itertools.combinations(range(len(students)), 2):
            reasons, score = [], scores[i, j]
            ordinary = max(often[0][shapes[i]], often[0][shapes[j]]) > usual
            ordinary |= not ours.isdisjoint((shapes[i], shapes[j]))
            if score >= CLOSE and min(len(shapes[i]), len(shapes[j])) >= LONG and not ordinary:
                reasons.append(f"the same structure ({score:.0f} %)")
            if shared := sorted(c for c in comments[i] & comments[j] if often[1][c] <= usual):
                reasons.append(f"the same comment: {shared[0]}")
            if said[i] == said[j] != "" and often[2][said[i]] <= usual and score >= NEAR:
                reasons.append(f"the same mistake: {said[i]}")
            if reasons:
                found.append((len(reasons), exercise, students[i], students[j], reasons))
    return sorted(found, key=lambda pair: (-pair[0], *pair[1:4]))


def answer_of(cells, name):
    r"""Return the last definition of a function in some cells, or an empty text.

    Examples
    --------
    >>> answer_of(["def f(x):\n    return x\ny = 2"], "f")
    'def f(x):\n    return x'
    """
    pattern = rf"^def {name}\b.*\n(?:(?:[ \t)#].*)?\n)*(?:[ \t].*)?"
    found = [m[0] for cell in cells for m in re.finditer(pattern, cell + "\n", re.MULTILINE)]
    return found[-1].rstrip()[:20_000] if found else ""


def _shape(text):
    """Return a word for each node of a function's tree; names do not matter."""

    def word(node):
        if isinstance(node, ast.Attribute):
            return node.attr
        return repr(node.value)[:20] if isinstance(node, ast.Constant) else type(node).__name__

    try:
        nodes = (n for n in ast.walk(ast.parse(text)) if not isinstance(n, ast.expr_context))
        return tuple(map(word, nodes))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _comments(text):
    """Return comments that are long enough to be somebody's own."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found = {t.string.strip("# \t") for t in tokens if t.type == tokenize.COMMENT}
    except (tokenize.TokenError, SyntaxError):
        return set()
    return {comment[:200] for comment in found if len(comment) >= 12}


def similar_page(pairs, answers):
    """Return a page with the matched answers side by side; lines that both have are marked."""
    body = ["<p>A question to ask, not a verdict: friends who learn together write alike.</p>"]
    often = Counter((one, other) for _, _, one, other, _ in pairs)
    for _, exercise, *who, reasons in sorted(pairs, key=lambda p: -often[p[2:4]])[:PAIRS]:
        body.append(f"<h2>{_text(exercise)}: {' and '.join(map(_text, who))}</h2>")
        both = [answers[exercise][student] for student in who]
        shared = set.intersection(*({line.strip() for line in t.splitlines()} for t in both))
        sides = "".join(f"<div><pre>{_marked(text, shared)}</pre></div>" for text in both)
        body.append(f"<p>{_text(' · '.join(reasons))}</p><div class='pair'>{sides}</div>")
    return page("Answers that look alike", "\n".join(body), "70rem")


def _marked(text, shared):
    lines = [(line, line.strip() in shared and line.strip()) for line in text.splitlines()]
    return "\n".join(f"<mark>{_text(x)}</mark>" if same else _text(x) for x, same in lines)


def _text(text):
    return html.escape(visible(text.replace("\t", "    ")))

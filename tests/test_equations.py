"""Every displayed equation of the book is right, and would be noticed if it were not."""

from collections import Counter

import pytest
from equations import book
from equations.chapter import chapters, survivors, verify
from equations.latex import clean, parse

EQUATIONS = book.equations()
CHAPTERS = chapters()
EVALUATED = [
    pytest.param(equation, chapter.bindings[equation.label], id=f"{equation.page}-{equation.label}")
    for equation in EQUATIONS
    if (chapter := CHAPTERS.get(equation.page)) and equation.label in chapter.bindings
]


def where(equation):
    return f"book/{equation.page}, {equation.label or 'no label'}:\n  {equation.latex.strip()}\n"


def test_every_displayed_equation_has_a_label():
    wrong = [where(e) for e in EQUATIONS if not (e.label or "").startswith("eq-")]
    assert not wrong, "write $$ … $$ (eq-slug):\n" + "\n".join(wrong)


def test_labels_are_unique():
    counts = Counter(e.label for e in EQUATIONS)
    assert not [label for label, count in counts.items() if label and count > 1]


def test_every_equation_is_evaluated_or_a_definition():
    missing = []
    for equation in EQUATIONS:
        chapter = CHAPTERS.get(equation.page)
        if not chapter or equation.label not in {*chapter.bindings, *chapter.definitions}:
            missing.append(where(equation))
    assert not missing, "bind these as tests/equations/README.md says:\n" + "\n".join(missing)


def test_no_binding_is_left_over():
    labels = {(e.page, e.label) for e in EQUATIONS}
    bound = {
        (page, label)
        for page, chapter in CHAPTERS.items()
        for label in {*chapter.bindings, *chapter.definitions, *chapter.equivalents}
    }
    left_over = sorted(" ".join(pair) for pair in bound - labels)
    assert not left_over, f"bindings without an equation in the book: {left_over}"


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: f"{e.page}-{e.label}")
def test_equation_can_be_read(equation):
    assert parse(clean(equation.latex)), where(equation)


@pytest.mark.parametrize(("equation", "binding"), EVALUATED)
def test_equation_holds(equation, binding):
    try:
        verify(equation.latex, binding)
    except Exception as error:
        pytest.fail(f"{where(equation)}{type(error).__name__}: {error}", pytrace=False)


@pytest.mark.parametrize(("equation", "binding"), EVALUATED)
def test_every_damaged_version_fails(equation, binding):
    allowed = CHAPTERS[equation.page].equivalents.get(equation.label, {})
    surviving = survivors(equation.latex, binding)
    unexpected = [f"{name}: {text}" for name, text in surviving.items() if name not in allowed]
    assert not unexpected, f"{where(equation)}also holds as\n  " + "\n  ".join(unexpected)
    stale = set(allowed) - set(surviving)
    assert not stale, f"{where(equation)}these are not equivalent (any more): {stale}"

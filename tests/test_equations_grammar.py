# ruff: noqa: E501  – formulas are easier to read on one line
"""The reader of equations, held against formulas whose truth is known."""

import numpy as np
import pytest
from equations import Chapter, draws, given, row
from equations.book import read
from equations.chapter import Binding, survivors, verify
from equations.environment import Environment, EquationError
from equations.latex import LatexError, clean, parse
from equations.mutate import mutants
from equations.networks import network
from equations.samples import CASES, EQUIVALENT, WRONG, relu, softmax, symbols

import nncourse as nn

IDS = [latex for latex, _ in CASES]


@pytest.mark.parametrize(("latex", "function"), CASES, ids=IDS)
def test_right_equation_holds(latex, function):
    verify(latex, Binding(function))


@pytest.mark.parametrize(("latex", "function"), CASES, ids=IDS)
def test_every_damaged_version_of_a_right_equation_fails(latex, function):
    assert set(survivors(latex, Binding(function, seeds=(0, 1)))) == set(EQUIVALENT.get(latex, ()))


@pytest.mark.parametrize(("function", "latex"), WRONG, ids=[latex for _, latex in WRONG])
def test_wrong_equation_fails(function, latex):
    with pytest.raises(EquationError):
        verify(latex, Binding(function))


def test_softmax_regression_of_the_package():
    labels = np.eye(3)[[0, 1, 2, 1, 0, 2, 1]]

    def symbols(rng):
        return network_of_logits(rng, labels)

    latex = r"\boldsymbol{\Delta}^{(1)} = \frac{1}{n}(\mathbf{P} - \mathbf{Y}) = \frac{\partial L}{\partial\mathbf{Z}^{(1)}}"
    verify(latex, Binding(symbols))
    assert not survivors(latex, Binding(symbols))


def network_of_logits(rng, labels):
    bound = network(
        rng,
        sizes=(5, 3),
        activations=(None,),
        loss=nn.losses.softmax_cross_entropy,
        targets=labels,
    )
    return {**bound, r"\mathbf{P}": given(lambda v: softmax(v[r"\mathbf{Z}^{(1)}"]))}


def test_sums_of_random_terms():
    """Var(w·x) = d Var(w) E[x²], the step behind every rule for initial weights."""

    def symbols(rng):
        w, x = rng.normal(size=(200_000, 5)), rng.uniform(0, 3, size=(200_000, 5))
        return {
            r"\mathbf{w}": draws(w),
            r"\mathbf{x}": draws(x),
            "z": draws((w * x).sum(axis=1)),
            "w": draws(w[:, 0]),
            "x": draws(x[:, 0]),
            "d": 5,
        }

    latex = r"\operatorname{Var}(z) = \operatorname{Var}\Bigl(\sum_i w_i x_i\Bigr) = d\,\operatorname{Var}(w)\,\mathbb{E}[x^2]"
    binding = Binding(symbols, rtol=0.02, seeds=(0, 1))
    verify(latex, binding)
    assert list(survivors(latex, binding)) == ["negate sum 1"]  # a variance has no sign


@pytest.mark.parametrize(
    "latex",
    [
        r"a = \mymacro{b}",
        r"a = b +",
        r"a = \frac{b}{",
        r"a = (b",
        r"\sum i = 3",
        r"a == b",
        r"a = b^2^3 \over c",
        r"a = \int f",
    ],
)
def test_other_latex_is_refused(latex):
    with pytest.raises(LatexError, match=r"README|needs"):
        parse(clean(latex)) and verify(latex, Binding(symbols))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\hat y_i", r"{\hat{y}}_{i}"),
        (r"\mathbf W^{(\ell)\top}", r"{\mathbf{W}^{(\ell)}}^{\mathsf{T}}"),
        (r"\operatorname{ReLU}\left(z\right)", r"\text{ReLU}(z)"),
        (r"\tfrac12 x", r"\frac{1}{2}\,x"),
        (r"\left|x\right| + |y|", r"\lvert x\rvert + \lvert y\rvert"),
        (r"\|x - |y|\|", r"\lVert x - \lvert y\rvert\rVert"),
    ],
)
def test_two_spellings_mean_the_same(one, other):
    bound = {
        r"\hat{\mathbf{y}}": np.arange(3.0), r"\mathbf{W}^{(2)}": np.ones((2, 3)), r"\ell": 2,
        r"\mathrm{ReLU}": relu, "z": 0.3, "x": -2.0, "y": -5.0,
    }  # fmt: skip
    verify(f"{one} = {other}", Binding(lambda rng: bound))


def test_messages_say_what_is_wrong():
    def message(latex, function=symbols):
        with pytest.raises(EquationError) as caught:
            verify(latex, Binding(function))
        return str(caught.value)

    assert r"\mathbf{V} is not bound" in message(r"\mathbf{V} = \mathbf{w}")
    assert "shapes (7,) and (5,)" in message(r"\mathbf{y} = \mathbf{w}")
    assert "no matrix product of shapes (5,) and (5,)" in message(r"\mathbf{w}\mathbf{x} = a")
    assert "j indexes axes of sizes [5, 7], so it has no range" in message(r"w_j = y_j")
    assert "(6,)" not in message(r"c = n") and "= 3." in message(r"c = n")
    assert "whole number" in message(r"x_{u} = a")
    assert "one factor" in message(r"u/2x = a")
    assert "two cases apply" in message(
        r"u = \begin{cases} u & u > 0 \\ 0 & u > 1 \end{cases}", lambda rng: {"u": 2.0}
    )


def test_vectors_are_columns_and_rows_are_rows():
    bound = {r"\mathbf{a}": np.arange(1.0, 4), r"\mathbf{r}": row(np.arange(1.0, 4)), "s": 14.0}
    verify(r"\mathbf{r}\mathbf{a} = \mathbf{a}^\top\mathbf{a} = s", Binding(lambda rng: bound))
    verify(r"\mathbf{a}^\top = \mathbf{r}, \quad r_2 = a_2", Binding(lambda rng: bound))
    with pytest.raises(EquationError, match="shapes"):
        verify(r"\mathbf{a} = \mathbf{r}", Binding(lambda rng: bound))


def test_indices_may_count_from_zero():
    bound = {r"\mathbf{a}": np.arange(5.0), r"\ell": 3}
    verify(r"a_\ell = \sum_{i=0}^{2} a_i", Binding(lambda rng: bound, origin=0))
    with pytest.raises(EquationError, match="outside"):
        verify(r"a_0 = a_0", Binding(lambda rng: bound))


def test_damage_is_named_and_complete():
    latex = r"\Delta^{(\ell)} = -\sum_i w_{ij}^\top f'(z) \odot \max(0, a + b)"
    text = clean(latex)
    found = dict(mutants(text, parse(text)))
    assert found["drop prime 1"] == text.replace("'", "")
    assert r"w_{ji}" in found["swap indices 1"]
    assert any(r"\max(1, a + b)" in damaged for damaged in found.values())
    kinds = {name.rpartition(" ")[0] for name in found}
    assert kinds >= {"flip sign", "drop term", "drop transpose", "drop factor", "negate side"}


def test_equations_are_found_in_prose_only():
    page = """
Inline $x$ and \\$\\$ and `$$ code $$` are none.

```python
"$$ not this $$"
```

````{note}
$$
a = b
$$ (eq-first)
````

> $$ c = d $$

$$ e = f $$ (eq-second)

\\begin{align} g &= h \\end{align}
"""
    found = read("page", page)
    assert [(e.label, e.latex.split()) for e in found] == [
        ("eq-first", ["a", "=", "b"]),
        (None, ["c", "=", "d"]),
        ("eq-second", ["e", "=", "f"]),
        (None, [r"\begin{align}"]),
    ]


def test_a_chapter_refuses_what_it_cannot_stand_for():
    chapter = Chapter("page")
    chapter.evaluates("eq-a")(symbols)
    with pytest.raises(ValueError, match="bound twice"):
        chapter.defines("eq-a", "It is bound already, so it is no definition.")
    with pytest.raises(ValueError, match="reason"):
        chapter.defines("eq-b", "definition")
    with pytest.raises(ValueError, match="because"):
        chapter.evaluates("eq-c", rtol=0.1)
    with pytest.raises(EquationError, match="not one symbol"):
        Environment({"a + b": 1.0})

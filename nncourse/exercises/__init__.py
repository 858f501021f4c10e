"""Exercises that check themselves, and two tools for reading: proof by cases, and live source.

In a notebook: ``check("name of the exercise", your_function)``.
"""

import ast
import copy
import difflib
import importlib
import inspect
import textwrap

import numpy as np

from .compare import difference
from .core import Exercise, Mistake, Verdict
from .recorded import recorded

__all__ = [
    "Exercise",
    "Mistake",
    "Verdict",
    "add",
    "all_exercises",
    "assert_same",
    "check",
    "difference",
    "show_source",
]

_CHAPTERS = (
    "neurons",
    "linear_models",
    "multilayer_perceptrons",
    "backpropagation",
    "gradient_descent",
    "regularization",
    "convolutional_networks",
    "deep_networks",
    "mnist_tensorflow",
    "recurrent_networks",
    "attention",
    "scaling",
    "language_models",
    "assistants",
    "deployment",
    "explaining",
    "responsibility",
    "what_next",
)


def all_exercises():
    """Return every exercise of the book, from its name to the :class:`Exercise`.

    Examples
    --------
    >>> isinstance(all_exercises(), dict)
    True
    """
    modules = (importlib.import_module(f".{chapter}", __name__) for chapter in _CHAPTERS)
    return {exercise.name: exercise for module in modules for exercise in module.EXERCISES}


_added = {}  # exercises that a notebook brings along


def add(text):
    """Make the exercise known whose check an instructor has put into a notebook.

    Parameters
    ----------
    text : str
        A recording: see :mod:`nncourse.exercises.recorded`.

    Raises
    ------
    ValueError
        If it is damaged.

    Examples
    --------
    >>> add("eA==")
    Traceback (most recent call last):
    ...
    ValueError: this recording of a check is damaged: ...
    """
    exercise = recorded(text)
    _added[exercise.name] = exercise


def check(name, function, rng=None):
    """Check your answer to an exercise on random inputs, new ones each time.

    Call it from one thread at a time: meanwhile, ready-made answers are gone for the whole process.

    Parameters
    ----------
    name : str
        The name printed with the exercise.
    function : callable
        Your answer.
    rng : int, Generator or None
        Fixes the inputs; leave it out.

    Returns
    -------
    Verdict
        ✓ with points, or ✗ with a hint.

    Raises
    ------
    ValueError
        If there is no exercise of that name.

    Examples
    --------
    >>> check("no_such_exercise", len)
    Traceback (most recent call last):
    ...
    ValueError: there is no exercise named 'no_such_exercise'...
    """
    exercises = all_exercises() | _added
    if name not in exercises:
        near = difflib.get_close_matches(str(name), exercises) or sorted(exercises)
        raise ValueError(f"there is no exercise named {name!r}. Did you mean one of {near}?")
    return exercises[name].check(function, rng)


def assert_same(mine, reference, cases, *, tolerance=None, rng=0):
    """Show that two functions agree, by running both on the same inputs.

    Parameters
    ----------
    mine, reference : callable
        What you wrote, and what it is held against.
    cases : list of argument tuples, or callable
        The inputs; or a function from a random generator to such a list.
    tolerance : float, optional
        See :func:`difference`.
    rng : int, Generator or None
        Source of random cases.

    Raises
    ------
    AssertionError
        If they disagree; says in which case and how.
    ValueError
        If there is no case.

    Examples
    --------
    >>> def double(x):
    ...     return x + x
    >>> assert_same(double, lambda x: 2 * x, lambda rng: [(v,) for v in rng.normal(size=5)])
    ✓ double agrees with the reference in 5 cases
    """
    cases = cases(np.random.default_rng(rng)) if callable(cases) else list(cases)
    if not cases:
        raise ValueError("assert_same expects at least one case: no case proves nothing")
    name = getattr(mine, "__name__", type(mine).__name__)
    for i, arguments in enumerate(cases, 1):
        theirs = reference(*copy.deepcopy(arguments))
        problem = difference(mine(*copy.deepcopy(arguments)), theirs, tolerance=tolerance)
        if problem:
            raise AssertionError(f"{name} differs in case {i} of {len(cases)}: {problem}")
    plural = "case" if len(cases) == 1 else "cases"
    print(f"✓ {name} agrees with {_full_name(reference)} in {len(cases)} {plural}")


def _full_name(function):
    named = function if hasattr(function, "__qualname__") else type(function)
    name = f"{named.__module__}.{named.__qualname__}"
    return name if name.startswith("nncourse.") and "<" not in name else "the reference"


def show_source(thing, *, docstring=False):
    """Display the source code of a function or class of the package, as it is installed.

    Parameters
    ----------
    thing : function, method or class
    docstring : bool
        Whether to include docstrings.

    Returns
    -------
    IPython.display.Markdown

    Examples
    --------
    >>> from nncourse import activations
    >>> print(show_source(activations.relu).data)
    ```python
    def relu(x):
        return np.maximum(as_floats(x), 0)
    ```
    """
    from IPython.display import Markdown

    source = textwrap.dedent(inspect.getsource(thing))
    if not docstring:
        source = _without_docstrings(source)
    return Markdown(f"```python\n{source.strip()}\n```")


def _without_docstrings(source):
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or not ast.get_docstring(node):
            continue
        first = node.body[0]
        for i in range(first.lineno - 1, first.end_lineno):
            lines[i] = None
        after = first.end_lineno
        if after < len(lines) and not lines[after].strip():
            lines[after] = None
    return "\n".join(line for line in lines if line is not None)

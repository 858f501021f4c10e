"""Wrong results that the reference gives after one small change: a term, a sign, an axis, a power.

The reference's source is changed in one place at a time, as a slip would change it. If the changed
code gives what the answer gave, the answer is told which kind of slip that is.
"""

import ast
import copy
import functools
import inspect
import sys
from types import FunctionType

from .as_if import cases_needed, explained, first_explained
from .calling import stoppable
from .slips import slips

__all__ = ["one_change", "two_slips"]


def one_change(answer, trials, tolerance=None):
    """Say which small change of the reference explains the wrong results, or return ''.

    If none explains them all, one that explains a part of each result may be named.

    Examples
    --------
    >>> one_change(len, [])
    ''
    """
    needed = cases_needed(trials)
    words, part = explained(_changed(answer), needed, tolerance) if needed else ("", None)
    what = "Your result" if part is None else f"Part {part} of your result"
    return f"{what} comes out if {words}" if words else ""


def two_slips(mistakes, trials, tolerance=None):
    """Say which known mistake explains the wrong results after one small change, or return ''.

    Only where results have fractions: among so many pairs, whole numbers agree by chance.

    Examples
    --------
    >>> two_slips((), [])
    ''
    """
    needed = cases_needed(trials)
    if not needed or needed is trials:
        return ""
    pairs = (
        (f"{mistake.hint} That is not all: your result comes out if, besides, {words}", changed)
        for mistake in mistakes
        for words, changed in _changed(mistake.answer, most=100)
    )
    return first_explained(pairs, needed, tolerance)


def _changed(answer, most=None):
    """Yield (what is changed, the changed function)."""
    try:
        module = sys.modules[answer.__module__]
        tree = _parsed(module)
        name, code, around = answer.__name__, answer.__code__, _around(answer)
    except (OSError, TypeError, KeyError, AttributeError, ValueError):
        return
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    if getattr(functions.get(name), "lineno", 0) != code.co_firstlineno:
        functions[name := "_answer"] = _named(tree, code)
    if functions.get(name) is None:
        return
    own = {k: f.__name__ for k, f in around.items() if isinstance(f, FunctionType)}
    own = {k: other for k, other in own.items() if vars(module).get(other) is around[k]}
    chosen = [functions[one] for one in _used([name, *own.values()], functions)]
    loops = any(isinstance(n, ast.While) for one in chosen for n in ast.walk(one))
    if loops and not stoppable():
        return
    named = (one for one in chosen if one.args.args)  # a lambda *arguments names nothing
    parameters = {a.arg for a in next(named, chosen[0]).args.args}
    whole = ast.Module(chosen, [])
    for words, changes in slips(chosen, parameters)[:most]:
        space, kept = vars(module) | around, [copy.copy(node) for node, _ in changes]
        for node, new in changes:
            _become(node, new)
        try:
            exec(compile(ast.fix_missing_locations(whole), "<changed>", "exec"), space)
        except (SyntaxError, ValueError, TypeError, NameError, RecursionError):
            continue
        finally:
            for (node, _), old in zip(changes, kept, strict=True):
                _become(node, old)
        space.update({key: space[other] for key, other in own.items()})
        if isinstance(space[name], FunctionType):
            yield words, space[name]


@functools.cache
def _parsed(module):
    return ast.parse(inspect.getsource(module))


def _around(answer):
    """Return the variables of a function that come from the function around it."""
    cells = answer.__closure__ or ()
    return {n: c.cell_contents for n, c in zip(answer.__code__.co_freevars, cells, strict=True)}


def _become(node, other):
    """Change a node of a tree in its place."""
    vars(node).clear()
    node.__class__ = type(other)
    vars(node).update(vars(other))


def _named(tree, code):
    """Return the function of this code, a lambda or one in another, under a name of its own."""
    for node in ast.walk(tree):
        inner = isinstance(node, (ast.Lambda, ast.FunctionDef))
        if inner and node.lineno == code.co_firstlineno:
            if [a.arg for a in node.args.args] == [*code.co_varnames[: code.co_argcount]]:
                body = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
                return ast.FunctionDef("_answer", node.args, body, [], lineno=1, col_offset=0)
    return None


def _used(names, functions):
    """Return the names of functions and of the module's functions that they use."""
    found = [*dict.fromkeys(names)]
    for one in found:
        for node in ast.walk(functions[one]):
            if isinstance(node, ast.Name) and node.id in functions and node.id not in found:
                found.append(node.id)
    return found

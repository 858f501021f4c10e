"""Wrong results that the reference gives after one small change: a term, a sign, an axis, a power.

The reference's source is changed in one place at a time, as a slip would change it. If the changed
code gives what the answer gave, the answer is told which kind of slip that is.
"""

import ast
import copy
import inspect
import sys
from types import FunctionType

from .as_if import cases_needed, first_explained
from .calling import stoppable

__all__ = ["one_change"]

PAIRS = [("sum", "mean"), ("max", "min"), ("argmax", "argmin"), ("var", "std"), ("ceil", "floor")]
RENAMED = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
WRAPPERS = {"sqrt", "square", "abs", "exp", "log", "log1p", "ceil", "sorted", "cumsum", "tanh"}
WRAPPERS |= {"max", "maximum", "diff", "sigmoid", "softmax", "round"}
LIMITS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITE = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
MOST = 400  # changes to try


def one_change(answer, trials, tolerance=None):
    """Say which small change of the reference explains the wrong results, or return ''.

    Examples
    --------
    >>> one_change(len, [])
    ''
    """
    needed = cases_needed(trials)
    words = first_explained(_changed(answer), needed, tolerance) if needed else ""
    return f"Your result comes out if {words}" if words else ""


def _changed(answer):
    """Yield (what is changed, the changed function)."""
    try:
        module = sys.modules[answer.__module__]
        tree = ast.parse(inspect.getsource(module))
        name, code = answer.__name__, answer.__code__
    except (OSError, TypeError, KeyError, AttributeError):
        return
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    if name == "<lambda>":
        functions[name := "_answer"] = _named(tree, code)
    if functions.get(name) is None:
        return
    chosen = _used(name, functions)
    loops = any(isinstance(n, ast.While) for one in chosen for n in ast.walk(functions[one]))
    if loops and not stoppable():
        return
    parameters = {a.arg for a in functions[name].args.args}
    made = []
    for one in chosen:
        known = parameters & {a.arg for a in functions[one].args.args}
        for node in ast.walk(functions[one]):
            made += [(rank, words, node, new) for rank, words, new in _slips(node, known)]
    whole = ast.Module([functions[one] for one in chosen], [])
    for _, words, node, new in sorted(made, key=lambda m: m[0])[:MOST]:
        space, kept = dict(vars(module)), copy.copy(node)
        _become(node, new)
        try:
            exec(compile(ast.fix_missing_locations(whole), "<changed>", "exec"), space)
        except (SyntaxError, ValueError, TypeError):
            continue
        finally:
            _become(node, kept)
        if isinstance(space[name], FunctionType):
            yield words, space[name]


def _become(node, other):
    """Change a node of a tree in its place."""
    vars(node).clear()
    node.__class__ = type(other)
    vars(node).update(vars(other))


def _named(tree, code):
    """Return the lambda of this code as a function with a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            body = [ast.Return(node.body)]
            return ast.FunctionDef("_answer", node.args, body, [], lineno=1, col_offset=0)
    return None


def _used(name, functions):
    """Return the names of a function and of the module's functions that it uses."""
    found = [name]
    for one in found:
        for node in ast.walk(functions[one]):
            if isinstance(node, ast.Name) and node.id in functions and node.id not in found:
                found.append(node.id)
    return found


def _about(node, known):
    names = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & known)
    return f" with {' and '.join(f'`{n}`' for n in names)}" if 0 < len(names) < 4 else ""


def _slips(node, known):
    """Yield (rank, words, the node instead) for all slips at one node."""
    if isinstance(node, ast.BinOp):
        yield from _arithmetic(node, known)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield 0, f"a sign{_about(node, known)} is turned.", node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for rank, to, words in (
            (1, LIMITS, "a comparison treats the limit itself the other way"),
            (4, OPPOSITE, "a comparison is turned around"),
        ):
            if kind := to.get(type(node.ops[0])):
                new = ast.Compare(node.left, [kind()], node.comparators)
                yield rank, f"{words}, in a part{_about(node, known)}.", new
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        for kept, gone in (node.values, node.values[::-1]):
            yield 2, f"a condition{_about(gone, known)} is left out.", kept
    elif isinstance(node, ast.IfExp):
        for kept in (node.body, node.orelse):
            yield 2, f"one case of two is forgotten{_about(node.test, known)}.", kept
    elif isinstance(node, ast.If):
        for value in (True, False):
            new = ast.If(ast.Constant(value), node.body, node.orelse)
            yield 2, f"a case is forgotten{_about(node.test, known)}.", new
    elif isinstance(node, ast.Call):
        yield from _calls(node, known)
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield 1, f"a transposition{_about(node, known)} is left out.", node.value
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        for other in (node.value + 1, node.value - 1):
            yield 5, "a whole number is off by one somewhere.", ast.Constant(other)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
        for other in sorted(known - {node.id}):
            words = f"`{other}` stands in a place of `{node.id}`."
            yield 6, words, ast.Name(other, ast.Load())


def _arithmetic(node, known):
    left, op, right = node.left, node.op, node.right
    about = _about(right, known)
    if isinstance(op, (ast.Add, ast.Sub)):
        turned = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
        yield (
            0,
            f"plus and minus are exchanged before a term{about}.",
            ast.BinOp(left, turned, right),
        )
        yield 1, f"a term{about} is left out.", left
        yield 1, f"a term{_about(left, known)} is left out.", right
    elif isinstance(op, (ast.Mult, ast.Div, ast.FloorDiv)):
        divided = not isinstance(op, ast.Mult)
        word = "a division by something" if divided else "a factor"
        yield 1, f"{word}{about} is left out.", left
        if not divided:
            yield 1, f"a factor{_about(left, known)} is left out.", right
        turned = ast.Mult() if divided else ast.Div()
        words = f"something{about} multiplies where it should divide, or the other way around."
        yield 3, words, ast.BinOp(left, turned, right)
        doubled = ast.BinOp(right, ast.Mult(), ast.Constant(2))
        yield 4, f"a 2 is lost, or too much, in a part{about}.", ast.BinOp(left, op, doubled)
    elif isinstance(op, ast.Pow):
        yield 1, f"a power{_about(node, known)} is left out.", left
        yield 4, f"a power{_about(node, known)} is another.", ast.BinOp(left, op, ast.Constant(3))
    elif isinstance(op, ast.MatMult):
        turned = ast.Attribute(right, "T", ast.Load())
        yield 3, f"a matrix{about} is transposed.", ast.BinOp(left, op, turned)


def _calls(node, known):
    function = node.func
    name = getattr(function, "attr", None) or getattr(function, "id", "")
    method = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") != "np"
    if name in WRAPPERS and (method or node.args):
        inside = function.value if method and not node.args else node.args[0]
        yield 1, f"`{name}`{_about(inside, known)} is left out.", inside
    if name in RENAMED and isinstance(function, ast.Attribute):
        other = ast.Attribute(function.value, RENAMED[name], ast.Load())
        words = f"`{RENAMED[name]}` stands where `{name}` belongs."
        yield 2, words, ast.Call(other, node.args, node.keywords)
    for i, keyword in enumerate(node.keywords):
        value = getattr(keyword.value, "value", None)
        if keyword.arg in ("axis", "ddof") and value in (0, 1):
            words = "an axis is the other one" if keyword.arg == "axis" else "`ddof` is another"
            new = [*node.keywords]
            new[i] = ast.keyword(keyword.arg, ast.Constant(1 - value))
            call = ast.Call(function, node.args, new)
            yield 1, f"{words}, in a part{_about(node, known)}.", call

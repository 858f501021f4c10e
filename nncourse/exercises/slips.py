"""The slips that are tried: what stands in a formula instead of what should, place by place."""

import ast
import copy
import re
from collections import defaultdict

__all__ = ["slips"]

PAIRS = [("sum", "mean"), ("max", "min"), ("argmax", "argmin"), ("var", "std"), ("ceil", "floor")]
PAIRS += [("add", "subtract")]
RENAMED = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
WRAPPERS = {"sqrt", "square", "abs", "exp", "log", "ceil", "sorted", "cumsum", "tanh"}
WRAPPERS |= {"max", "maximum", "diff", "sigmoid", "softmax"}
LIMITS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITE = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
NAMES = re.compile(r" with `\w+`(?: and `\w+`)*")


def slips(functions, parameters):
    """Return a list of (words, [(node, the node instead), ...]), the likeliest slips first.

    A slip is made at one place, or at all places of a function that look alike.

    Parameters
    ----------
    functions : list of ast.FunctionDef
    parameters : set of str
        The names that the reader knows, too.

    Examples
    --------
    >>> slips(ast.parse("def f(x): return x + 1").body, {"x"})[0][0]
    'plus and minus are exchanged before a term.'
    """
    made, alike = [], defaultdict(list)
    for function in functions:
        known = parameters & {a.arg for a in function.args.args}
        for node in ast.walk(function):
            for i, (rank, words, new) in enumerate(_at(node, known)):
                made.append((rank, words, [(node, new)]))
                if rank < 4:
                    shape = re.sub(r"id='\w+'", "", ast.dump(node))
                    alike[function.name, shape, i].append(made[-1])
            about = _about(node, known)
            for child in ast.iter_child_nodes(node):
                for new in _counts(child):
                    place = f", in a part{about}." if about else " somewhere."
                    made.append((5, f"a whole number is off by one{place}", [(child, new)]))
    for same in alike.values():
        if len(same) > 1:
            rank, words, _ = same[0]
            words = f"{NAMES.sub('', words)[:-1]}, in {len(same)} places alike."
            made.append((rank + 1, words, [change for _, _, (change,) in same]))
    return [slip[1:] for slip in sorted(made, key=lambda slip: slip[0])]


def _about(node, known):
    names = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & known)
    return f" with {' and '.join(f'`{n}`' for n in names)}" if 0 < len(names) < 4 else ""


def _counts(node):
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [ast.Constant(node.value + 1), ast.Constant(node.value - 1)]
    return []


def _at(node, known):
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
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        if isinstance(node.slice.step, ast.UnaryOp):
            yield 2, f"an order{_about(node, known)} is not turned around.", node.value
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
        for other in sorted(known - {node.id}):
            words = f"`{other}` stands in a place of `{node.id}`."
            yield 6, words, ast.Name(other, ast.Load())


def _arithmetic(node, known):
    left, op, right = node.left, node.op, node.right
    about = _about(right, known)
    if isinstance(op, (ast.Add, ast.Sub)):
        turned = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
        words = f"plus and minus are exchanged before a term{about}."
        yield 0, words, ast.BinOp(left, turned, right)
        yield 1, f"a term{about} is left out.", left
        yield 1, f"a term{_about(left, known)} is left out.", right
        if isinstance(op, ast.Sub):
            words = f"a difference{_about(node, known)} is taken the other way around."
            yield 2, words, ast.BinOp(right, op, left)
    elif isinstance(op, (ast.Mult, ast.Div, ast.FloorDiv)):
        divided = not isinstance(op, ast.Mult)
        word = "a division by something" if divided else "a factor"
        yield 1, f"{word}{about} is left out.", left
        if not divided:
            yield 1, f"a factor{_about(left, known)} is left out.", right
        turned = ast.Mult() if divided else ast.Div()
        words = f"something{about} multiplies where it should divide, or the other way around."
        yield 3, words, ast.BinOp(left, turned, right)
        if divided:
            words = f"a fraction{_about(node, known)} is upside down."
            yield 3, words, ast.BinOp(right, op, left)
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
    if name == "norm":
        words = f"the root in a length{_about(node, known)} is left out."
        yield 1, words, ast.BinOp(copy.copy(node), ast.Pow(), ast.Constant(2))
    if name == "len" and isinstance(node.args[0], ast.Name):
        size = ast.Attribute(node.args[0], "shape", ast.Load())
        words = f"a size{_about(node, known)} is that of axis 1, not of axis 0."
        yield 2, words, ast.Subscript(size, ast.Constant(1), ast.Load())
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

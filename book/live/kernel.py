"""What runs the cells of a page, in the reader's own browser: a small Python kernel.

It shows what a notebook shows: text, the value of the last line, tables, figures, and errors with
the lines of the reader's own cells alone. `tell` hands everything to the page as it comes.
"""

import ast
import base64
import builtins
import io
import json
import linecache
import logging
import os
import symtable
import sys
import traceback
import types
from importlib.util import find_spec

os.environ |= {"MPLBACKEND": "module://live_figures", "TQDM_DISABLE": "1", "NNCOURSE_OFFLINE": "1"}
BUILTIN = set(dir(builtins))
tell, cell, space, counter = print, None, {}, 0


def start(answer):
    """Begin with nothing defined; `answer(cell, kind, content)` takes what is to be shown."""
    global tell, space, counter
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    tell, space, counter = answer, main.__dict__, 0
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # fonts are looked for the first time
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")


# What a cell shows ----------------------------------------------------------------------------


class Stream(io.TextIOBase):
    """Hands text on line by line."""

    def __init__(self, kind):
        self.kind, self.kept = kind, ""

    def writable(self):
        return True

    def write(self, text):
        self.kept += text
        if "\n" in text or len(self.kept) > 1000:
            self.flush()
        return len(text)

    def flush(self):
        if self.kept:
            tell(cell, self.kind, self.kept)
            self.kept = ""


def display(*values):
    """Show values as a notebook does."""
    sys.stdout.flush()
    for value in values:
        if type(value).__name__ == "Verdict":  # of an exercise: the page keeps count
            said = {"exercise": value.exercise, "passed": bool(value)}
            tell(cell, "verdict", json.dumps(said))
        for kind in ("html", "svg", "png", "jpeg"):
            if callable(make := getattr(value, f"_repr_{kind}_", None)):
                if isinstance(made := make(), tuple):
                    made = made[0]
                if isinstance(made, bytes):
                    made = base64.b64encode(made).decode()
                if made is not None:
                    tell(cell, kind, made)
                    break
        else:
            if type(value).__name__ == "Figure" and hasattr(value, "savefig"):
                figure(value)
            else:
                tell(cell, "text", pretty(value))


def pretty(value):
    """Return a value as text; long collections take several lines, as in a notebook."""
    if type(value) in (list, tuple, dict, set) and len(repr(value)) > 79:
        import pprint

        return pprint.pformat(value, sort_dicts=False)
    return repr(value)


def figure(drawn):
    """Show a figure of matplotlib as the book prints it: sharp, and cut to what is drawn."""
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=2 * drawn.dpi, bbox_inches="tight")
    tell(cell, "png", base64.b64encode(file.getvalue()).decode())


def figures(*_, **__):
    """Show all open figures and close them."""
    if plt := sys.modules.get("matplotlib.pyplot"):
        sys.stdout.flush()
        for number in plt.get_fignums():
            figure(plt.figure(number))
        plt.close("all")


def stand_in(name, **content):
    """Put a small module where a larger one would be."""
    sys.modules[name] = module = types.ModuleType(name)
    module.__dict__.update(content)
    return module


class Shown:
    """Something for a notebook: HTML, Markdown, SVG or a picture."""

    kind = "html"

    def __init__(self, data=None, **options):
        self.data, self.options = data, options

    def __getattr__(self, name):
        if name == f"_repr_{self.kind}_":
            return lambda: self.data
        raise AttributeError(name)


def backend():
    """Make matplotlib's pictures go to the page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg, FigureManagerBase

    from nncourse.plotting import use_style

    use_style()
    return {"FigureCanvas": FigureCanvasAgg, "FigureManager": FigureManagerBase, "show": figures}


class Finder:
    """Finds the module that draws for the page, once matplotlib asks for it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "live_figures":
            stand_in(name, **backend())
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, Finder)

    @staticmethod
    def create_module(spec):
        return sys.modules[spec.name]

    @staticmethod
    def exec_module(module):
        pass


sys.meta_path.append(Finder)
KINDS = {"HTML": "html", "SVG": "svg", "Image": "png", "Markdown": "html"}
SHOWN = {name: type(name, (Shown,), {"kind": kind}) for name, kind in KINDS.items()}
shows = stand_in("IPython.display", display=display, clear_output=lambda wait=False: None, **SHOWN)
stand_in("IPython", display=shows, get_ipython=lambda: None)


class Absent(types.ModuleType):
    """A module that pages lack: a cell can import it, and is told so when it uses it."""

    def __getattr__(self, name):
        raise RuntimeError(f"{self.__name__} is not there in a page: run this cell in Colab")


ABSENT = {name for name in ("lzma", "sqlite3", "ssl") if not find_spec(name)}


def without_absent(tree):
    """Take out of a cell's imports what is not there, and stand something in for it."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in [alias for alias in node.names if alias.name in ABSENT]:
                space[alias.asname or alias.name] = Absent(alias.name)
                node.names.remove(alias)
    tree.body = [node for node in tree.body if getattr(node, "names", True)]


# Running --------------------------------------------------------------------------------------


def run(number, code):
    """Run a cell; return nothing, or what went wrong and in which line of it."""
    global cell, counter
    cell, counter = number, counter + 1
    name = f"<cell {number + 1}, run {counter}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    space["display"] = display
    try:
        tree = ast.parse(code, name)
        without_absent(tree)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), space)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), space)
            if value is not None and not code.rstrip().endswith(";"):
                space["_"] = value
                display(value)
        figures()
    except BaseException as error:
        return problem(error, name)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if plt := sys.modules.get("matplotlib.pyplot"):
            plt.close("all")
    return None


def problem(error, name):
    """Describe an error: its type, what it says, the line of the cell, and the way there."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "live_kernel" not in frame.filename]
    lines = [frame.lineno for frame in own if frame.filename == name]
    if isinstance(error, SyntaxError) and error.filename == name:
        lines, own = [error.lineno], []
    if isinstance(error, SyntaxError):
        said = f"{type(error).__name__}: {error.msg}"
    else:
        said = "".join(traceback.format_exception_only(error)).strip()
    way = "".join(traceback.format_list(own)).replace(name, "this cell") if len(own) > 1 else ""
    missing = error.name if isinstance(error, NameError) else None
    kind = type(error).__name__
    return {"kind": kind, "said": said, "line": lines[-1] if lines else 0, "way": way,
            "missing": missing or ""}  # fmt: skip


# What a cell builds on ------------------------------------------------------------------------


class Names(ast.NodeVisitor):
    """Which names a cell needs from others, and which it gives them."""

    def __init__(self, code):
        self.needs, self.gives, self.imports = set(), set(), {}
        try:
            tree = ast.parse(code)
            table = symtable.symtable(code, "cell", "exec")
        except SyntaxError:
            return
        for statement in tree.body:
            self.visit(statement)
        inner = set()
        for child in table.get_children():
            inner |= free(child)
        self.needs |= inner - self.gives
        self.needs -= BUILTIN

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.needs |= {node.id} - self.gives
        else:
            self.gives.add(node.id)

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.needs |= {node.target.id} - self.gives
        self.visit(node.target)

    def visit_For(self, node):
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_FunctionDef(self, node):
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)
        self.gives.add(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)
        self.gives.add(node.name)

    def visit_Lambda(self, node):
        pass  # its names are looked up when it is called: see `free`

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda

    def visit_Import(self, node):
        for alias in node.names:
            name = (alias.asname or alias.name).split(".")[0]
            self.gives.add(name)
            self.imports[name] = ast.unparse(node)

    visit_ImportFrom = visit_Import


def free(table):
    """Return the names that a function, a class or a comprehension takes from outside."""
    names = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    if table.get_type() == "class":
        names |= {s.get_name() for s in table.get_symbols()
                  if s.is_referenced() and not s.is_assigned()}  # fmt: skip
    for child in table.get_children():
        names |= free(child)
    return names


def plan(target, sources, ran, skipped):
    """Return what must run before a cell, in order: lists of a cell's number and its code.

    Of a cell that is needed only for what it imports, the imports alone.
    """
    known, whole, imports, waiting = {}, set(), {}, [target]

    def names(number):
        if number not in known:
            known[number] = Names(sources[number])
        return known[number]

    while waiting:
        number = waiting.pop()
        for name in names(number).needs:
            above = (n for n in range(number - 1, -1, -1) if n not in skipped)
            giver = next((n for n in above if name in names(n).gives), None)
            if giver is None or giver in ran or giver in whole:
                continue
            if line := names(giver).imports.get(name):
                if name not in space:
                    imports.setdefault(giver, set()).add(line)
            else:
                whole.add(giver)
                waiting.append(giver)
    parts = {number: "\n".join(sorted(lines)) for number, lines in imports.items()}
    parts |= {number: sources[number] for number in whole}
    return [[number, parts[number], number in whole] for number in sorted(parts)]

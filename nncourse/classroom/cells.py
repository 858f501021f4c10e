"""Inside the sandbox: runs the cells of one notebook and calls its answers."""

import ast
import inspect
import linecache
from codeop import Compile

from nncourse import exercises
from nncourse.exercises.calling import called, plain, where

__all__ = ["Notebook", "described"]

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ABSENT = object()
handed = vars(exercises).get("handed", {})  # what answers to exercises are handed to, inside


class Notebook:
    """The namespace of a notebook, and the functions that answer its exercises."""

    def __init__(self, namespace):
        self.namespace, self.answers, self._seen = namespace, {}, {}
        self._compile = Compile()  # remembers imports from __future__, as Jupyter does
        self._compile.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def run(self, cell, number, definitions_only, names):
        """Execute a cell; return what went wrong first, and which answers it has given.

        An answer is given by the cell that defines it or hands it to ``check``.
        """
        handed.clear()
        problem = self._execute(cell, f"code cell {number}", definitions_only)
        given = []
        for name in names:
            value = self.namespace.get(name, ABSENT)
            if name in handed or value is not self._seen.get(name, ABSENT):
                self.answers[name] = handed.get(name, value)
                given.append(name)
            self._seen[name] = value
        return {"problem": problem, "given": given}

    def _execute(self, source, file, definitions_only):
        """Run statement by statement: one that fails does not take those after it along."""
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        try:
            statements = ast.parse(source, file).body
        except Exception as error:
            return described(error)
        problem = None
        for statement in (part for whole in statements for part in _parts(whole)):
            if definitions_only and not is_definition(statement):
                continue
            try:
                self._run(ast.Module([statement], type_ignores=[]), file)
            except KeyboardInterrupt as error:  # time is up
                problem, definitions_only = problem or described(error), True
            except BaseException as error:
                problem = problem or described(error)
        return problem

    def _run(self, module, file):
        code = self._compile(module, file, "exec")
        result = eval(code, self.namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            _loop().run_until_complete(result)

    def call(self, call, arguments, without):
        """Call an answer; return its result or its error, and the arguments."""
        function = self.answers.get(call, ABSENT)
        if not callable(function):
            return {"missing": "" if function is ABSENT else type(function).__name__}
        try:
            result = called(function, arguments, without=without)
        except BaseException as error:
            result = error
        if isinstance(result, BaseException):
            return {"error": described(result), "arguments": plain(arguments)}
        return {"result": result, "arguments": plain(arguments)}


def is_definition(statement):
    """Say whether a statement makes a name known without running anything that may take long."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return not any(isinstance(node, ast.Call) for node in ast.walk(statement))
    return isinstance(statement, DEFINITIONS)


def _parts(statement):
    """Take an import apart: one name that is missing does not take the others along."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [statement]
    return [type(statement)(**vars(statement) | {"names": [name]}) for name in statement.names]


def _loop():
    """Return an event loop that needs no socket."""
    import asyncio
    import selectors

    class Loop(asyncio.SelectorEventLoop):
        _make_self_pipe = _close_self_pipe = lambda self: None

    return Loop(selectors.SelectSelector())


def described(error):
    """Return type and message of an exception, and the line that raised it, as short strings."""
    texts = [type(error).__name__[:60]]
    for say, longest in ((str, 300), (where, 250)):
        try:
            texts.append(say(error)[:longest])
        except BaseException:
            texts.append("")
    return texts

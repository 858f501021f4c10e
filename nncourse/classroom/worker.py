"""The inside of the sandbox: runs a submission's cells, then calls its functions when asked to.

This file, the wire and the package without its answers are all that a submission can reach. What it
replies is treated as coming from the submission itself, because it may.
"""

import ast
import json
import os
import sys

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def confine(settings):
    """Set the limits of this process and give up root for good."""
    import resource

    for name, limit in settings["limits"].items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    if (uid := settings["uid"]) is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def plain_python(source):
    r"""Return the source without the lines that only IPython understands.

    Examples
    --------
    >>> plain_python("%matplotlib inline\nx = 1")
    'pass\nx = 1'
    """
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        pass
    lines = source.splitlines() or [""]
    if lines[0].startswith("%%") and not lines[0].startswith(("%%time", "%%capture")):
        return ""  # another language
    for i, line in enumerate(lines):
        start = line.lstrip()
        if start.startswith(("%", "!", "?")) or start.rstrip().endswith("?"):
            lines[i] = line[: len(line) - len(start)] + "pass"
    return "\n".join(lines)


def is_definition(statement):
    """Say whether a statement makes a name known without running anything that may take long."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return not any(isinstance(node, ast.Call) for node in ast.walk(statement))
    return isinstance(statement, DEFINITIONS)


def run_cell(source, definitions_only, namespace):
    """Execute a cell statement by statement; return what went wrong first, or None.

    A statement that fails does not take those after it along.
    """
    try:
        statements = ast.parse(plain_python(source)).body
    except Exception as error:
        return describe(error)
    problem = None
    for statement in statements:
        if definitions_only and not is_definition(statement):
            continue
        try:
            module = ast.Module([statement], type_ignores=[])
            exec(compile(module, "<your notebook>", "exec"), namespace)
        except BaseException as error:
            problem = problem or describe(error)
    return problem


def describe(error):
    """Return type and message of an exception, both as short strings."""
    try:
        return [type(error).__name__[:60], str(error)[:300]]
    except BaseException:
        return [type(error).__name__[:60], ""]


def call(name, arguments, namespace):
    """Call a function of the submission; return the result or the error, and the arguments."""
    function = namespace.get(name)
    if not callable(function):
        return {"missing": type(function).__name__ if name in namespace else ""}
    try:
        return {"result": function(*arguments), "arguments": arguments}
    except BaseException as error:
        return {"error": describe(error), "arguments": arguments}


def main():
    """Serve one submission: a request, its reply, and so on until no one asks any more."""
    settings = json.loads(sys.argv[1])
    confine(settings)
    sys.path[:0] = settings["path"]
    import numpy as np
    import wire

    import nncourse as nn

    nothing, fd = os.open(os.devnull, os.O_RDWR), settings["fd"]
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def read(size):
        data = b""
        while len(data) < size:
            data += os.read(fd, size - len(data)) or os._exit(0)
        return data

    def send(message):
        try:
            data = wire.pack(message)
        except Exception as error:
            data = wire.pack({"error": describe(error)})
        while data:
            data = data[os.write(fd, data) :]

    namespace = {"__name__": "__main__", "np": np, "nn": nn}
    send({"uid": os.getuid()})
    while True:
        request = wire.unpack(read)
        if "cell" in request:
            problem = run_cell(request["cell"], request["definitions_only"], namespace)
            send({"problem": problem})
        else:
            send(call(request["call"], request["arguments"], namespace))


if __name__ == "__main__":
    main()

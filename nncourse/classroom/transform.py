"""From what Jupyter runs to what Python runs: IPython's own rules, applied outside the sandbox.

Nothing is executed here. Magics become calls of ``get_ipython()``, which the sandbox answers with a
stand-in (:mod:`.standins`); pasted prompts and a common indentation vanish.
"""

import re

__all__ = ["as_python"]

LONGEST = 50_000  # characters that are worth the trouble: no student types more
TIMED = re.compile(r"\s*%%(?:time|capture|prun)\b[^\n]*")  # their bodies are ordinary cells
# What is not plain Python: an escape or a prompt at the start of a line, or after "=", a question
# mark at the end, a first line that is indented.
SPECIAL = re.compile(
    r"^[ \t]*(?:[%!?,;/]|>>>|In ?\[|\.\.\. )|=[ \t]*[%!]|\?[ \t]*$|\A\s*^[ \t]+\S", re.MULTILINE
)


def as_python(source):
    r"""Return the source of a cell as plain Python; as it is where IPython makes nothing of it.

    Examples
    --------
    >>> as_python("%matplotlib inline\nx = 1")
    "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1\n"
    >>> as_python("%%time\n>>> x = 1")
    'x = 1\n'
    """
    if len(source) > LONGEST or not SPECIAL.search(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    if timed := TIMED.match(source):
        return as_python(source[timed.end() :])
    try:
        return TransformerManager().transform_cell(source)
    except Exception:
        return source

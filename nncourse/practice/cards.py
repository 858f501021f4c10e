"""A model card written by the run that made the model, and what the run took from the grid."""

from .._numbers import number

__all__ = ["energy", "model_card"]

SECTIONS = (
    "Model",
    "Intended use",
    "Groups",
    "Metrics",
    "Training data",
    "Evaluation data",
    "Results",
    "Ethical considerations",
    "Caveats",
)


def model_card(title, sections):
    """Return a model card as Markdown; no section may be missing, and none be empty.

    The sections are those of Mitchell et al. (2019). Hand over the numbers of the run, not
    sentences with numbers in them: then the card is as new as the model.

    Parameters
    ----------
    title : str
    sections : dict
        From each name in ``SECTIONS`` to a text; to a dict, which becomes a list; or to a list of
        dicts with the same keys, which becomes a table.

    Raises
    ------
    ValueError
        If a section is missing, empty or unknown.
    TypeError
        If ``sections`` is no dict, or one of them none of the three.

    Examples
    --------
    >>> said = dict.fromkeys(SECTIONS, "To be said.") | {"Results": {"accuracy": 0.731}}
    >>> said["Groups"] = [{"group": "young", "n": 190}, {"group": "older", "n": 810}]
    >>> print(model_card("Credit", said)[:114])
    # Credit
    <BLANKLINE>
    ## Model
    <BLANKLINE>
    To be said.
    <BLANKLINE>
    ## Intended use
    <BLANKLINE>
    To be said.
    <BLANKLINE>
    ## Groups
    <BLANKLINE>
    | group | n |
    |---|---|
    | young | 190 |
    """
    if not isinstance(sections, dict):
        raise TypeError(
            f"expected a dict from the sections to their contents, got {type(sections).__name__}. "
            f"The sections are {', '.join(SECTIONS)}."
        )
    for name, content in sections.items():
        rows = content if isinstance(content, list) else []
        alike = all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows)
        if not isinstance(content, (str, dict, list)) or not alike:
            raise TypeError(
                f"expected {name!r} to be a text, a dict, or a list of dicts with the same keys, "
                f"got {content!r:.60}"
            )
    missing = [name for name in SECTIONS if not sections.get(name)]
    unknown = [name for name in sections if name not in SECTIONS]
    if missing or unknown:
        raise ValueError(f"model card: missing or empty {missing}, unknown {unknown}")
    parts = [f"# {title}"]
    for name in SECTIONS:
        parts += [f"## {name}", _written(sections[name])]
    return "\n\n".join(parts) + "\n"


def energy(cpu_seconds, *, watts=3.5, overhead=1.135):
    """Estimate the energy of a computation, in kilowatt-hours.

    ``cpu_seconds * watts * overhead / 3.6e6``. The defaults are a busy core of a cloud (a "virtual
    CPU": 3.5 W; idle, 0.74 W) and what cooling and the rest add, both from the estimates of Cloud
    Carbon Footprint for Amazon's computers. Memory, disks, screens and the making of the machine
    are left out.

    Raises
    ------
    ValueError
        If a number is negative, or none.

    Examples
    --------
    >>> round(energy(3600), 5)
    0.00397
    """
    given = {"cpu_seconds": cpu_seconds, "watts": watts, "overhead": overhead}
    cpu_seconds, watts, overhead = (
        number(name, value, "a number that is not negative", lambda v: 0 <= v < float("inf"))
        for name, value in given.items()
    )
    return cpu_seconds * watts * overhead / 3.6e6


def _written(content):
    """Return a section's Markdown."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return "\n".join(f"- {name}: {_cell(value)}" for name, value in content.items())
    head = list(content[0])
    rows = [head, *([_cell(row[name]) for name in head] for row in content)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _cell(value):
    """Return a number with three digits, everything else as it writes itself."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)

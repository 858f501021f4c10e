"""Repeat a chapter's experiments with other seeds: ``make runs``, or ``NAME=08_depth``.

The code is the page's own: a cell's metadata, under ``runs``, tell the ``name`` of an experiment,
the cells that come ``before`` it (their ids), what to ``call`` and ``over`` which values. They are
executed here in this order, then the call for each combination; it returns a number or a dict of
numbers (and of texts, if their names begin with "text"). The results go to
``nncourse/data/runs/NAME.csv``, from where the chapter reads them with ``nn.datasets.load_runs``.
The first line of that file holds a hash of the code: after a change of the code,
`tests/test_runs.py` asks for new results.
"""

import csv
import hashlib
import io
import os
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "nncourse" / "data" / "runs"


@dataclass(frozen=True)
class Experiment:
    """What one cell of a chapter asks to be repeated."""

    chapter: Path
    name: str
    cells: tuple  # sources, the last one the cell's own
    call: str
    over: dict

    @property
    def table(self):
        """Where the results are kept."""
        return FOLDER / f"{self.name}.csv"

    @property
    def code(self):
        """A hash of everything that is executed."""
        text = "\n".join((*self.cells, self.call))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def settings(self):
        """Every combination of what ``over`` lists, the last name fastest."""
        return [dict(zip(self.over, row, strict=True)) for row in product(*self.over.values())]

    def run(self):
        """Yield every setting together with what the call returns for it."""
        scope = {"__name__": "__main__"}
        for source in self.cells:
            exec(compile(source, self.chapter.name, "exec"), scope)
        for setting in self.settings():
            result = eval(self.call, scope | setting)
            yield setting | (dict(result) if isinstance(result, dict) else {"value": result})


def experiments(paths=None):
    """Return the experiments of the notebooks at ``paths``, or of all chapters."""
    found = []
    for path in paths or sorted((ROOT / "book").glob("[0-9]*.ipynb")):
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        sources = {cell.id: cell.source for cell in cells}
        for cell in cells:
            for plan in cell.metadata.get("runs", ()):
                parts = [sources[name] for name in (*plan["before"], cell.id)]
                found.append(
                    Experiment(path, plan["name"], tuple(parts), plan["call"], dict(plan["over"]))
                )
    return found


def kept(table):
    """Return the hash and the rows (dicts of text) of a table of results."""
    first, *lines = table.read_text(encoding="utf-8").splitlines()
    return first.removeprefix("# code "), list(csv.DictReader(lines))


def keep(experiment):
    """Run an experiment and write its table."""
    rows = []
    for row in experiment.run():
        rows.append({k: f"{v:.6g}" if isinstance(v, float) else str(v) for k, v in row.items()})
        print(experiment.name, *(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    FOLDER.mkdir(exist_ok=True)
    experiment.table.write_text(f"# code {experiment.code}\n{text.getvalue()}", encoding="utf-8")


def main(names):
    """Run the experiments of these names, or all."""
    known = {experiment.name: experiment for experiment in experiments()}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no experiment {', '.join(unknown)}; there are: {', '.join(known)}")
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.chdir(ROOT / "book")
    for name in names or known:
        keep(known[name])


if __name__ == "__main__":
    main(sys.argv[1:])

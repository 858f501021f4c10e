"""The record of a training run, printed as a table."""

from itertools import zip_longest

__all__ = ["History"]


class History(dict):
    """What happened in each epoch: from a name (``"loss"``, ``"val_loss"``, …) to a list.

    Printed, it is a table with one line for each epoch.

    Examples
    --------
    >>> History({"loss": [0.9, 0.5], "accuracy": [0.7, 0.8]})
    epoch    loss  accuracy
        1  0.9000    0.7000
        2  0.5000    0.8000
    """

    def append(self, logs):
        """Add one epoch's values, a dict from name to number."""
        for name, value in logs.items():
            self.setdefault(name, []).append(value)

    def latest(self):
        """Return the last epoch's values as the table shows them, a dict from name to text."""
        return {name: _cell(values[-1]) for name, values in self.items()}

    def __repr__(self):
        epochs = max(map(len, self.values()), default=0)
        columns = [["epoch", *map(str, range(1, epochs + 1))]]
        columns += [[name, *map(_cell, values)] for name, values in self.items()]
        widths = [max(map(len, column)) for column in columns]
        rows = zip_longest(*columns, fillvalue="")
        return "\n".join(
            "  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows
        )


def _cell(value):
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"

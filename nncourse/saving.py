"""Saving: a model's numbers in a file, and back again."""

import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

__all__ = ["load", "save", "state"]


def state(model):
    """Return all arrays that make up a model, by name: parameters and buffers, not copies.

    Examples
    --------
    >>> import nncourse as nn
    >>> list(state(nn.Dense(2, 3)))
    ['parameter.0.kernel', 'parameter.1.bias']
    """
    parameters = {f"parameter.{i}.{p.name}": p.value for i, p in enumerate(model.parameters())}
    return parameters | {f"buffer.{name}": array for name, array in model.buffers().items()}


def save(model, path):
    """Write a model's parameters and buffers to one ``.npz`` file.

    The file appears whole or not at all. PyTorch: ``torch.save(model.state_dict(), path)``.

    Examples
    --------
    >>> import nncourse as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(nn.Dense(2, 3, rng=0), f"{folder}/dense.npz")
    ...     load(nn.Dense(2, 3, rng=1), f"{folder}/dense.npz")
    Dense(2→3)
    """
    path = Path(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        try:
            np.savez(part, **state(model))
            part.close()
            os.replace(part.name, path)
        except BaseException:
            os.unlink(part.name)
            raise


def load(model, path):
    """Read what :func:`save` wrote into a model of the same architecture, and return the model.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or belongs to another architecture. The model is not changed then.

    Examples
    --------
    See :func:`save`.
    """
    try:
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file written by nncourse.save: {error}") from error
    own = state(model)
    expected = {name: array.shape for name, array in own.items()}
    found = {name: array.shape for name, array in stored.items()}
    if expected != found:
        differing = sorted(set(expected.items()) ^ set(found.items()))[:4]
        raise ValueError(
            f"{path} holds another architecture than {type(model).__name__}: expected "
            f"{len(expected)} arrays, found {len(found)}; the first differences: {differing}"
        )
    for name, array in own.items():
        array[...] = stored[name]
    return model

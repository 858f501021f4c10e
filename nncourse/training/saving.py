"""Saving: a model's numbers in a file, and back again."""

import io
import os
import secrets
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

    Raises
    ------
    OSError
        If the folder does not exist, or the file cannot be written; an older one of that name is
        then left as it was.

    Examples
    --------
    >>> import nncourse as nn
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save(nn.Dense(2, 3, rng=0), f"{folder}/dense.npz")
    ...     load(nn.Dense(2, 3, rng=1), f"{folder}/dense.npz")
    Dense(2→3)
    """
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to save {path.name} in")
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            np.savez(file, **state(model))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(model, path):
    """Read what :func:`save` wrote into a model of the same architecture, and return the model.

    PyTorch: ``model.load_state_dict(torch.load(path))``.

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
    content = io.BytesIO(Path(path).expanduser().read_bytes())
    try:
        with np.load(content, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file can fail anywhere, and in many ways
        raise ValueError(f"{path} is not a file written by nncourse.save: {error}") from error
    own = state(model)
    expected = {name: f"{array.shape} {array.dtype}" for name, array in own.items()}
    found = {name: f"{array.shape} {array.dtype}" for name, array in stored.items()}
    if expected != found:
        name = next(n for n in [*expected, *found] if expected.get(n) != found.get(n))
        raise ValueError(
            f"{path} holds another architecture than this {type(model).__name__}: expected "
            f"{len(expected)} arrays, found {len(found)}; the first difference is {name}: expected "
            f"{expected.get(name, 'none')}, found {found.get(name, 'none')}"
        )
    for name, array in own.items():
        array[...] = stored[name]
    return model

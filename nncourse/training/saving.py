"""Saving: a model's numbers in a file, and back again."""

import io
import json
import os
import secrets
from pathlib import Path

import numpy as np

from ..layers.core import Parameter, _arrays, _unlocked

__all__ = ["architecture", "load", "save", "state"]

_MORE = "training/"  # what a checkpoint keeps besides the model has names that begin so


def state(model):
    """Return all arrays that make up a model, by path: parameters and buffers, not copies.

    They can be written to: those of published weights, which are read-only, are copied before.

    Examples
    --------
    >>> import nncourse as nn
    >>> list(state(nn.Sequential(nn.Dense(2, 3), nn.BatchNorm(3))))
    ['0.kernel', '0.bias', '1.gamma', '1.beta', '1.running_mean', '1.running_variance']
    """
    return _arrays(_unlocked(model))


def architecture(model):
    """Return what a model is made of: from each layer's path to its class and settings.

    Sizes are not among them; they are the shapes in :func:`state`.

    Examples
    --------
    >>> import nncourse as nn
    >>> for path, layer in architecture(nn.Sequential(nn.Dense(2, 3), nn.Dropout(0.5))).items():
    ...     print(f"{path:1}", layer)
      {'layer': 'Sequential'}
    0 {'layer': 'Dense'}
    1 {'layer': 'Dropout', 'rate': 0.5}
    """
    found = {}  # from a layer's identity to its path and description: each layer once

    def visit(path, layer):
        if id(layer) not in found:
            attributes = vars(layer) | getattr(layer, "_options", {})
            settings = {name: v for name, v in attributes.items() if _is_setting(name, v)}
            found[id(layer)] = path, {"layer": type(layer).__name__} | settings
            for name, held in layer._held():
                if not isinstance(held, Parameter):
                    visit(f"{path}.{name}".lstrip("."), held)

    visit("", model)
    return dict(found.values())


def _is_setting(name, value):
    several = value if isinstance(value, tuple) else (value,)
    return not name.startswith("_") and all(
        isinstance(v, bool | int | float | str) for v in several
    )


def save(model, path):
    """Write a model's parameters and buffers to one ``.npz`` file, by their paths.

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
    _write(model, path, {})


def _write(model, path, more):
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to save {path.name} in")
    more = {f"{_MORE}{name}": array for name, array in more.items()}
    more["architecture"] = np.array(json.dumps(architecture(model)))
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            np.savez(file, **_arrays(model), **more)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(model, path):
    """Read what :func:`save` wrote into a model of the same architecture, and return the model.

    It reads the model in a :class:`~nncourse.training.resuming.ModelCheckpoint`'s file, too, and
    older files, which named parameters by their number.
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
    stored, _ = _read(model, path)
    for name, array in state(model).items():
        array[...] = stored[name]
    return model


def _read(model, path):
    """Return a file's arrays for this model, checked, and what else the file holds."""
    stored, layers = _contents(path)
    more = {n.removeprefix(_MORE): a for n, a in stored.items() if n.startswith(_MORE)}
    stored = {n: array for n, array in stored.items() if not n.startswith(_MORE)}
    own = _arrays(model)
    if any(name.startswith("parameter.") for name in stored):
        stored = _renamed(model, stored)
    _check_layers(path, architecture(model), layers)
    expected = {name: f"{array.shape} {array.dtype}" for name, array in own.items()}
    found = {name: f"{array.shape} {array.dtype}" for name, array in stored.items()}
    if expected != found:
        name = next(n for n in [*expected, *found] if expected.get(n) != found.get(n))
        raise ValueError(
            f"{path} holds another architecture than this {type(model).__name__}: expected "
            f"{len(expected)} arrays, found {len(found)}; the first difference is {name}: expected "
            f"{expected.get(name, 'none')}, found {found.get(name, 'none')}"
        )
    return stored, more


def _contents(path):
    """Return a file's arrays, and its layers; older files, with numbers for names, know of none."""
    content = io.BytesIO(Path(path).expanduser().read_bytes())
    try:
        with np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        old = any(name.startswith("parameter.") for name in arrays)
        layers = json.loads(str(arrays.pop("architecture", "{}" if old else "none")))
        if len(file.files) > len(set(file.files)):
            raise ValueError("an array occurs twice")
        if not (layers or old) or any("layer" not in each for each in layers.values()):
            raise ValueError("it does not name all layers")
        return arrays, {path: dict(settings) for path, settings in layers.items()}
    except Exception as error:  # a damaged file can fail anywhere, and in many ways
        raise ValueError(f"{path} is not a file written by nncourse.save: {error}") from error


def _renamed(model, stored):
    """Give the arrays of an older file their paths: parameters were numbered in order."""
    paths = {f"parameter.{i}": name for i, name in enumerate(model.named_parameters())}
    new = {}
    for name, array in stored.items():
        number = ".".join(name.split(".")[:2])
        new[paths.get(number, name).removeprefix("buffer.")] = array
    return new


def _check_layers(path, own, found):
    """Explain the first layer that differs."""
    for name in [*own, *found] if found else []:
        here, there = own.get(name, {"layer": "none"}), found.get(name, {"layer": "none"})
        there = {key: tuple(v) if isinstance(v, list) else v for key, v in there.items()}
        if here != there:
            raise ValueError(
                f"{path} holds another architecture than this model: layer {name or 'outermost'} "
                f"is {_described(**there)} in the file, {_described(**here)} in the model"
            )


def _described(layer, **settings):
    return f"{layer}({', '.join(f'{name}={value}' for name, value in settings.items())})"


def _kinds(arrays):
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}

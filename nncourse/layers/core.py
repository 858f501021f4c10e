"""What every layer is: a forward pass, a backward pass, and parameters.

``forward`` computes y from x and keeps what ``backward`` will need. ``backward`` receives dL/dy,
*adds* dL/dparameter to each ``parameter.grad``, and returns dL/dx. Layers stacked in a
:class:`Sequential` are again a layer, and so are layers wrapped in a :class:`Residual`.
"""

import copy
from abc import ABC, abstractmethod
from math import prod

import numpy as np

from .._checks import as_floats
from .parameter import Parameter

__all__ = ["Layer", "Parameter", "Residual", "Sequential"]


class Layer(ABC):
    """Base class of all layers. A new layer defines ``forward`` and ``backward``.

    The examples of a batch lie along the first axis; features come last. PyTorch: ``nn.Module``.

    Threads may share a trained model: without ``training``, what ``forward`` returns depends on its
    arguments and the parameters alone. What a layer keeps (``state``, ``weights``) is then that of
    the thread that came last, so ``backward`` needs a model of its own, as training does.

    Raises
    ------
    TypeError
        If it is called with something that is not an array.
    RuntimeError
        If ``backward`` is called before ``forward``.
    ValueError
        If a shape does not fit: of the input, or of dL/dy.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, *, training=False):
    ...         return 2 * x
    ...
    ...     def backward(self, grad):
    ...         return 2 * grad
    >>> Double()(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    """

    skips_input_grad = False  # whether backward takes input_grad=False
    takes_mask = False  # whether forward takes mask=, which says where a sequence has real steps
    _saved = None  # what forward keeps for backward

    @abstractmethod
    def forward(self, x, *, training=False):
        """Return the output for the input ``x``; ``training`` switches dropout and the like on."""

    @abstractmethod
    def backward(self, grad):
        """Take dL/dy, add to every ``parameter.grad``, and return dL/dx.

        With ``skips_input_grad = True`` a layer says that it also takes ``input_grad=False``: dL/dx
        is then not computed and None is returned. The first layer of a network has no use for it.
        """

    def parameters(self):
        """Return the list of parameters, always in the same order, each one once."""
        return list(self.named_parameters().values())

    def named_parameters(self):
        """Return the parameters by the path that leads to them, ``"0.kernel"`` for instance.

        They are the attributes that are parameters, and those of the layers and of the tuples of
        layers among the attributes; a shared one has the first of its paths.
        """
        paths = {}
        for name, held in self._held():
            inner = {"": held} if isinstance(held, Parameter) else held.named_parameters()
            for path, p in inner.items():
                paths.setdefault(p, f"{name}.{path}".rstrip("."))
        return {path: p for p, path in paths.items()}

    def count_parameters(self):
        """Return how many numbers are learned."""
        return sum(p.value.size for p in self.parameters())

    @property
    def trainable(self):
        """Whether any parameter is changed by an optimizer; set it to False to freeze them all."""
        return any(p.trainable for p in self.parameters())

    @trainable.setter
    def trainable(self, value):
        for p in self.parameters():
            p.trainable = bool(value)

    def summary(self, input_shape=None):
        """Print a table: each layer, the shape of its output for such an input, its parameters."""
        layers = copy.deepcopy(getattr(self, "layers", (self,)))  # a trial run is not remembered
        x, rows = None if input_shape is None else np.zeros(input_shape, np.float32), []
        for layer in layers:
            if x is not None:
                try:
                    x = layer(x)
                except TypeError:  # it reads ids
                    x = layer(x.astype(int))
            name = repr(layer).replace("\n", "").replace("    ", " ")
            name = name if len(name) <= 48 else f"{type(layer).__name__}(…)"
            rows.append((name, "" if x is None else str(x.shape), f"{layer.count_parameters():,}"))
        frozen = sum(p.value.size for p in self.parameters() if not p.trainable)
        rows.append(("total", "", f"{self.count_parameters():,}"))
        rows += [("of these frozen", "", f"{frozen:,}")] if frozen else []
        output = "" if input_shape is None else "output"
        for name, shape, count in [("layer", output, "parameters"), *rows]:
            print(f"{name:48s} {shape:20s} {count:>12s}")

    def buffers(self):
        """Return the dict of arrays that are kept but not learned (running averages), by path."""
        paths = {}
        for name, held in self._held():
            if isinstance(held, Layer):
                for path, array in held.buffers().items():
                    paths.setdefault(id(array), (f"{name}.{path}", array))
        return dict(paths.values())

    def _held(self):
        """Yield the names and values of the attributes that are parameters or layers.

        Those in a tuple or list are numbered; in that of a Sequential, ``layers``, they have their
        number for a name.
        """
        for name, held in vars(self).items():
            prefix = "" if name == "layers" else f"{name}."
            several = enumerate(held) if isinstance(held, (tuple, list)) else ()
            for path, each in [(name, held), *((f"{prefix}{i}", each) for i, each in several)]:
                if isinstance(each, (Parameter, Layer)):
                    yield path, each

    def __call__(self, x, *, training=False, **options):
        if not isinstance(x, (np.ndarray, np.generic)):
            raise TypeError(
                f"{self!r} expects an array, got {type(x).__name__}. Try np.asarray(x, np.float32)"
                "; for token numbers np.asarray(ids); for text a tokenizer first."
            )
        return self.forward(x, training=training, **options)

    def _accumulate(self, grad):
        """Run the backward pass for the parameters alone."""
        if self.skips_input_grad:
            self.backward(grad, input_grad=False)
        else:
            self.backward(grad)

    def remember(self, saved, y):
        """Keep ``saved`` and what dL/dy must look like, then return ``y``."""
        self._saved, self._output_shape = saved, y.shape
        return y

    def recall(self, grad):
        """Return what ``forward`` remembered, once ``grad`` has the shape of its output."""
        if self._saved is None:
            raise RuntimeError(
                f"{self!r}: backward() was called before forward(). Run the layer on a batch "
                "first; it needs to remember what it computed."
            )
        if not isinstance(grad, (np.ndarray, np.generic)):
            advice = "A loss returns two: loss, grad = loss_function(prediction, target)."
            advice = advice if isinstance(grad, tuple) else "Try np.asarray(grad)."
            raise TypeError(
                f"{self!r}.backward expects dL/dy, an array, got {type(grad).__name__}. {advice}"
            )
        if grad.shape != self._output_shape:
            raise ValueError(
                f"{self!r}.backward expects dL/dy of the output's shape {self._output_shape}, "
                f"got {grad.shape}"
            )
        return self._saved

    def __repr__(self):
        return f"{type(self).__name__}()"


class Sequential(Layer):
    """Layers applied one after the other.

    Parameters
    ----------
    *layers : Layer
        In the order of the forward pass.

    Raises
    ------
    TypeError
        If something is not a layer (for instance the class ``ReLU`` instead of ``ReLU()``).
    ValueError
        If there is no layer at all, or the same one twice: it remembers only its latest input. To
        share weights, make two layers and give the second the first one's parameters. Also if a
        ``mask`` is given and no layer takes it.

    Notes
    -----
    ``forward(x, mask=mask)`` hands the mask to every layer that takes one.

    The chain rule, one layer at a time: ``dL/dx = J_1^T (J_2^T (... J_m^T dL/dy))``, with ``J_k``
    the Jacobian of layer k. PyTorch: ``nn.Sequential``.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(2, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=1))
    >>> model(np.zeros((5, 2), np.float32)).shape
    (5, 1)
    >>> model.count_parameters(), list(model.named_parameters())
    (13, ['0.kernel', '0.bias', '2.kernel', '2.bias'])
    >>> model[1:]
    Sequential(
        ReLU(),
        Dense(3→1),
    )
    """

    skips_input_grad = True

    def __init__(self, *layers):
        if not layers:
            raise ValueError("Sequential expects at least one layer, got none")
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"Sequential expects layers, got {layer!r}. "
                    "Pass each layer as its own argument, and create it: ReLU(), not ReLU."
                )
        inside = [id(layer) for outer in layers for layer in _walk(outer)]
        if len(set(inside)) < len(inside):
            raise ValueError(
                "Sequential expects each layer once, got one object twice: it remembers only its "
                "latest input. Make two layers; to share weights: second.kernel = first.kernel."
            )
        self.layers = layers

    @property
    def takes_mask(self):
        return any(layer.takes_mask for layer in self.layers)

    def forward(self, x, *, training=False, mask=None):
        if mask is not None and not self.takes_mask:
            raise ValueError(f"no layer here uses a mask; is a recurrent layer missing?\n{self!r}")
        for layer in self.layers:
            options = {"mask": mask} if mask is not None and layer.takes_mask else {}
            x = layer.forward(x, training=training, **options)
        return x

    def backward(self, grad, *, input_grad=True):
        first = 0 if input_grad else self._first_with_parameters()
        for layer in reversed(self.layers[first + 1 :]):
            grad = layer.backward(grad)
        if input_grad:
            return self.layers[0].backward(grad)
        if _learns(self.layers[first]):
            self.layers[first]._accumulate(grad)
        return None

    def _first_with_parameters(self):
        return next((i for i, layer in enumerate(self.layers) if _learns(layer)), 0)

    def __getitem__(self, index):
        found = self.layers[index]
        return Sequential(*found) if isinstance(index, slice) else found

    def __len__(self):
        return len(self.layers)

    def __repr__(self):
        inner = "".join(
            f"    {layer!r},\n".replace("\n    ", "\n        ") for layer in self.layers
        )
        return f"{type(self).__name__}(\n{inner})"


class Residual(Sequential):
    """A shortcut around other layers: ``y = x + f(x)``.

    The derivative is ``dL/dx = dL/dy + J_f^T dL/dy``: the first term reaches earlier layers
    undiminished, whatever ``f`` does. Source: He et al. (2016), equation 1.

    Parameters
    ----------
    *layers : Layer
        ``f``, which must keep the shape of its input.

    Raises
    ------
    ValueError
        If ``f`` changes the shape.

    Examples
    --------
    >>> import nncourse as nn
    >>> Residual(nn.ReLU())(np.array([[-1.0, 2.0]]))
    array([[-1.,  4.]])
    """

    def forward(self, x, *, training=False, mask=None):
        y = super().forward(x, training=training, mask=mask)
        if y.shape != x.shape:
            raise ValueError(
                f"Residual expects layers that keep the shape, got {x.shape} in and {y.shape} "
                "out. Give the inner layers as many outputs as inputs."
            )
        return self.remember(True, as_floats(x, y.dtype) + y)

    def backward(self, grad, *, input_grad=True):
        self.recall(grad)
        inner = super().backward(grad, input_grad=input_grad)
        return grad + inner if input_grad else None


def _check_sizes(layer, **sizes):
    """Return sizes as Python's own numbers, which cannot overflow; explain what are none."""
    if not all(isinstance(size, (int, np.integer)) and size >= 1 for size in sizes.values()):
        got = ", ".join(f"{name}={size!r}" for name, size in sizes.items())
        raise ValueError(
            f"{type(layer).__name__} expects positive sizes, got {got}. They are whole numbers, "
            "such as 784 // 2 or 28 * 28."
        )
    return tuple(map(int, sizes.values()))


def _initial(initializer, shape, rng, dtype):
    """Return what an initializer makes, or explain that it is none."""
    if not callable(initializer):
        raise TypeError(
            "an initializer is a function such as nn.initializers.he_normal, got "
            f"{initializer!r:.60}"
        )
    return initializer(shape, rng, dtype)


def _learns(layer):
    """Return whether a layer has parameters; most show it without a walk through all of them."""
    own = any(isinstance(held, Parameter) for held in vars(layer).values())
    return own or bool(layer.parameters())


def _total(array):
    """Sum over all axes but the last, in float64: in float32, a million times 0.1 is 100,958."""
    rows = array.reshape(-1, prod(array.shape[-2:])) if array.ndim > 2 else array  # long: faster
    total = rows.sum(axis=0, dtype=np.float64).reshape(-1, array.shape[-1]).sum(axis=0)
    return total.astype(np.result_type(array, np.float32))


def _walk(layer):
    """Return a layer and all layers inside it, each one once."""
    found, waiting = {}, [layer]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in found:
            found[id(layer)] = layer
            inside = [held for _, held in layer._held() if isinstance(held, Layer)]
            waiting.extend(reversed(inside))
    return list(found.values())


def _arrays(layer):
    """Return all arrays that make up a layer, by path: parameters and buffers, not copies."""
    return {name: p.value for name, p in layer.named_parameters().items()} | layer.buffers()


def _unlocked(layer):
    """Return a layer whose parameters can be written to, also those that no optimizer sees."""
    for inner in _walk(layer):
        for p in inner.parameters():
            p._unlock()
    return layer

"""Parameters: what a layer learns, and the gradients that say how."""

import numpy as np

from .panels import Panels

__all__ = ["Parameter"]


class Parameter:
    """An array to be learned, and the gradient of the loss with respect to it.

    PyTorch: ``nn.Parameter``.

    Parameters
    ----------
    value : array
        The starting value; a copy of it is updated in place by an optimizer.
    name : str
        What the layer calls it, e.g. ``"kernel"``.
    regularize : bool
        Whether regularizers act on it: True for kernels, False for biases.

    Attributes
    ----------
    grad : array
        dL/dvalue, of the same shape and type; backward passes add to it. An array that it is set
        to is copied.
    trainable : bool
        False freezes it: optimizers, regularizers and clipping leave it alone.

    Raises
    ------
    TypeError
        If the value is not of floating-point numbers.
    ValueError
        If ``grad`` is set to an array of another shape.

    Examples
    --------
    >>> p = Parameter(np.ones((2, 3)), "kernel", regularize=True)
    >>> p
    Parameter('kernel', shape=(2, 3), float64)
    >>> p.grad.sum()
    np.float64(0.0)
    """

    def __init__(self, value, name, regularize=False):
        self.value = np.array(value, order="C")
        if self.value.dtype.kind != "f":
            raise TypeError(
                f"Parameter {name!r} expects floating-point numbers, got {self.value.dtype}. "
                "Try value.astype(np.float32)."
            )
        self._grad = np.zeros_like(self.value)
        self.name = name
        self.regularize = regularize
        self.trainable = True
        self._panels = None, None  # of which value, and what they are

    @property
    def matrix(self):
        """The value, to multiply by: in :class:`~nncourse.layers.panels.Panels` if it is fixed.

        Fixed are the kernels of published models: arrays that are read-only. To change one,
        ``p.value = p.value.copy()``; an optimizer does so by itself.
        """
        flags = self.value.flags
        if flags.writeable or not flags.owndata or not Panels.fit(self.value):
            return self.value
        if self._panels[0] is not self.value:
            self._panels = self.value, Panels(self.value)
        return self._panels[1]

    def _unlock(self):
        """Copy the value if it is read-only: whoever writes to it calls this before."""
        self.value = np.require(self.value, requirements="W")

    def __getstate__(self):
        return vars(self) | {"_panels": (None, None)}  # a copy of the value can be written to

    @property
    def grad(self):
        return self._grad

    @grad.setter
    def grad(self, array):
        if array is not self._grad:  # what "+=" hands back needs no check and no copy
            array = np.array(array, self.value.dtype, order="C")
            if array.shape != self.value.shape:
                raise ValueError(
                    f"the gradient of {self.name!r} has its shape {self.value.shape}, got "
                    f"{array.shape}. To clear it: zero_grad()."
                )
        self._grad = array

    def zero_grad(self):
        """Set the gradient to zero."""
        self._grad.fill(0)

    def __repr__(self):
        return f"Parameter({self.name!r}, shape={self.value.shape}, {self.value.dtype})"


def _checked_parameters(owner, parameters):
    """Return the parameters as a list; explain if they are a model, or anything else."""
    one = hasattr(parameters, "parameters") or hasattr(parameters, "zero_grad")
    if not one and not callable(parameters):
        parameters = list(parameters)
        wrong = [p for p in parameters if not hasattr(p, "zero_grad")]
        if not wrong:
            return parameters
        parameters = wrong[0]
    raise TypeError(
        f"{owner} expects a list of parameters, got {type(parameters).__name__}. "
        f"Write {owner}(model.parameters())."
    )

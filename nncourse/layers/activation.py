"""The functions of :mod:`nncourse.activations` as layers, to stand between layers with weights."""

from .. import activations
from .core import Layer

__all__ = [
    "ELU", "GELU", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip


class _Activation(Layer):
    """Apply ``function`` going forward and ``vjp`` going back, with the same options."""

    function = vjp = None
    keeps_input = True  # False where the output says enough for the derivative

    def __init__(self, **options):
        self._options = options

    def forward(self, x, *, training=False):
        y = self.function(x, **self._options)
        return self.remember((x if self.keeps_input else None, y), y)

    def backward(self, grad):
        x, y = self.recall(grad)
        return self.vjp(grad, x, y, **self._options)

    def __repr__(self):
        options = ", ".join(f"{name}={value}" for name, value in self._options.items())
        return f"{type(self).__name__}({options})"


class ReLU(_Activation):
    """Layer of :func:`~nncourse.activations.relu`, ``max(0, x)``. PyTorch: ``nn.ReLU``.

    Examples
    --------
    >>> import numpy as np
    >>> ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    function = staticmethod(activations.relu)
    vjp = staticmethod(activations.relu_vjp)
    keeps_input = False


class LeakyReLU(_Activation):
    """Layer of :func:`~nncourse.activations.leaky_relu`: slope ``alpha`` below zero.

    PyTorch: ``nn.LeakyReLU``.

    Examples
    --------
    >>> import numpy as np
    >>> LeakyReLU(alpha=0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    function = staticmethod(activations.leaky_relu)
    vjp = staticmethod(activations.leaky_relu_vjp)

    def __init__(self, alpha=0.01):
        super().__init__(alpha=float(alpha))


class ELU(_Activation):
    """Layer of :func:`~nncourse.activations.elu`: tends to ``-alpha`` far below zero.

    PyTorch: ``nn.ELU``.

    Examples
    --------
    >>> import numpy as np
    >>> ELU(alpha=2.0)(np.array([-100.0, 2.0]))
    array([-2.,  2.])
    """

    function = staticmethod(activations.elu)
    vjp = staticmethod(activations.elu_vjp)

    def __init__(self, alpha=1.0):
        super().__init__(alpha=float(alpha))


class Sigmoid(_Activation):
    """Layer of :func:`~nncourse.activations.sigmoid`, ``1 / (1 + exp(-x))``.

    PyTorch: ``nn.Sigmoid``.

    Examples
    --------
    >>> import numpy as np
    >>> Sigmoid()(np.array([0.0]))
    array([0.5])
    """

    function = staticmethod(activations.sigmoid)
    vjp = staticmethod(activations.sigmoid_vjp)
    keeps_input = False


class Tanh(_Activation):
    """Layer of :func:`~nncourse.activations.tanh`. PyTorch: ``nn.Tanh``.

    Examples
    --------
    >>> import numpy as np
    >>> Tanh()(np.array([0.0]))
    array([0.])
    """

    function = staticmethod(activations.tanh)
    vjp = staticmethod(activations.tanh_vjp)
    keeps_input = False


class Softplus(_Activation):
    """Layer of :func:`~nncourse.activations.softplus`, ``log(1 + exp(x))``.

    PyTorch: ``nn.Softplus``.

    Examples
    --------
    >>> import numpy as np
    >>> Softplus()(np.array([0.0])).round(4)
    array([0.6931])
    """

    function = staticmethod(activations.softplus)
    vjp = staticmethod(activations.softplus_vjp)


class GELU(_Activation):
    """Layer of :func:`~nncourse.activations.gelu`; ``exact=True`` for the form without tanh.

    PyTorch: ``nn.GELU(approximate="tanh")``, and ``nn.GELU()`` for the exact one.

    Examples
    --------
    >>> import numpy as np
    >>> GELU()(np.array([1.0])).round(4), GELU(exact=True)(np.array([1.0])).round(4)
    (array([0.8412]), array([0.8413]))
    """

    function = staticmethod(activations.gelu)
    vjp = staticmethod(activations.gelu_vjp)

    def __init__(self, *, exact=False):
        super().__init__(**({"exact": True} if exact else {}))


class SiLU(_Activation):
    """Layer of :func:`~nncourse.activations.silu`, ``x * sigmoid(x)``. PyTorch: ``nn.SiLU``.

    Examples
    --------
    >>> import numpy as np
    >>> SiLU()(np.array([1.0])).round(4)
    array([0.7311])
    """

    function = staticmethod(activations.silu)
    vjp = staticmethod(activations.silu_vjp)


class Softmax(_Activation):
    """Layer of :func:`~nncourse.activations.softmax` over the last axis.

    For training, leave it out: :func:`~nncourse.losses.softmax_cross_entropy` takes the scores
    before softmax. PyTorch: ``nn.Softmax(dim=-1)``.

    Examples
    --------
    >>> import numpy as np
    >>> Softmax()(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """

    function = staticmethod(activations.softmax)
    vjp = staticmethod(activations.softmax_vjp)
    keeps_input = False

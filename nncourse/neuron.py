"""Single neurons, in the order they were invented.

McCulloch and Pitts (1943) showed that threshold neurons can compute logic, Rosenblatt's perceptron
(1958) learns its weights from mistakes, and Widrow and Hoff's Adaline (1960) learns them by
descending an error, which is the idea all later networks share.
"""

import numpy as np

__all__ = ["Adaline", "McCullochPitts", "Perceptron"]


class McCullochPitts:
    """A threshold neuron with weights set by hand: 1 if ``w·x + b >= 0``, else 0.

    Source: McCulloch and Pitts (1943), in today's notation.

    Parameters
    ----------
    weights : sequence of float
    bias : float
        Minus the threshold.

    Raises
    ------
    ValueError
        If the weights are not one row of numbers.

    Examples
    --------
    >>> AND = McCullochPitts([1, 1], bias=-2)
    >>> AND.predict([[0, 0], [0, 1], [1, 0], [1, 1]])
    array([0, 0, 0, 1])
    """

    def __init__(self, weights, bias):
        self.weights = np.array(weights, dtype=np.float64)
        if self.weights.ndim != 1:
            raise ValueError(f"expected one row of weights, got shape {self.weights.shape}")
        self.bias = float(bias)

    def predict(self, x):
        """Return 0 or 1 for each row of ``x``, of shape (n, inputs)."""
        return (_rows(x, len(self.weights)) @ self.weights + self.bias >= 0).astype(np.int64)

    def __repr__(self):
        return f"{type(self).__name__}(weights={self.weights.tolist()}, bias={self.bias:g})"


class Perceptron:
    """A threshold neuron that learns from its mistakes.

    With targets t = ±1, each misclassified example moves the weights: ``w ← w + rate * t * x`` and
    ``b ← b + rate * t``. On separable data it stops after at most ``(R / margin)²`` mistakes, where
    R is the length of the longest input, counted with the constant 1 for the bias (Novikoff, 1962).
    Otherwise it never stops by itself. Source: Rosenblatt (1958, 1962).

    Parameters
    ----------
    learning_rate : float
        Scales weights and bias alike; from zero weights it does not change any prediction.
    max_epochs : int
        Passes over the data before giving up.

    Attributes
    ----------
    weights, bias : array of shape (inputs,), float
    mistakes : list of int
        Mistakes in each epoch; it ends with 0 if and only if the data were separated.

    Raises
    ------
    ValueError
        If a setting is out of range, or the data do not fit.

    Examples
    --------
    >>> x, OR = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1]
    >>> Perceptron().fit(x, OR).predict(x)
    array([0, 1, 1, 1])
    """

    def __init__(self, learning_rate=1.0, max_epochs=100):
        _check_settings(learning_rate, max_epochs=max_epochs)
        self.learning_rate, self.max_epochs = learning_rate, max_epochs

    def fit(self, x, y):
        """Learn from rows ``x`` of shape (n, inputs) and labels ``y`` of 0 and 1; returns itself.

        Raises
        ------
        ValueError
            If shapes do not fit or there are other labels than 0 and 1.
        """
        x = _rows(x)
        signs = 2 * _binary(y, len(x)) - 1
        weights, bias, mistakes = np.zeros(x.shape[1]), 0.0, []
        for _ in range(self.max_epochs):
            mistakes.append(0)
            for row, sign in zip(x, signs, strict=True):
                output = 1 if row @ weights + bias >= 0 else -1
                if output != sign:
                    weights = weights + self.learning_rate * sign * row
                    bias += self.learning_rate * sign
                    mistakes[-1] += 1
            if mistakes[-1] == 0:
                break
        self.weights, self.bias, self.mistakes = weights, float(bias), mistakes
        return self

    def predict(self, x):
        """Return 0 or 1 for each row of ``x``."""
        return _fitted(self).predict(x)


class Adaline:
    """A linear neuron trained by gradient descent on the mean squared error.

    ``w ← w - rate * 2/n * x.T @ (x w + b - t)`` with targets t = ±1 and all n examples at once, and
    b likewise. Unlike the perceptron it has something to improve even when all labels are right.
    Source: Widrow and Hoff (1960), there one example at a time.

    Parameters
    ----------
    learning_rate : float
    epochs : int

    Attributes
    ----------
    weights, bias : array of shape (inputs,), float
    losses : list of float
        Mean squared error before each step.

    Raises
    ------
    ValueError
        If a setting is out of range, the data do not fit, or training diverges.

    Examples
    --------
    >>> x, AND = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> adaline = Adaline(learning_rate=0.3, epochs=200).fit(x, AND)
    >>> adaline.predict(x), adaline.weights.round(3)
    (array([0, 0, 0, 1]), array([1., 1.]))
    """

    def __init__(self, learning_rate=0.1, epochs=100):
        _check_settings(learning_rate, epochs=epochs)
        self.learning_rate, self.epochs = learning_rate, epochs

    def fit(self, x, y):
        """Learn from rows ``x`` of shape (n, inputs) and labels ``y`` of 0 and 1; returns itself.

        Raises
        ------
        ValueError
            If shapes do not fit, there are other labels than 0 and 1, or the weights overflow.
        """
        x = _rows(x)
        signs = 2 * _binary(y, len(x)) - 1
        weights, bias, losses = np.zeros(x.shape[1]), 0.0, []
        for _ in range(self.epochs):
            error = x @ weights + bias - signs
            losses.append(float(np.mean(error**2)))
            if not losses[-1] <= 1e12:
                raise ValueError(
                    f"Adaline diverged: the loss grew to {losses[-1]:.1e} in {len(losses)} epochs. "
                    f"Try a learning rate below {self.learning_rate:g}, or scale the inputs."
                )
            weights = weights - self.learning_rate * 2 / len(x) * x.T @ error
            bias -= self.learning_rate * 2 * error.mean()
        self.weights, self.bias, self.losses = weights, float(bias), losses
        return self

    def predict(self, x):
        """Return 0 or 1 for each row of ``x``."""
        return _fitted(self).predict(x)


def _check_settings(learning_rate, **epochs):
    ((name, number),) = epochs.items()
    if not learning_rate > 0 or not isinstance(number, (int, np.integer)) or number < 1:
        raise ValueError(
            f"expected learning_rate > 0 and a positive whole number of {name}, got "
            f"{learning_rate!r} and {number!r}"
        )


def _fitted(neuron):
    if not hasattr(neuron, "weights"):
        raise RuntimeError(f"this {type(neuron).__name__} has no weights yet: call fit(x, y) first")
    return McCullochPitts(neuron.weights, neuron.bias)


def _rows(x, inputs=None):
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("expected finite inputs, got NaN or infinity. Remove or fill them.")
    if x.ndim != 2 or len(x) == 0 or (inputs is not None and x.shape[1] != inputs):
        raise ValueError(
            f"expected rows of {'inputs' if inputs is None else inputs} numbers, an array of shape "
            f"(n, {'inputs' if inputs is None else inputs}) with n >= 1, got {x.shape}"
        )
    return x


def _binary(y, n):
    y = np.asarray(y)
    if y.shape != (n,) or not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"expected {n} labels, each 0 or 1, got shape {y.shape} with values "
            f"{np.unique(y)[:5].tolist()}. Labels of -1 and 1? Use (y + 1) // 2."
        )
    return y.astype(np.int64)

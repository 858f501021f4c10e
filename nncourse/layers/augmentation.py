"""Layers that change images at random while training, so that no image is seen twice.

An augmentation must keep the label: a shifted 3 is a 3, a mirrored 3 is not. Outside training these
layers hand on their input.
"""

import numpy as np

from .conv import _check_images
from .core import Layer

__all__ = ["RandomAffine", "RandomFlip"]


class RandomAffine(Layer):
    """While training, rotate, zoom and shift each image by random amounts of its own.

    The value at output pixel q, measured from the middle of the image, is the input's at
    ``R(-angle) q / zoom - shift``, by bilinear interpolation between the four pixels around it;
    outside the image there are zeros. y is linear in x, so dL/dx hands each output pixel's gradient
    back to those four, with the same weights. PyTorch: torchvision's ``RandomAffine``.

    Parameters
    ----------
    rotation : float
        Angles are uniform in ± this many degrees.
    shift : float
        Shifts, in each direction, are uniform in ± this many pixels.
    zoom : float
        Zoom factors are uniform in 1 ± this.
    rng : int, Generator or None
        Source of the random amounts.

    Raises
    ------
    ValueError
        If a setting is negative, ``zoom`` is not below 1, or the input is not
        (batch, height, width, channels) of floating-point numbers.

    Examples
    --------
    >>> layer = RandomAffine(rotation=10, shift=2, rng=0)
    >>> x = np.ones((4, 28, 28, 1), np.float32)
    >>> layer(x, training=True).shape
    (4, 28, 28, 1)
    >>> layer(x) is x
    True
    """

    def __init__(self, *, rotation=0.0, shift=0.0, zoom=0.0, rng=None):
        if not (rotation >= 0 and shift >= 0 and 0 <= zoom < 1):
            raise ValueError(
                "RandomAffine expects rotation >= 0, shift >= 0 and 0 <= zoom < 1, got "
                f"rotation={rotation}, shift={shift}, zoom={zoom}"
            )
        self.rotation, self.shift, self.zoom = float(rotation), float(shift), float(zoom)
        self.rng = np.random.default_rng(rng)

    def forward(self, x, *, training=False):
        _check_images(self, x)
        if x.dtype.kind != "f":
            raise ValueError(
                f"{self!r} expects images of floating-point numbers, got {x.dtype}. "
                "Try x.astype(np.float32) / 255."
            )
        if not training:
            return self.remember((), x)
        padded = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])  # zeros, for pixels from outside
        corners = list(self._corners(*self._source(x.shape[:3], x.dtype), padded.shape))
        pixels = padded.reshape(-1, x.shape[3])
        y = np.zeros_like(x)
        for place, weight in corners:
            y += weight * pixels.take(place, axis=0)
        return self.remember((corners, padded.shape), y)

    def backward(self, grad):
        saved = self.recall(grad)
        if not saved:
            return grad
        corners, shape = saved
        dx = np.zeros((np.prod(shape[:3]), shape[3]), grad.dtype)
        for place, weight in corners:
            np.add.at(dx, place, weight * grad)
        return dx.reshape(shape)[:, 1:-2, 1:-2]

    def _source(self, shape, dtype):
        """Draw the changes; return where each output pixel lies in the input: row and column."""
        n, height, width = shape
        angle = np.deg2rad(self.rotation) * self.rng.uniform(-1, 1, (n, 1, 1))
        zoom = 1 + self.zoom * self.rng.uniform(-1, 1, (n, 1, 1))
        down, right = self.shift * self.rng.uniform(-1, 1, (2, n, 1, 1)).astype(dtype)
        cosine, sine = (np.cos(angle) / zoom).astype(dtype), (np.sin(angle) / zoom).astype(dtype)
        row = np.arange(height, dtype=dtype)[:, None] - (height - 1) / 2
        column = np.arange(width, dtype=dtype) - (width - 1) / 2
        rows = cosine * row - sine * column - down + (height - 1) / 2
        columns = sine * row + cosine * column - right + (width - 1) / 2
        return np.clip(rows, -1, height), np.clip(columns, -1, width)

    @staticmethod
    def _corners(rows, columns, shape):
        """Yield, for the four pixels around each place, their numbers and their weights."""
        n, height, width, _ = shape
        r, c = np.floor(rows), np.floor(columns)
        below, right = (rows - r)[..., None], (columns - c)[..., None]
        above, left = 1 - below, 1 - right
        first = r.astype(int)
        first *= width
        first += c.astype(int)
        first += np.arange(n)[:, None, None] * (height * width) + (width + 1)
        yield first, above * left
        yield first + 1, above * right
        yield first + width, below * left
        yield first + width + 1, below * right

    def __repr__(self):
        return f"RandomAffine(rotation={self.rotation}, shift={self.shift}, zoom={self.zoom})"


class RandomFlip(Layer):
    """While training, mirror each image, left to right, with probability 1/2.

    Right for photographs, wrong for digits and letters. The gradient is mirrored back.
    PyTorch: torchvision's ``RandomHorizontalFlip``.

    Parameters
    ----------
    rng : int, Generator or None
        Source of the choice.

    Raises
    ------
    ValueError
        If the input is not (batch, height, width, channels).

    Examples
    --------
    >>> x = np.arange(4.0).reshape(2, 1, 2, 1)
    >>> RandomFlip(rng=0)(x, training=True).reshape(2, 2)
    array([[0., 1.],
           [3., 2.]])
    """

    def __init__(self, *, rng=None):
        self.rng = np.random.default_rng(rng)

    def forward(self, x, *, training=False):
        _check_images(self, x)
        mirrored = self.rng.random(len(x)) < 0.5 if training else np.zeros(len(x), bool)
        return self.remember(mirrored, _flip(x, mirrored) if training else x)

    def backward(self, grad):
        return _flip(grad, self.recall(grad))


def _flip(images, mirrored):
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)

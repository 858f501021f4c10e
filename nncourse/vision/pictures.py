"""Pictures as a network takes them: any size, gray or color, from a file or an array.

What a picture may be is said once, in :func:`read_picture`; a picture that could be meant in two
ways is refused, since a network answers nonsense just as readily.
"""

import os

import numpy as np

from .._checks import as_floats, floating
from .._numbers import number

__all__ = ["crop_center", "read_picture", "resize"]


def read_picture(picture):
    """Return any picture as float32 (height, width, 3) between 0 and 1.

    Parameters
    ----------
    picture : str, path or array
        A file that Pillow can read (its rotation mark is obeyed), or an array: (height, width) or
        (height, width, 1) gray, (height, width, 3) red, green, blue, (height, width, 4) with
        opacity last, which is laid on white. uint8 counts from 0 to 255; floating-point numbers
        from 0 to 1; True is white.

    Raises
    ------
    ValueError
        If the shape or the range fits none of these, or it is empty or not finite.
    TypeError
        If it is no picture at all, or of whole numbers other than uint8.
    FileNotFoundError, OSError
        If there is no such file, or Pillow cannot read it.
    ImportError
        If it is a file and Pillow is not installed.

    Examples
    --------
    >>> read_picture(np.full((2, 3), 255, np.uint8)).shape
    (2, 3, 3)
    >>> read_picture(np.array([[[255, 0, 0, 51]]], np.uint8)).round(2)
    array([[[1. , 0.8, 0.8]]], dtype=float32)
    """
    if isinstance(picture, (str, os.PathLike)):
        picture = _from_file(picture)
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"a picture is a file's path or an array, got {type(picture).__name__}.")
    shape = picture.shape
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.size == 0 or picture.shape[2] not in (1, 3, 4):
        advice = ""
        if picture.ndim == 3 and picture.shape[0] in (1, 3, 4):
            advice = " Channels first? Move them last: picture.transpose(1, 2, 0)."
        elif picture.ndim == 4:
            advice = " Several pictures? Pass them together, not as one of a list."
        raise ValueError(
            "a picture is (height, width), or (height, width, channels) with 1, 3 or 4 channels, "
            f"got {shape}.{advice}"
        )
    picture = _from_0_to_1(picture)
    if picture.shape[2] == 4:
        opacity = picture[..., 3:]
        picture = picture[..., :3] * opacity + (1 - opacity)
    return np.ascontiguousarray(np.broadcast_to(picture, (*shape[:2], 3)))


def crop_center(picture, fraction=1.0):
    """Cut out the middle: the largest square, or ``fraction`` of its side.

    Raises
    ------
    ValueError
        If not 0 < fraction <= 1, or it is no picture.

    Examples
    --------
    >>> crop_center(np.zeros((427, 640, 3)), 0.875).shape
    (374, 374, 3)
    """
    fraction = number("fraction", fraction, "a number with 0 < fraction <= 1", lambda v: 0 < v <= 1)
    if np.ndim(picture) < 2:
        raise ValueError(f"expected a picture (height, width, …), got shape {np.shape(picture)}")
    picture = np.asarray(picture)
    height, width = picture.shape[:2]
    side = max(1, round(min(height, width) * fraction))
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def resize(picture, size):
    """Return a picture of ``size`` = (height, width), each pixel a weighted mean of those under it.

    The weights are a triangle, as wide as two pixels of the coarser of the two grids: interpolation
    where a picture grows, and a mean of everything where it shrinks, so that nothing is skipped.
    Rows and columns are treated one after the other, ``A @ picture @ B.T``. Pillow: ``BILINEAR``.

    Parameters
    ----------
    picture : array (height, width, channels)
        Whole numbers count as float64, float16 as float32.
    size : pair of int

    Raises
    ------
    ValueError
        If a size is not positive and whole, or the picture has other axes.

    Examples
    --------
    >>> resize(np.arange(4.0).reshape(1, 4, 1), (1, 2)).ravel()
    array([0.71428571, 2.28571429])
    """
    pair = tuple(size) if isinstance(size, (tuple, list, np.ndarray)) else ()
    if len(pair) != 2 or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in pair):
        raise ValueError(f"size is a pair of positive whole numbers, (224, 224), got {size!r}")
    picture = floating(as_floats(picture))
    if picture.ndim != 3:
        advice = " Gray? picture[..., None]." if picture.ndim == 2 else ""
        raise ValueError(
            f"expected a picture (height, width, channels), got {picture.shape}.{advice}"
        )
    a, b = (_weights(n, m, picture.dtype) for n, m in zip(picture.shape, size, strict=False))
    rows = (a @ picture.reshape(len(picture), -1)).reshape(-1, *picture.shape[1:])
    return np.ascontiguousarray(np.matmul(b, rows))  # along the axis before the last


def _weights(n, m, dtype):
    """Return (m, n): how much each of n pixels counts for each of m new ones."""
    scale = n / m
    width = max(scale, 1.0)
    centers = (np.arange(m) + 0.5) * scale
    distance = np.abs(np.arange(n) + 0.5 - centers[:, None])
    weights = np.maximum(0, 1 - distance / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)


def _from_0_to_1(picture):
    if picture.dtype == bool:
        return picture.astype(np.float32)
    if picture.dtype == np.uint8:
        return picture.astype(np.float32) / 255
    if picture.dtype.kind != "f":
        raise TypeError(
            f"a picture is of uint8 (0 to 255) or floating-point numbers (0 to 1), got "
            f"{picture.dtype}. Try picture.astype(np.uint8)."
        )
    if not np.isfinite(picture).all():
        raise ValueError("this picture has entries that are not finite.")
    low, high = picture.min(), picture.max()
    if low < -1e-6 or high > 1 + 1e-6:
        advice = " Divide by 255." if low >= 0 and high <= 255 else ""
        raise ValueError(
            f"floating-point numbers are read as 0 (black) to 1 (white), got {low:.6g} to "
            f"{high:.6g}.{advice}"
        )
    return np.clip(picture, 0, 1).astype(np.float32)


def _from_file(path):
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImportError("reading a picture's file needs Pillow: pip install pillow") from None
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        return np.asarray(image.convert("RGBA" if see_through else "RGB"))

"""Quantization: weights in eight or four bits, by the formats of GGUF files.

Each row is cut into blocks of 32 weights. A block keeps a scale s (and in Q4_1 a minimum m) in 16
bits and a small whole number q for each weight:

====  ================  ==========  =============
name  weight            q           bits a weight
====  ================  ==========  =============
Q8_0  ``s q``           -127 … 127  8.5
Q4_0  ``s (q - 8)``     0 … 15      4.5
Q4_1  ``s q + m``       0 … 15      5
====  ================  ==========  =============

F16 and F32 are plain floating-point numbers. Rounding to the nearest is off by at most half a step,
s / 2, and by the rounding of s and m themselves, which are kept in F16.
Source: llama.cpp (Gerganov and contributors, 2023), ``ggml-quants.c``.
"""

import numpy as np

from .._checks import as_floats

__all__ = ["BLOCKS", "bits_per_weight", "dequantize", "quantize", "relative_error"]

SIZE = 32  # weights in a block
BLOCKS = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "Q8_0": np.dtype([("scale", "<f2"), ("q", "i1", 32)]),
    "Q4_0": np.dtype([("scale", "<f2"), ("q", "u1", 16)]),  # two weights in a byte: i and i + 16
    "Q4_1": np.dtype([("scale", "<f2"), ("minimum", "<f2"), ("q", "u1", 16)]),
}


def quantize(x, format):
    """Return the bytes of ``x`` in this format.

    Parameters
    ----------
    x : array of shape (..., n)
        Finite numbers; for the quantized formats, n is a multiple of 32.
    format : {"Q8_0", "Q4_0", "Q4_1", "F16", "F32"}

    Returns
    -------
    array of uint8, shape (..., bytes of a row)
        The same bytes as llama.cpp writes.

    Raises
    ------
    ValueError
        If the format is unknown, a row cannot be cut into blocks, or a number is not finite or too
        large for the format.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 32, dtype=np.float32)
    >>> quantize(x, "Q8_0").nbytes, quantize(x, "Q4_0").nbytes
    (34, 18)
    >>> quantize(x, "Q8_0")[2:].view(np.int8)[[0, 15, 16, 31]]
    array([-127,   -4,    4,  127], dtype=int8)
    """
    block = _block(format)
    x = as_floats(x).astype(np.float32)
    if x.ndim == 0 or (block.names and x.shape[-1] % SIZE):
        raise ValueError(f"{format} needs rows of a multiple of {SIZE} weights, got {x.shape}.")
    if not np.isfinite(x).all():
        raise ValueError("only finite numbers can be quantized, got NaN or infinity.")
    with np.errstate(over="ignore"):
        if block.names:
            rows = x.reshape(*x.shape[:-1], -1, SIZE)
            blocks = np.empty(rows.shape[:-1], block)
            _FILL[format](rows, blocks)
            held = [blocks[name] for name in block.names if name != "q"]
        else:
            held = blocks = np.ascontiguousarray(x, block)
    if not np.isfinite(held).all():
        raise ValueError(f"{format} cannot hold numbers as large as {np.abs(x).max():.3g}.")
    return blocks.view(np.uint8)


def dequantize(data, format):
    """Return the weights that these bytes stand for, as float32.

    Parameters
    ----------
    data : array of uint8, shape (..., bytes of a row)
        As :func:`quantize` returns them, or from a GGUF file.
    format : {"Q8_0", "Q4_0", "Q4_1", "F16", "F32"}

    Returns
    -------
    array of float32, shape (..., n)

    Raises
    ------
    ValueError
        If the format is unknown or the bytes are no whole blocks of it.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 32, dtype=np.float32)
    >>> dequantize(quantize(x, "Q4_1"), "Q4_1")[:5].round(3)
    array([-1.   , -1.   , -0.867, -0.867, -0.733], dtype=float32)
    """
    block = _block(format)
    data = np.ascontiguousarray(data)
    if data.dtype != np.uint8 or data.ndim == 0 or data.shape[-1] % block.itemsize:
        raise ValueError(
            f"{format} is read from rows of uint8, a multiple of {block.itemsize} each, got "
            f"{data.dtype} {data.shape}."
        )
    blocks = data.view(block)
    if not block.names:
        return blocks.astype(np.float32)
    scale, q = blocks["scale"].astype(np.float32)[..., None], blocks["q"]
    if format != "Q8_0":
        q = np.concatenate([q & 15, q >> 4], axis=-1)
    if format == "Q4_0":
        q = q.view(np.int8) - np.int8(8)
    x = np.multiply(q, scale, dtype=np.float32)
    if format == "Q4_1":
        x += blocks["minimum"].astype(np.float32)[..., None]
    return x.reshape(*data.shape[:-1], -1)


def relative_error(x, format):
    """Return what a format costs: ``norm(dequantize(quantize(x)) - x) / norm(x)``.

    Raises
    ------
    ValueError
        As :func:`quantize` does.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 320))
    >>> for name in BLOCKS:
    ...     print(f"{name:4} {bits_per_weight(name):4} bits: {relative_error(x, name):.4f}")
    F32  32.0 bits: 0.0000
    F16  16.0 bits: 0.0002
    Q8_0  8.5 bits: 0.0054
    Q4_0  4.5 bits: 0.0865
    Q4_1  5.0 bits: 0.0783
    """
    x = np.asarray(x, np.float32)
    difference = dequantize(quantize(x, format), format) - x
    size = np.linalg.norm(x.astype(np.float64))
    return float(np.linalg.norm(difference.astype(np.float64)) / size) if size else 0.0


def bits_per_weight(format):
    """Return the bits that one weight takes, its share of the scale included.

    Raises
    ------
    ValueError
        If the format is unknown.

    Examples
    --------
    >>> bits_per_weight("Q4_1")  # 32 weights: 4 bits each, a scale and a minimum of 16 bits
    5.0
    """
    block = _block(format)
    return 8 * block.itemsize / (SIZE if block.names else 1)


def _block(format):
    if format not in BLOCKS:
        raise ValueError(f"format must be one of {', '.join(BLOCKS)}, got {format!r}.")
    return BLOCKS[format]


def _reciprocal(step):
    """1 / step, and 0 where the step is 0 or too small for 16 bits: all weights are then equal."""
    flat = step.astype(np.float16) == 0
    return np.divide(1, step, where=~flat, out=np.zeros_like(step))


def _fill_q8_0(x, blocks):
    step = np.abs(x).max(axis=-1, keepdims=True) / np.float32(127)
    q = x * _reciprocal(step)
    blocks["q"] = np.copysign(np.floor(np.abs(q) + np.float32(0.5)), q)  # halves away from zero
    blocks["scale"] = step[..., 0]


def _fill_q4_0(x, blocks):
    largest = np.take_along_axis(x, np.abs(x).argmax(axis=-1)[..., None], -1)
    step = largest / np.float32(-8)  # the largest becomes -8 exactly, whatever its sign
    _pack(blocks, x * _reciprocal(step) + np.float32(8.5))
    blocks["scale"] = step[..., 0]


def _fill_q4_1(x, blocks):
    minimum = x.min(axis=-1, keepdims=True)
    step = (x.max(axis=-1, keepdims=True) - minimum) / np.float32(15)
    _pack(blocks, (x - minimum) * _reciprocal(step) + np.float32(0.5))
    blocks["scale"], blocks["minimum"] = step[..., 0], minimum[..., 0]


def _pack(blocks, q):
    """Write whole numbers 0 to 15, two to a byte."""
    q = np.minimum(q, 15).astype(np.uint8)
    blocks["q"] = q[..., :16] | q[..., 16:] << 4


_FILL = {"Q8_0": _fill_q8_0, "Q4_0": _fill_q4_0, "Q4_1": _fill_q4_1}

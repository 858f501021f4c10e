import numpy as np


def strided(storage, offset, shape, strides):
    """Sort the axes by their strides: fancy indices instead of loops."""
    grids = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return storage[offset + sum(g * s for g, s in zip(grids, strides, strict=True))]


def folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    """Ask the two layers themselves: they are affine, so zero gives the bias."""
    std = (variance + epsilon) ** 0.5
    flat = kernel.reshape(-1, len(gamma))
    new = np.stack([gamma[m] * flat[:, m] / std[m] for m in range(len(gamma))], axis=1)
    return new.reshape(kernel.shape).tolist(), gamma * bias / std - gamma * mean / std + beta


def products(size, channels, blocks):
    if not blocks:
        return 0
    (kernel, stride, expand, filters), *rest = blocks
    new, wide = (size + stride - 1) // stride, expand * channels
    here = size * size * channels * wide if expand != 1 else 0
    here += new * new * wide * (kernel * kernel + filters)
    return here + products(new, filters, rest)


def renormalized(x, mean, std):
    picture = np.stack([x[..., c] * std[c] + mean[c] for c in range(3)], axis=-1)
    return (picture - 127 / 255) * (255 / 128)

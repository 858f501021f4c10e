"""Twelve pictures of 224 × 224 pixels, the same everywhere: nothing in them is resampled."""

import numpy as np
from sklearn.datasets import load_sample_images


def photographs():
    """Return (12, 224, 224, 3), uint8: parts of two photographs, their like, and drawings."""
    palace, daisy = load_sample_images().images
    small = [picture[1::2, 60::2][:, :224] for picture in (palace, daisy)]  # every second pixel
    rows, columns = np.mgrid[:224, :224]
    inside = (rows - 112) ** 2 + (columns - 112) ** 2 < 80**2
    pictures = [
        *(np.pad(picture, [(5, 6), (0, 0), (0, 0)], mode="edge")[:224] for picture in small),
        palace[100:324, 200:424],
        daisy[100:324, 260:484],
        daisy[100:324, 260:484][:, ::-1],
        daisy[100:324, 260:484].transpose(1, 0, 2),
        255 - palace[100:324, 200:424],
        np.repeat(daisy[150:374, 200:424].max(axis=2, keepdims=True), 3, axis=2),
        np.repeat((inside * 255)[..., None], 3, axis=2),
        np.stack([rows, columns, (rows + columns) // 2], axis=2),
        np.random.PCG64(7).random_raw(224 * 224 * 3).reshape(224, 224, 3) % 256,
        np.zeros((224, 224, 3)),
    ]
    return np.stack(pictures).astype(np.uint8)

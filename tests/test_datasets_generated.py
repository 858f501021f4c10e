"""Synthetic data without any option, and the shares of a split: what the pages say."""

import numpy as np
import pytest

from nncourse import datasets
from nncourse.datasets import (
    make_blobs,
    make_moons,
    make_spirals,
    make_xor,
    train_validation_split,
)


@pytest.mark.parametrize(
    ("make", "noise"), [(make_moons, 0.1), (make_spirals, 0.03), (make_xor, 0), (make_blobs, 0.2)]
)
def test_noise_unless_told(make, noise):
    """The same draw without noise lies where the formulas say; the rest is normal."""
    x, y = make(2000, rng=0)
    clean, same = make(2000, noise=0, rng=0)
    np.testing.assert_array_equal(y, same)
    rest = x - clean
    assert rest.std() == pytest.approx(noise, rel=0.05)
    assert np.abs(rest.mean(axis=0)).max() <= 0.1 * noise


def test_three_arms_of_three_quarters_of_a_turn_and_three_clouds():
    x, y = make_spirals(noise=0, rng=0)
    r = np.hypot(*x.T)
    z = (x[:, 0] + 1j * x[:, 1]) * np.exp(-2j * np.pi * (y / 3 + 0.75 * r))
    np.testing.assert_allclose(z, r, atol=1e-6)
    for make in (make_spirals, make_blobs):
        assert np.bincount(make(rng=0)[1]).tolist() == [100, 100, 100]
    x, y = make_moons(2000, noise=0, rng=0)  # half a circle each, from end to end
    angles = np.arctan2(x[y == 0, 1], x[y == 0, 0])
    assert 0 <= angles.min() < 0.02 and np.pi - 0.02 < angles.max() <= np.pi


@pytest.mark.parametrize("make", [make_spirals, make_blobs])
def test_one_point_and_one_class_are_enough(make):
    x, y = make(1, classes=1, noise=0, rng=0)
    assert x.shape == (1, 2) and y.tolist() == [0]
    senseless = {"n": 0}, {"n": -9}, {"classes": 0}, {"classes": -9}, {"n": 1.0}, {"noise": -9}
    for wrong in (*senseless, {"noise": float("nan")}):
        with pytest.raises(ValueError, match="Expected n ≥ 1, classes ≥ 1 and noise ≥ 0, got"):
            make(**wrong)


def test_a_fifth_is_held_out_unless_told_and_labels_are_not_looked_at():
    x, y = np.arange(100), np.arange(100) % 2
    shares = []
    for seed in range(20):
        train, _, held_out, labels = train_validation_split(x, y, rng=seed)
        assert (len(train), len(held_out)) == (80, 20) and (np.diff(train) > 0).all()
        shares.append(labels.sum())
        assert train_validation_split(x, y, rng=seed, stratify=True)[3].sum() == 10
    assert len(set(shares)) > 3  # 10 on average, give or take 2


@pytest.mark.parametrize(("n", "fraction", "held_out"), [(3, 0.2, 1), (3, 0.8, 2), (2, 0.5, 1)])
def test_neither_part_may_be_empty(n, fraction, held_out):
    parts = train_validation_split(np.arange(n), np.arange(n), fraction=fraction, rng=0)
    assert [len(part) for part in parts] == [n - held_out] * 2 + [held_out] * 2
    for wrong in (0.1, 0.9, 0, 1, -0.5, -9, 9):
        with pytest.raises(ValueError, match="leaves one of the two parts empty"):
            train_validation_split(np.arange(n), np.arange(n), fraction=wrong)


@pytest.mark.parametrize("lines", [["a,b", "1,2", "3"], ["a,b,c", "1,2"], ["a", "1,2"]])
def test_a_table_with_a_hole_is_an_error(lines):
    with pytest.raises(ValueError, match="zip"):
        datasets._columns(lines)
    assert datasets._columns(["a,b", "1,x"])["a"].tolist() == [1]

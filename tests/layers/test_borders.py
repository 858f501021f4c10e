"""Settings and inputs on both sides of their borders: just allowed, and just refused."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.lora import LoRA
from nncourse.layers.masks import begins_with_a_real_step, checked_mask
from nncourse.layers.rotary import rotary_tables, rotate

NAN, INF = float("nan"), float("inf")
ATTENTION, ROWS = nn.MultiHeadAttention(4, 2, rng=0), np.ones((2, 3, 4), np.float32)

ALLOWED = {
    "nothing dropped": lambda: nn.Dropout(0)(ROWS, training=True),
    "nearly all dropped": lambda: nn.Dropout(0.999, rng=0)(ROWS, training=True),
    "no memory of averages": lambda: nn.BatchNorm(4, momentum=0)(ROWS, training=True),
    "a long memory": lambda: nn.BatchNorm(4, momentum=0.9999)(ROWS, training=True),
    "two examples": lambda: nn.BatchNorm(4)(ROWS[:, 0], training=True),
    "one example, used": lambda: nn.BatchNorm(4)(ROWS[:1, 0]),
    "a full rank": lambda: LoRA(nn.Dense(4, 2), 2)(ROWS),
    "a small alpha": lambda: LoRA(nn.Dense(4, 2), 1, alpha=1e-9)(ROWS),
    "no change of images": lambda: nn.RandomAffine()(ROWS[..., None], training=True),
    "much zoom": lambda: nn.RandomAffine(zoom=0.99, rng=0)(ROWS[..., None], training=True),
    "a head for each feature": lambda: nn.MultiHeadAttention(4, 4)(ROWS),
    "one pair a head": lambda: nn.MultiHeadAttention(4, 2, rotary=True)(ROWS),
    "one step": lambda: ATTENTION(ROWS[:, :1]),
    "a memory of one step": lambda: ATTENTION(ROWS, memory=ROWS[:, :1]),
    "all positions": lambda: nn.PositionalEncoding(3, 4)(ROWS),
    "first and last id": lambda: nn.Embedding(5, 1)(np.array([0, 4])),
    "one of all": lambda: nn.GPT(1, 2, 1, 1, context=1)(np.array([[0]])),
    "no zeros a side": lambda: nn.Conv2D(3, 1, 1, padding=0)(np.ones((1, 1, 1, 3))),
    "one row a step": lambda: rotate(np.ones((1, 2)), *rotary_tables(1, 2)),
    "padding at the end": lambda: begins_with_a_real_step(np.array([[True, False]]), (1, 2), ""),
    "padding alone": lambda: begins_with_a_real_step(np.array([[False, False]]), (1, 2), ""),
}
REFUSED = {
    "far less than nothing dropped": lambda: nn.Dropout(-99),
    "far more than all dropped": lambda: nn.Dropout(99),
    "averages far from all": lambda: nn.BatchNorm(4, momentum=99),
    "averages far back": lambda: nn.BatchNorm(4, momentum=-99),
    "a rank far too high": lambda: LoRA(nn.Dense(4, 2), 99),
    "a zoom far beyond": lambda: nn.RandomAffine(zoom=99),
    "a zoom far below": lambda: nn.RandomAffine(zoom=-99),
    "a shift far below": lambda: nn.RandomAffine(shift=-99),
    "far too long": lambda: nn.PositionalEncoding(1, 4)(ROWS),
    "far too long a text": lambda: nn.GPT(9, 4, 2, 1, context=2)(np.zeros((1, 9), int)),
    "an id far below 0": lambda: nn.Embedding(5, 1)(np.array([0, -99])),
    "an id far too many": lambda: nn.Embedding(5, 1)(np.array([0, 99])),
    "an image far too small": lambda: nn.Conv2D(1, 1, 9)(np.ones((1, 2, 20, 1))),
    "an image far too narrow": lambda: nn.MaxPool2D(9)(np.ones((1, 20, 2, 1))),
    "an image without colors": lambda: nn.Conv2D(3, 1, 1)(np.ones((1, 5, 5, 1))),
    "an image of many colors": lambda: nn.Conv2D(3, 1, 1)(np.ones((1, 5, 5, 9))),
    "less than nothing dropped": lambda: nn.Dropout(-1e-9),
    "all dropped": lambda: nn.Dropout(1),
    "averages that never move": lambda: nn.BatchNorm(4, momentum=1),
    "averages that move back": lambda: nn.BatchNorm(4, momentum=-1e-9),
    "averages of NaN": lambda: nn.BatchNorm(4, momentum=NAN),
    "no epsilon": lambda: nn.LayerNorm(4, epsilon=0),
    "an epsilon below 0": lambda: nn.RMSNorm(4, epsilon=-1e-9),
    "an epsilon of NaN": lambda: nn.BatchNorm(4, epsilon=NAN),
    "one example": lambda: nn.BatchNorm(4)(ROWS[:1, 0], training=True),
    "more than full rank": lambda: LoRA(nn.Dense(4, 2), 3),
    "more than full rank of inputs": lambda: LoRA(nn.Dense(2, 4), 3),
    "no rank": lambda: LoRA(nn.Dense(4, 2), 0),
    "a rank below 0": lambda: LoRA(nn.Dense(4, 2), -1),
    "no alpha": lambda: LoRA(nn.Dense(4, 2), 1, alpha=0),
    "an alpha below 0": lambda: LoRA(nn.Dense(4, 2), 1, alpha=-1e-9),
    "an infinite alpha": lambda: LoRA(nn.Dense(4, 2), 1, alpha=INF),
    "backward turns": lambda: nn.RandomAffine(rotation=-1e-9),
    "a zoom below 0": lambda: nn.RandomAffine(zoom=-1e-9),
    "a zoom to nothing": lambda: nn.RandomAffine(zoom=1),
    "a shift of NaN": lambda: nn.RandomAffine(shift=NAN),
    "bytes": lambda: nn.RandomAffine()(np.ones((1, 2, 2, 1), np.uint8)),
    "more heads than features": lambda: nn.MultiHeadAttention(4, 5),
    "heads that do not divide": lambda: nn.MultiHeadAttention(6, 4),
    "half a pair a head": lambda: nn.MultiHeadAttention(6, 2, rotary=True),
    "one feature a head": lambda: nn.MultiHeadAttention(2, 2, rotary=True),
    "a memory of fewer examples": lambda: ATTENTION(ROWS, memory=ROWS[:1]),
    "a memory of fewer features": lambda: ATTENTION(ROWS, memory=ROWS[..., :3]),
    "a memory of no step": lambda: ATTENTION(ROWS, memory=ROWS[:, :0]),
    "a memory of rows": lambda: ATTENTION(ROWS, memory=ROWS[:, 0]),
    "a memory before the future": lambda: nn.MultiHeadAttention(4, 2, causal=True)(
        ROWS, memory=ROWS
    ),
    "a memory that turns": lambda: nn.MultiHeadAttention(4, 2, rotary=True)(ROWS, memory=ROWS),
    "a position too many": lambda: nn.PositionalEncoding(2, 4)(ROWS),
    "an id below 0": lambda: nn.Embedding(5, 1)(np.array([-1])),
    "an id too many": lambda: nn.Embedding(5, 1)(np.array([5])),
    "zeros a side below 0": lambda: nn.Conv2D(1, 1, 1, padding=-1),
    "a kernel below 0": lambda: nn.Conv2D(1, 1, -1),
    "a stride below 0": lambda: nn.MaxPool2D(2, stride=-1),
    "units below 0": lambda: nn.Dense(1, -1),
    "no position": lambda: rotary_tables(0, 2),
    "positions below 0": lambda: rotary_tables(-1, 2),
    "features below 0": lambda: rotary_tables(1, -2),
    "no feature": lambda: rotary_tables(1, 0),
    "an odd number of features": lambda: rotary_tables(1, 3),
    "cosines of whole numbers": lambda: rotary_tables(1, 2, dtype=int),
    "a row less": lambda: rotate(np.ones((3, 4)), *rotary_tables(2, 4)),
    "a pair less": lambda: rotate(np.ones((3, 4)), *rotary_tables(3, 2)),
    "one step without its axis": lambda: rotate(np.ones(4), *rotary_tables(1, 4)),
    "other sines": lambda: rotate(np.ones((3, 4)), rotary_tables(3, 4)[0], np.ones((3, 1))),
    "a mask of numbers": lambda: checked_mask(np.ones((1, 2), int), (1, 2), ""),
    "a mask of another shape": lambda: checked_mask(np.ones((1, 2), bool), (2, 1), ""),
    "padding first": lambda: begins_with_a_real_step(np.array([[False, True]]), (1, 2), ""),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_just_allowed(name):
    result = ALLOWED[name]()
    assert result is None or np.isfinite(result).all()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_just_refused(name):
    with pytest.raises(ValueError, match=r"expect|need|[Gg]ot|takes no memory"):
        REFUSED[name]()


@pytest.mark.parametrize("kind", ["i2", "u1", "?", "f2", "f4", "f8"])
def test_what_is_turned_becomes_or_stays_a_fraction(kind):
    """Whole numbers in the type of the tables; floating-point numbers in their own."""
    tables = rotary_tables(2, 2, dtype=np.float32)
    turned = rotate(np.ones((2, 2), kind), *tables)
    assert turned.dtype == (kind if kind[0] == "f" else np.float32)
    expected = [[1, 1], [np.cos(1) - np.sin(1), np.sin(1) + np.cos(1)]]
    np.testing.assert_allclose(turned, expected, rtol=2e-3)

"""What users of such a package expect: freezing, both directions, zeros on each side, a summary."""

import numpy as np
import pytest

import nncourse as nn


def test_a_frozen_layer_stays_as_it_is():
    model = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    model[0].trainable = False
    before = [p.value.copy() for p in model.parameters()]
    assert not model[0].trainable and model.trainable and len(model.parameters()) == 4
    optimizer = nn.Adam(model.parameters())
    model.backward(np.ones_like(model(np.ones((4, 2), np.float32))))
    optimizer.step()
    changed = [(p.value != b).any() for p, b in zip(model.parameters(), before, strict=True)]
    assert changed == [False, False, True, True]
    model.trainable = True
    assert all(p.trainable for p in model.parameters())


@pytest.mark.parametrize("sequences", [False, True])
def test_reading_backward_is_reading_the_mirrored_sequence(sequences):
    options = {"return_sequences": sequences, "dtype": float}
    first, second = nn.LSTM(2, 3, rng=0, **options), nn.LSTM(2, 4, rng=1, **options)
    layer, x = nn.Bidirectional(first, second), np.random.default_rng(0).normal(size=(2, 5, 2))
    lengths = np.array([5, 3])
    y = layer(x, mask=lengths[:, None] > np.arange(5))
    for row, n in enumerate(lengths):
        h, k = first(x[row : row + 1, :n]), second(x[row : row + 1, :n][:, ::-1])
        k = k[:, ::-1] if sequences else k
        found = y[row : row + 1, :n] if sequences else y[row : row + 1]
        np.testing.assert_allclose(found, np.concatenate([h, k], axis=-1), rtol=1e-12)


def test_two_directions_as_in_keras():
    keras = pytest.importorskip("keras")
    ours = nn.Bidirectional(*(nn.LSTM(2, 3, return_sequences=True, rng=seed) for seed in (0, 1)))
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype(np.float32)
    theirs.build(x.shape)
    theirs.set_weights([p.value for p in ours.parameters()])
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), atol=1e-5)


def test_what_is_no_pair_of_directions_is_explained():
    with pytest.raises(TypeError, match="expects two recurrent layers"):
        nn.Bidirectional(nn.LSTM(2, 3), nn.Dense(2, 3))
    one = nn.LSTM(2, 3)
    for other in (one, nn.LSTM(3, 3), nn.LSTM(2, 3, return_sequences=True)):
        with pytest.raises(ValueError, match="the same inputs and return_sequences"):
            nn.Bidirectional(one, other)


def test_zeros_on_each_side_are_as_if_they_were_in_the_image():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 1))
    for padding in (0, 1, 2):
        padded = nn.Conv2D(1, 2, 3, stride=2, padding=padding, rng=0, dtype=float)
        plain = nn.Conv2D(1, 2, 3, stride=2, rng=0, dtype=float)
        around = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
        np.testing.assert_allclose(padded(x), plain(around))
    assert repr(padded) == "Conv2D(1→2, 3×3, stride=(2, 2), padding=2)"
    assert padded(x[:, :1, :1]).shape == (2, 2, 2, 2)
    with pytest.raises(ValueError, match="at least 3×3 pixels, got 2×4"):
        nn.Conv2D(1, 2, 5, padding=1)(x[:, :2])
    for wrong in (-1, 1.5, "full"):
        with pytest.raises(ValueError, match="'valid' or 'same', got"):
            nn.Conv2D(1, 2, 3, padding=wrong)


def test_a_summary_is_a_table(capsys):
    model = nn.Sequential(nn.Flatten(), nn.Dense(784, 256), nn.ReLU(), nn.Dense(256, 10))
    model[1].trainable = False
    model.summary((32, 28, 28))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "layer output parameters", "Flatten() (32, 784) 0", "Dense(784→256) (32, 256) 200,960",
        "ReLU() (32, 256) 0", "Dense(256→10) (32, 10) 2,570", "total 203,530",
        "of these frozen 200,960",
    ]  # fmt: skip
    nn.Sequential(nn.Embedding(5, 2), nn.LSTM(2, 3)).summary((1, 7))
    assert "(1, 7, 2)" in capsys.readouterr().out
    nn.Dense(2, 3).summary()
    assert "9" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="before forward"):
        model.backward(np.ones((32, 10)))

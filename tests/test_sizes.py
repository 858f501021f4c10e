"""Sizes as numbers of NumPy: 4 times np.uint8(100) is 144 there, and must be 400 here."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.vision.convnets import residual_net

LAYERS = {
    "Dense": lambda k: nn.Dense(k(100), k(120), rng=0),
    "he_normal": lambda k: nn.Dense(k(100), k(9), initializer=nn.initializers.he_normal, rng=0),
    "orthogonal": lambda k: nn.Dense(k(9), k(9), initializer=nn.initializers.orthogonal, rng=0),
    "Conv2D": lambda k: nn.Conv2D(k(20), k(30), k(3), stride=k(2), padding=k(1), rng=0),
    "DepthwiseConv2D": lambda k: nn.DepthwiseConv2D(k(100), k(5), rng=0),
    "BatchNorm": lambda k: nn.BatchNorm(k(100)),
    "SimpleRNN": lambda k: nn.SimpleRNN(k(3), k(100), rng=0),
    "LSTM": lambda k: nn.LSTM(k(3), k(100), rng=0),
    "GRU": lambda k: nn.GRU(k(3), k(100), rng=0),
    "Embedding": lambda k: nn.Embedding(k(100), k(90), rng=0),
    "PositionalEncoding": lambda k: nn.PositionalEncoding(k(100), k(90), learned=True, rng=0),
    "MultiHeadAttention": lambda k: nn.MultiHeadAttention(k(64), k(2), rng=0),
    "TransformerBlock": lambda k: nn.TransformerBlock(k(64), k(2), rng=0),
    "GPT": lambda k: nn.GPT(k(100), k(64), k(2), k(2), context=k(9), rng=0),
    "BERT": lambda k: nn.BERT(k(100), k(64), k(2), k(1), context=k(9), rng=0),
    "LoRA": lambda k: nn.lora.LoRA(nn.Dense(8, 9, rng=0), k(4), alpha=k(100), rng=0),
    "residual_net": lambda k: residual_net(k(6), k(20), rng=0),
}


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_numpys_sizes(name, kind):
    found, expected = LAYERS[name](kind), LAYERS[name](int)
    assert found.count_parameters() == expected.count_parameters() and repr(found) == repr(expected)
    for p, q in zip(found.parameters(), expected.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)


def added(masks):
    return masks @ np.arange(float(masks.shape[1]))


X = np.linspace(-1, 1, 500, dtype=np.float32)[:, None]


def trainer():
    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    return nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))


CALLS = {
    "grid": lambda k: nn.shapley.grid(k(120), k(120), k(7)),
    "shapley_exact": lambda k: nn.shapley.shapley_exact(added, k(10)),
    "kernel_shap": lambda k: nn.shapley.kernel_shap(added, k(10)),
    "kernel_shap, drawn": lambda k: nn.shapley.kernel_shap(added, k(20), samples=k(100), rng=0),
    "shapley_sampled": lambda k: nn.shapley.shapley_sampled(
        added, k(20), permutations=k(100), rng=0
    )[0],
    "lime": lambda k: nn.shapley.lime(added, k(9), samples=k(100), rng=0).weights,
    "fit": lambda k: trainer().fit(X, X, epochs=k(2), batch_size=k(100), progress=False)["loss"],
    "predict": lambda k: trainer().predict(X, batch_size=k(100)),
    "evaluate": lambda k: trainer().evaluate(X, X, batch_size=k(100))["loss"],
    "find_learning_rate": lambda k: (
        nn.find_learning_rate(trainer(), X, X, steps=k(20), batch_size=k(100)).losses
    ),
    "make_blobs": lambda k: nn.datasets.make_blobs(k(100), k(3), rng=0)[0],
    "he_normal of a window": lambda k: nn.initializers.he_normal((k(9), k(9), k(3), k(2)), 0),
    "a batch": lambda k: nn.sampling.probabilities(np.arange(200.0) % 7, top_k=k(100)),
}


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32])
@pytest.mark.parametrize("name", CALLS)
def test_calls_with_numpys_sizes(name, kind):
    np.testing.assert_array_equal(CALLS[name](kind), CALLS[name](int))


@pytest.mark.parametrize("n", [10.5, "10", None])
def test_a_number_of_examples_is_whole(n):
    makers = ("make_moons", "make_blobs", "make_spirals", "make_xor")
    for maker in (getattr(nn.datasets, name) for name in makers):
        with pytest.raises(ValueError, match="Expected n ≥ 1"):
            maker(n)


def test_a_share_of_many_examples_may_have_few_digits():
    x = np.arange(100_000)
    assert len(nn.datasets.train_validation_split(x, x, fraction=np.float16(0.5))[3]) == 50_000

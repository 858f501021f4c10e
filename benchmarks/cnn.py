"""A training step of the convolutional network of chapter 9, in three libraries.

Conv 32 - pool - conv 64 - pool - conv 64 - dense 64 - dense 10, kernels of 3×3, Adam, float32,
batches of 64 real digits, one thread on one core, beside the matrix products alone: for each layer
one forward, one for the weights' gradient and, but in the first layer, one for the input's, each in
the layout and cut in the pieces in which it is fastest here.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import (  # isort: skip
    best_product, check_losses, fastest, pin_to_one_core, print_table, repeated, report_at_least,
    side_by_side,
)  # fmt: skip

import keras
import numpy as np
import torch
from _peers import keras_by_fit, keras_by_function, nncourse_by_loop, one_thread, torch_by_loop

import nncourse as nn

BATCH, STEPS, ROUNDS = 64, 40, 11
# Rows, inputs and outputs of each layer's product: windows × window size, window size × filters.
PRODUCTS = [
    (26 * 26 * BATCH, 9, 32),
    (11 * 11 * BATCH, 288, 64),
    (3 * 3 * BATCH, 576, 64),
    (BATCH, 576, 64),
    (BATCH, 64, 10),
]


def bare_products():
    rng = np.random.default_rng(0)
    products = []
    for first, (n, i, o) in enumerate(PRODUCTS):
        x, w, g = (rng.random(shape, np.float32) for shape in ((n, i), (i, o), (n, o)))
        products += [in_pieces(x, w), best_product(x.T, g)]
        if first:
            products.append(in_pieces(g, w.T))
    return repeated(*products)


def in_pieces(a, b):
    """The product whole, or by as many rows as OpenBLAS takes without copying ``b``, if faster."""
    rows = next(n for n in range(min(10**6 // b.size, len(a)), 0, -1) if len(a) % n == 0)
    pieces = best_product(a.reshape(-1, rows, a.shape[1]), b)
    return fastest(best_product(a, b), pieces)


def in_nncourse(x, y):
    model = nn.Sequential(
        nn.Conv2D(1, 32, 3, rng=0),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(32, 64, 3, rng=1),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(64, 64, 3, rng=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dense(576, 64, rng=3),
        nn.ReLU(),
        nn.Dense(64, 10, rng=4),
    )
    return nncourse_by_loop(model, x, y), [p.value.copy() for p in model.parameters()]


def keras_model(weights):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.set_weights(weights)
    return model


class AsNHWC(torch.nn.Module):
    """Bring the features to the end before they are flattened, as in the other two libraries."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def torch_model(weights):
    module = torch.nn
    model = module.Sequential(
        module.Conv2d(1, 32, 3),
        module.ReLU(),
        module.MaxPool2d(2),
        module.Conv2d(32, 64, 3),
        module.ReLU(),
        module.MaxPool2d(2),
        module.Conv2d(64, 64, 3),
        module.ReLU(),
        AsNHWC(),
        module.Linear(576, 64),
        module.ReLU(),
        module.Linear(64, 10),
    )
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights, strict=True):
            p.copy_(torch.from_numpy(w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T))
    return model


def main():
    """Check that all learn the same, then time them."""
    pin_to_one_core()
    one_thread()
    mnist = nn.datasets.load_mnist(source="sample")
    x = mnist.x_train[: STEPS * BATCH].reshape(STEPS, BATCH, 28, 28, 1)
    y = mnist.y_train[: STEPS * BATCH].reshape(STEPS, BATCH)

    channels_first = x.transpose(0, 1, 4, 2, 3).copy()
    ours, weights = in_nncourse(x, y)
    peers = {
        "Keras/TensorFlow": keras_by_fit(keras_model(weights), x, y),
        "TensorFlow, tf.function": keras_by_function(keras_model(weights), x, y),
        "PyTorch": torch_by_loop(torch_model(weights), channels_first, y),
    }
    losses = {"nncourse": ours(5)} | {name: run(5) for name, run in peers.items()}
    print("loss after 5 steps from the same weights:", losses)
    check_losses(losses)

    contenders = {"matrix products alone": bare_products(), "nncourse": ours} | peers
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = f"CNN of chapter 9, batch {BATCH}, Adam, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    report_at_least(seconds, "PyTorch", 1.3)
    report_at_least(seconds, "TensorFlow, tf.function", 0.75)
    report_at_least(seconds, "Keras/TensorFlow", 1)


if __name__ == "__main__":
    main()

"""A training step of the multilayer perceptron of chapter 3, in four libraries.

784-256-128-10 with ReLU, Adam, float32, batches of 128 real digits, one thread on one core, beside
the matrix products alone: the eight that any implementation must do. Each peer is run as its
tutorials do (Keras and scikit-learn by ``fit``, PyTorch by its usual loop), and where there is a
leaner way, so too (a ``tf.function`` without the trainer, PyTorch's fused Adam).
"""

import warnings

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import keras
import numpy as np
import torch
from _peers import keras_by_fit, keras_by_function, nncourse_by_loop, one_thread, torch_by_loop
from sklearn.neural_network import MLPClassifier

import nncourse as nn

SIZES, BATCH, STEPS, ROUNDS = (784, 256, 128, 10), 128, 75, 21


def bare_products(x, weights):
    """Forward, weight gradients and input gradients as bare products (no first input gradient)."""
    rng = np.random.default_rng(0)
    inputs = [None, *(rng.random((BATCH, w.shape[0]), np.float32) for w in weights[1:])]
    grads = [rng.random((BATCH, w.shape[1]), np.float32) for w in weights]

    def run(steps):
        for step in range(steps):
            inputs[0] = x[step]
            for i, w in enumerate(weights):
                inputs[i] @ w
                inputs[i].T @ grads[i]
                if i:
                    grads[i] @ w.T

    return run


def in_nncourse(x, y):
    layers = [nn.Dense(*SIZES[i : i + 2], rng=i) for i in range(3)]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    return nncourse_by_loop(model, x, y), [layer.kernel.value.copy() for layer in layers]


def keras_model(weights):
    activations = ("relu", "relu", None)
    model = keras.Sequential(
        [keras.Input((784,))]
        + [keras.layers.Dense(n, activation=a) for n, a in zip(SIZES[1:], activations, strict=True)]
    )
    for layer, w in zip(model.layers, weights, strict=True):
        layer.kernel.assign(w)
    return model


def torch_model(weights):
    layers = [torch.nn.Linear(*SIZES[i : i + 2]) for i in range(3)]
    with torch.no_grad():
        for layer, w in zip(layers, weights, strict=True):
            layer.weight.copy_(torch.from_numpy(w.T))
            layer.bias.zero_()
    relu = torch.nn.ReLU()
    model = torch.nn.Sequential(layers[0], relu, layers[1], relu, layers[2])
    return model


def in_scikit_learn(x, y):
    """One epoch over as many batches as there are steps; fit() returns nothing to compare."""
    options = {"alpha": 0.0, "shuffle": False, "random_state": 0, "max_iter": 1}
    flat_x, flat_y = x.reshape(-1, 784), y.reshape(-1)

    def run(steps):
        model = MLPClassifier(SIZES[1:-1], batch_size=BATCH, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged, which is not its task here
            return model.fit(flat_x[: steps * BATCH], flat_y[: steps * BATCH]).loss_

    return run


def main():
    """Check that all learn the same, then time them."""
    pin_to_one_core()
    one_thread()
    mnist = nn.datasets.load_mnist(flatten=True, source="sample")
    x = mnist.x_train[: STEPS * BATCH].reshape(STEPS, BATCH, 784)
    y = mnist.y_train[: STEPS * BATCH].reshape(STEPS, BATCH)

    ours, weights = in_nncourse(x, y)
    peers = {
        "Keras/TensorFlow": keras_by_fit(keras_model(weights), x, y),
        "TensorFlow, tf.function": keras_by_function(keras_model(weights), x, y),
        "PyTorch": torch_by_loop(torch_model(weights), x, y),
        "PyTorch, fused Adam": torch_by_loop(torch_model(weights), x, y, fused=True),
    }
    losses = {"nncourse": ours(5)} | {name: run(5) for name, run in peers.items()}
    print("loss after 5 steps from the same weights:", losses)
    if max(losses.values()) - min(losses.values()) > 1e-3:
        raise SystemExit("the contenders do not compute the same; their times mean nothing")
    peers["scikit-learn"] = in_scikit_learn(x, y)

    contenders = {"matrix products alone": bare_products(x, weights), "nncourse": ours} | peers
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = f"MLP {'-'.join(map(str, SIZES))}, batch {BATCH}, Adam, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    value = ratio(seconds, "nncourse", "matrix products alone")
    report("nncourse at most 2 × the products", value, value <= 2)
    for name in peers:
        value = ratio(seconds, name, "nncourse")
        report(f"{name} at least 2 × nncourse", value, value >= 2)


if __name__ == "__main__":
    main()

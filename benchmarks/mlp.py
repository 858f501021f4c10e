"""A training step of the multilayer perceptron of chapter 3, in four libraries.

784-256-128-10 with ReLU, Adam, float32, batches of 128 real digits, one thread on one core, beside
the matrix products alone, the eight that any implementation must do, each in its fastest layout,
and beside the same step in bare NumPy, without layers or checks: only what is above that is the
package's. Each peer is run as its tutorials do (Keras and scikit-learn by ``fit``, PyTorch by its
usual loop), and where there is a leaner way, so too (a ``tf.function`` without the trainer,
PyTorch's fused Adam).
"""

import warnings
from math import sqrt

# First, because it sets the number of threads before NumPy reads it.
from _measure import (  # isort: skip
    best_product, check_losses, pin_to_one_core, print_table, ratio, repeated, report,
    report_at_least, side_by_side,
)  # fmt: skip

import keras
import numpy as np
import torch
from _peers import keras_by_fit, keras_by_function, nncourse_by_loop, one_thread, torch_by_loop
from sklearn.neural_network import MLPClassifier

import nncourse as nn

SIZES, BATCH, STEPS, ROUNDS = (784, 256, 128, 10), 128, 75, 21


def bare_products(weights):
    """Forward, weight gradients and input gradients as bare products (no first input gradient)."""
    rng, products = np.random.default_rng(0), []
    for i, w in enumerate(weights):
        x, grad = (rng.random((BATCH, n), np.float32) for n in w.shape)
        products += [best_product(x, w), best_product(x.T, grad)]
        if i:
            products.append(best_product(grad, w.T))
    return repeated(*products)


def bare_numpy(x, y, weights):
    """The whole step on arrays that are made once: no layers, no optimizer, no checks."""
    weights, biases = [w.copy() for w in weights], [np.zeros(n, np.float32) for n in SIZES[1:]]
    kernel_grads, bias_grads = ([np.empty_like(p) for p in ps] for ps in (weights, biases))
    a, deltas = ([np.empty((BATCH, n), np.float32) for n in SIZES[1:]] for _ in range(2))
    parameters, grads = weights + biases, kernel_grads + bias_grads
    m, v, scratch = ([np.zeros_like(p) for p in parameters] for _ in range(3))
    rows, done = np.arange(BATCH), [0]

    def forward(inputs):
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            np.matmul(a[i - 1] if i else inputs, w, out=a[i])
            a[i] += b
            if i < len(weights) - 1:
                np.maximum(a[i], 0, out=a[i])

    def backward(inputs, labels):
        delta = deltas[-1]
        np.subtract(a[-1], a[-1].max(axis=1, keepdims=True), out=delta)
        np.exp(delta, out=delta)
        delta /= delta.sum(axis=1, keepdims=True)
        loss = -np.log(delta[rows, labels]).mean()
        delta[rows, labels] -= 1
        delta /= BATCH
        for i in reversed(range(len(weights))):
            np.matmul((a[i - 1] if i else inputs).T, deltas[i], out=kernel_grads[i])
            deltas[i].sum(axis=0, out=bias_grads[i])
            if i:
                np.matmul(deltas[i], weights[i].T, out=deltas[i - 1])
                deltas[i - 1] *= a[i - 1] > 0
        return loss

    def adam(t):
        scale_m, scale_v = 0.1 / (1 - 0.9**t), sqrt(0.001 / (1 - 0.999**t))
        for p, g, mean, square, s in zip(parameters, grads, m, v, scratch, strict=True):
            mean *= 0.9
            mean += g
            square *= 0.999
            square += np.multiply(g, g, out=s)
            np.sqrt(square, out=s)
            s += 1e-8 / scale_v
            np.divide(mean, s, out=s)
            s *= 1e-3 * scale_m / scale_v
            p -= s

    def run(steps):
        for inputs, labels in zip(x[:steps], y[:steps], strict=True):
            forward(inputs)
            backward(inputs, labels)
            done[0] += 1
            adam(done[0])
        forward(x[0])
        return float(backward(x[0], y[0]))

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
    bare = bare_numpy(x, y, weights)
    losses = {name: run(5) for name, run in {"nncourse": ours, "bare NumPy": bare, **peers}.items()}
    print("loss after 5 steps from the same weights:", losses)
    check_losses(losses)
    peers["scikit-learn"] = in_scikit_learn(x, y)

    floor = {"matrix products alone": bare_products(weights), "bare NumPy": bare}
    contenders = floor | {"nncourse": ours} | peers
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = f"MLP {'-'.join(map(str, SIZES))}, batch {BATCH}, Adam, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    value = ratio(seconds, "nncourse", "matrix products alone")
    report("nncourse at most 2 × the products", value, value <= 2)
    for name in peers:
        report_at_least(seconds, name, 1.2)


if __name__ == "__main__":
    main()

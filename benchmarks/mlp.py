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
import tensorflow as tf
import torch
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
    optimizer = nn.Adam(model.parameters())

    def run(steps):
        for batch, labels in zip(x[:steps], y[:steps], strict=True):
            _, grad = nn.losses.softmax_cross_entropy(model(batch, training=True), labels)
            optimizer.zero_grad()
            model.backward(grad, input_grad=False)
            optimizer.step()
        return nn.losses.softmax_cross_entropy(model(x[0]), y[0])[0]

    return run, [layer.kernel.value.copy() for layer in layers]


def keras_model(weights):
    activations = ("relu", "relu", None)
    model = keras.Sequential(
        [keras.Input((784,))]
        + [keras.layers.Dense(n, activation=a) for n, a in zip(SIZES[1:], activations, strict=True)]
    )
    for layer, w in zip(model.layers, weights, strict=True):
        layer.kernel.assign(w)
    # Keras adds epsilon before the bias correction, where it weighs 30 times more at the start.
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-10)
    return model, optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def in_keras(x, y, weights):
    model, optimizer, cross_entropy = keras_model(weights)
    model.compile(optimizer, cross_entropy)
    flat_x, flat_y = x.reshape(-1, 784), y.reshape(-1)

    def run(steps):
        n = steps * BATCH
        model.fit(flat_x[:n], flat_y[:n], batch_size=BATCH, shuffle=False, verbose=0)
        return float(cross_entropy(y[0], model(x[0])))

    return run


def in_tensorflow(x, y, weights):
    model, optimizer, cross_entropy = keras_model(weights)
    optimizer.build(model.trainable_variables)
    batches = [(tf.constant(a), tf.constant(b)) for a, b in zip(x, y, strict=True)]

    @tf.function
    def step(batch, labels):
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, model(batch, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    def run(steps):
        for batch, labels in batches[:steps]:
            step(batch, labels)
        return float(cross_entropy(y[0], model(x[0])))

    return run


def in_pytorch(x, y, weights, **options):
    layers = [torch.nn.Linear(*SIZES[i : i + 2]) for i in range(3)]
    with torch.no_grad():
        for layer, w in zip(layers, weights, strict=True):
            layer.weight.copy_(torch.from_numpy(w.T))
            layer.bias.zero_()
    relu = torch.nn.ReLU()
    model = torch.nn.Sequential(layers[0], relu, layers[1], relu, layers[2])
    optimizer = torch.optim.Adam(model.parameters(), **options)
    cross_entropy = torch.nn.CrossEntropyLoss()
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def run(steps):
        for batch, labels in zip(x[:steps], y[:steps], strict=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), labels).backward()
            optimizer.step()
        return float(cross_entropy(model(x[0]), y[0]).detach())

    return run


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
    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    mnist = nn.datasets.load_mnist(flatten=True, source="sample")
    x = mnist.x_train[: STEPS * BATCH].reshape(STEPS, BATCH, 784)
    y = mnist.y_train[: STEPS * BATCH].reshape(STEPS, BATCH)

    ours, weights = in_nncourse(x, y)
    peers = {
        "Keras/TensorFlow": in_keras(x, y, weights),
        "TensorFlow, tf.function": in_tensorflow(x, y, weights),
        "PyTorch": in_pytorch(x, y, weights),
        "PyTorch, fused Adam": in_pytorch(x, y, weights, fused=True),
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

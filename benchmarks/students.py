"""What a student would pick instead: teaching packages in pure NumPy, at the same work.

The MLP of chapter 3 (784-256-128-10, ReLU, Adam, batches of 128 digits, one thread on one core)
from the same weights and on the same batches: milliseconds a step, and seconds of training until
97 % of the whole MNIST's test images are right, looked up after each epoch. Then the tape of single
numbers, :class:`nncourse.Value`, beside micrograd's, on micrograd's own example network.

What each peer does differently stands in ``DIFFERENT``. dezero 0.0.13 and numpy-ml 0.1.2 are not
here: the first needs NumPy before 1.24 (``np.int``), the second Python before 3.10.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import (  # isort: skip
    check_losses, keep, pin_to_one_core, print_table, ratio, report, side_by_side,
)  # fmt: skip

import time
from itertools import pairwise

import autograd
import autograd.numpy as anp
import micrograd.engine
import micrograd.nn
import mygrad
import numpy as np
from autograd.misc.flatten import flatten
from mygrad.nnet.losses import softmax_crossentropy
from mynn.layers.dense import dense
from mynn.optimizers.adam import Adam as MyNNAdam
from neuralnetlib.layers import Activation, Dense, Input
from neuralnetlib.models import Sequential
from neuralnetlib.optimizers import Adam as NeuralnetlibAdam

import nncourse as nn

SIZES, BATCH, STEPS, ROUNDS, GOAL, EPOCHS = (784, 256, 128, 10), 128, 20, 15, 0.97, 10
DIFFERENT = {
    "nncourse": "layers, float32",
    "mygrad + MyNN": "a tape of arrays, float32; layers are few, and have no checks",
    "neuralnetlib": "layers as in Keras; float64; also computes the gradient of the images",
    "autograd": "a tape of arrays; no layers and no losses (written here); its Adam is in float64",
}


def first_weights():
    rng = np.random.default_rng(0)
    return [nn.initializers.he_normal(pair, rng=rng, dtype=np.float32) for pair in pairwise(SIZES)]


def in_nncourse(weights):
    layers = [nn.Dense(*pair, rng=0) for pair in pairwise(SIZES)]
    for layer, w in zip(layers, weights, strict=True):
        layer.kernel.value[...] = w
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = nn.Adam(model.parameters())

    def step(x, y):
        loss, grad = nn.losses.softmax_cross_entropy(model(x, training=True), y)
        optimizer.zero_grad()
        model.backward(grad, input_grad=False)
        optimizer.step()
        return loss

    return step, model


def in_mygrad(weights):
    layers = [dense(*pair) for pair in pairwise(SIZES)]
    for layer, w in zip(layers, weights, strict=True):
        layer.weight = mygrad.tensor(w)
        layer.bias = mygrad.tensor(np.zeros((1, w.shape[1]), np.float32))
    optimizer = MyNNAdam([p for layer in layers for p in layer.parameters])

    def model(x):
        for layer in layers[:-1]:
            x = mygrad.nnet.relu(layer(x))
        return layers[-1](x)

    def step(x, y):
        loss = softmax_crossentropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def scores(x):
        with mygrad.no_autodiff:
            return model(x).data

    return step, scores


def in_neuralnetlib(weights):
    model = Sequential(gradient_clip_threshold=0, random_state=0)
    model.add(Input(SIZES[0]))
    for units, activation in zip(SIZES[1:], ("relu", "relu", "softmax"), strict=True):
        model.add(Dense(units))
        model.add(Activation(activation))
    model.compile("sparse_categorical_crossentropy", NeuralnetlibAdam())
    model.forward_pass(np.zeros((1, SIZES[0]), np.float32))  # now it has weights
    layers = [layer for layer in model.layers if isinstance(layer, Dense)]
    for layer, w in zip(layers, weights, strict=True):
        layer.weights[...] = w
    return model.train_on_batch, model.predict


def in_autograd(weights):
    """Its example of a neural network, with the update of its own ``adam`` a step at a time."""
    parameters, unflatten = flatten([(w, np.zeros(w.shape[1], np.float32)) for w in weights])
    zeros = np.zeros(len(parameters))  # in float64, as there
    state = {"x": parameters, "m": zeros, "v": zeros, "t": 0}

    def model(parameters, x):
        for w, b in parameters[:-1]:
            x = anp.maximum(anp.dot(x, w) + b, 0)
        w, b = parameters[-1]
        return anp.dot(x, w) + b

    def loss(flat, x, y):
        scores = model(unflatten(flat), x)
        scores = scores - anp.max(scores, axis=1, keepdims=True)
        log_sum = anp.log(anp.sum(anp.exp(scores), axis=1))
        return anp.mean(log_sum - scores[np.arange(len(y)), y])

    value_and_grad = autograd.value_and_grad(loss)

    def step(x, y):
        value, g = value_and_grad(state["x"], x, y)
        state["m"] = 0.1 * g + 0.9 * state["m"]
        state["v"] = 0.001 * g**2 + 0.999 * state["v"]
        state["t"] += 1
        mean = state["m"] / (1 - 0.9 ** state["t"])
        square = state["v"] / (1 - 0.999 ** state["t"])
        state["x"] = state["x"] - 0.001 * mean / (np.sqrt(square) + 1e-8)
        return value

    return step, lambda x: model(unflatten(state["x"]), x)


MAKERS = {
    "nncourse": in_nncourse,
    "mygrad + MyNN": in_mygrad,
    "neuralnetlib": in_neuralnetlib,
    "autograd": in_autograd,
}


def until_goal(make, weights, mnist):
    """Train until the goal; return epochs, the seconds of training alone, and the accuracy."""
    step, scores = make(weights)
    rng, epochs, seconds, accuracy = np.random.default_rng(0), 0, 0.0, 0.0
    while accuracy < GOAL and epochs < EPOCHS:
        epochs += 1
        order = rng.permutation(len(mnist.x_train))
        start = time.process_time()
        for i in range(0, len(order), BATCH):
            rows = order[i : i + BATCH]
            step(mnist.x_train[rows], mnist.y_train[rows])
        seconds += time.process_time() - start
        accuracy = np.mean(np.argmax(scores(mnist.x_test), axis=1) == mnist.y_test)
    return epochs, seconds, accuracy


def repeated(step, x, y):
    def run(steps):
        for batch, labels in zip(x[:steps], y[:steps], strict=True):
            step(batch, labels)

    return run


def networks():
    """The MLP: a step side by side, then the way to 97 %."""
    mnist = nn.datasets.load_mnist(flatten=True, source="full")
    x = mnist.x_train[: STEPS * BATCH].reshape(STEPS, BATCH, 784)
    y = mnist.y_train[: STEPS * BATCH].reshape(STEPS, BATCH)
    weights = first_weights()
    steps = {name: make([w.copy() for w in weights])[0] for name, make in MAKERS.items()}
    losses = {name: [float(step(x[i], y[i])) for i in range(5)][-1] for name, step in steps.items()}
    print("loss of the fifth step from the same weights:", losses)
    check_losses(losses)
    runs = {name: repeated(step, x, y) for name, step in steps.items()}
    seconds = side_by_side(runs, steps=STEPS, rounds=ROUNDS)
    title = f"Teaching packages: MLP {'-'.join(map(str, SIZES))}, batch {BATCH}, Adam, one thread"
    print_table(title, seconds, baseline="nncourse")
    print(f"\n{'whole MNIST, until 97 %':28} {'epochs':>8} {'seconds':>9} {'accuracy':>10}")
    for name, make in MAKERS.items():
        epochs, took, accuracy = until_goal(make, [w.copy() for w in weights], mnist)
        print(f"{name:28} {epochs:8} {took:9.1f} {accuracy:10.2%}   {DIFFERENT[name]}")
        entry = {"epochs": epochs, "seconds": took, "accuracy": accuracy}
        keep("until 97 %", name, entry | {"different": DIFFERENT[name]})
    return seconds


def tapes():
    """Run the example of micrograd, 2-16-16-1 on 100 points, on each tape of single numbers."""
    rng = np.random.default_rng(0)
    points, signs = rng.normal(size=(100, 2)), np.sign(rng.normal(size=100))
    start = micrograd.nn.MLP(2, [16, 16, 1])
    numbers = [[[w.data for w in neuron.w] for neuron in layer.neurons] for layer in start.layers]

    def on_tape(value_class):
        """Neurons as micrograd writes them, of either kind of number."""
        layers = [
            [([value_class(w) for w in neuron], value_class(0.0)) for neuron in layer]
            for layer in numbers
        ]
        parameters = [p for layer in layers for ws, b in layer for p in (*ws, b)]

        def score(x):
            for depth, layer in enumerate(layers):
                x = [sum((w * a for w, a in zip(ws, x, strict=True)), b) for ws, b in layer]
                if depth < len(layers) - 1:
                    x = [z.relu() for z in x]
            return x[0]

        def run(steps):
            for _ in range(steps):
                margins = [1 - float(s) * score(p) for p, s in zip(points, signs, strict=True)]
                loss = sum(m.relu() for m in margins) * (1 / len(margins))
                for p in parameters:
                    p.grad = 0.0
                loss.backward()
                for p in parameters:
                    p.data -= 0.05 * p.grad
            return loss.data

        return run

    runs = {"nncourse": on_tape(nn.Value), "micrograd": on_tape(micrograd.engine.Value)}
    losses = {name: run(3) for name, run in runs.items()}
    if abs(losses["nncourse"] - losses["micrograd"]) > 1e-9:
        raise SystemExit(f"the tapes do not compute the same: {losses}")
    seconds = side_by_side(runs, steps=1, rounds=ROUNDS)
    title = "Tapes of single numbers: MLP 2-16-16-1 on 100 points, a step of gradient descent"
    print_table(title, seconds, baseline="nncourse")
    return seconds


def main():
    pin_to_one_core()
    steps, tape = networks(), tapes()
    print("\nTargets")
    for name in list(MAKERS)[1:]:
        value = ratio(steps, name, "nncourse")
        report(f"{name} slower than nncourse", value, value >= 1)
    value = ratio(tape, "micrograd", "nncourse")
    report("micrograd slower than nncourse's tape", value, value >= 1)


if __name__ == "__main__":
    main()

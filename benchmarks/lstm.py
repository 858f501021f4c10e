"""Forward and backward pass of one LSTM layer, in three libraries.

32 sequences of 100 steps, 32 features → 128 units, float32, one thread on one core: the last state,
then the gradients of all weights and of the input. Beside them the matrix products alone, which any
implementation must do: three products over all steps at once, and two at each of the 100 steps.
Before anything is timed, losses and gradients are held against each other.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import pin_to_one_core, print_table, ratio, report, side_by_side  # isort: skip

import keras
import numpy as np
import tensorflow as tf
import torch
from _peers import one_thread

import nncourse as nn

BATCH, TIME, INPUTS, UNITS = 32, 100, 32, 128
STEPS, ROUNDS = 5, 25


def bare_products(x, weights):
    """Every product of an LSTM's two passes, in the memory layout that suits each best."""
    kernel, recurrent, _ = weights
    rng = np.random.default_rng(0)
    rows, h, da = (rng.random((TIME * BATCH, n), np.float32) for n in (INPUTS, UNITS, 4 * UNITS))
    one_h, one_da, transposed = h[:BATCH].copy(), da[:BATCH].copy(), recurrent.T.copy()

    def run(steps):
        for _ in range(steps):
            rows @ kernel
            for _ in range(TIME):
                one_h @ recurrent
            for _ in range(TIME):
                one_da @ transposed
            rows.T @ da
            h.T @ da
            da @ kernel.T

    return run


def in_nncourse(x, r):
    layer = nn.LSTM(INPUTS, UNITS, rng=0)
    layer.bias.value[...] = np.random.default_rng(1).normal(size=4 * UNITS)

    def step():
        loss = np.vdot(layer(x, training=True), r)
        for p in layer.parameters():
            p.zero_grad()
        return loss, [layer.backward(r), *(p.grad for p in layer.parameters())]

    return step, [p.value.copy() for p in layer.parameters()]


def in_tensorflow(x, r, weights, **options):
    """Keras's layer in a ``tf.function``, without the trainer."""
    layer = keras.layers.LSTM(UNITS, **options)
    layer.build((None, TIME, INPUTS))
    layer.set_weights(weights)
    variables = [w.value for w in layer.trainable_weights]
    x, r = tf.constant(x), tf.constant(r)

    @tf.function
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) * r)
        return loss, tape.gradient(loss, [x, *variables])

    def step():
        loss, gradients = compute(x)
        return loss.numpy(), [g.numpy() for g in gradients]

    return step


def in_pytorch(x, r, weights):
    kernel, recurrent, bias = weights
    layer = torch.nn.LSTM(INPUTS, UNITS, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(kernel.T))
        layer.weight_hh_l0.copy_(torch.from_numpy(recurrent.T))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias))
        layer.bias_hh_l0.zero_()  # the second bias is one too many
    x, r = torch.tensor(x, requires_grad=True), torch.from_numpy(r)

    def step():
        x.grad = None
        layer.zero_grad()
        _, (h, _) = layer(x)
        loss = (h[0] * r).sum()
        loss.backward()
        gradients = [x.grad, layer.weight_ih_l0.grad.T, layer.weight_hh_l0.grad.T]
        return loss.item(), [g.numpy() for g in (*gradients, layer.bias_ih_l0.grad)]

    return step


def check_that_all_agree(contenders):
    """Hold loss and gradients against nncourse's, relative to the largest entry of each."""
    results = {name: step() for name, step in contenders.items()}
    loss, gradients = results["nncourse"]
    for name, (value, others) in results.items():
        pairs = zip(others, gradients, strict=True)
        errors = [np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in pairs]
        print(f"{name:28} loss {value:.5f}, gradients differ by at most {max(errors):.0e}")
        if max(errors) > 1e-4 or abs(value - loss) > 1e-4 * abs(loss):
            raise SystemExit("the contenders do not compute the same; their times mean nothing")


def repeated(step):
    def run(steps):
        for _ in range(steps):
            step()

    return run


def main():
    """Check that all compute the same, then time them."""
    pin_to_one_core()
    one_thread()
    rng = np.random.default_rng(2026)
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype(np.float32)
    r = rng.normal(size=(BATCH, UNITS)).astype(np.float32)

    ours, weights = in_nncourse(x, r)
    peers = {
        "TensorFlow, tf.function": in_tensorflow(x, r, weights),
        "TensorFlow, loop unrolled": in_tensorflow(x, r, weights, unroll=True),
        "PyTorch": in_pytorch(x, r, weights),
    }
    check_that_all_agree({"nncourse": ours} | peers)
    contenders = {"matrix products alone": bare_products(x, weights), "nncourse": repeated(ours)}
    contenders |= {name: repeated(step) for name, step in peers.items()}
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = f"LSTM {INPUTS} → {UNITS}, batch {BATCH}, {TIME} steps, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    print("\nTargets")
    for name in peers:
        value = ratio(seconds, name, "nncourse")
        report(f"{name} slower than nncourse", value, value >= 1)


if __name__ == "__main__":
    main()

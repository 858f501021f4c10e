"""Forward and backward pass of one LSTM layer, and of one GRU layer, in three libraries.

32 sequences of 100 steps, 32 features → 128 units, float32, one thread on one core: the last state,
then the gradients of all weights and of the input. Beside them the matrix products alone, which any
implementation must do: two at each of the 100 steps, and one over all steps for the weights, each
in the layout and cut in the pieces in which it is fastest here. The GRU is the form that all three
have, with the reset gate after the product. Before anything is timed, losses and gradients are held
against each other.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import (  # isort: skip
    best_product, fastest, pin_to_one_core, print_table, ratio, repeated, report, side_by_side,
)  # fmt: skip

import keras
import numpy as np
import tensorflow as tf
import torch
from _peers import one_thread

import nncourse as nn

BATCH, TIME, INPUTS, UNITS = 32, 100, 32, 128
STEPS, ROUNDS = 5, 25


def bare_products(blocks):
    """Every product of the two passes, in the layout and the pieces that suit each best."""
    rng = np.random.default_rng(0)
    rows, width = INPUTS + 1 + UNITS, blocks * UNITS  # the bias: the weight of an input 1
    xh, W, da, WT, all_xh, all_da = (
        rng.random(shape, np.float32)
        for shape in [
            (BATCH, rows), (rows, width), (BATCH, width), (width, rows - 1),
            (rows, TIME * BATCH), (TIME * BATCH, width),
        ]
    )  # fmt: skip
    by_block = W.reshape(rows, blocks, UNITS).swapaxes(0, 1)
    pieces = da.reshape(8, -1, width)  # a few rows each, which OpenBLAS does not copy first
    step = fastest(best_product(xh, W), best_product(xh, by_block))
    back = fastest(best_product(da, WT), best_product(pieces, WT))
    gradients = best_product(all_xh, all_da)
    return repeated(*[step] * TIME, *[back] * TIME, gradients)


def in_nncourse(cell, x, r):
    options = {"reset_after": True} if cell == "GRU" else {}
    layer = getattr(nn, cell)(INPUTS, UNITS, rng=0, **options)
    rng = np.random.default_rng(1)
    for p in layer.parameters()[2:]:  # the biases
        p.value[...] = rng.normal(size=p.value.shape)

    def step():
        loss = np.vdot(layer(x, training=True), r)
        for p in layer.parameters():
            p.zero_grad()
        return loss, [layer.backward(r), *(p.grad for p in layer.parameters())]

    return step, [p.value.copy() for p in layer.parameters()]


def in_tensorflow(cell, x, r, weights, **options):
    """Keras's layer in a ``tf.function``, without the trainer."""
    layer = getattr(keras.layers, cell)(UNITS, **options)
    layer.build((None, TIME, INPUTS))
    kernel, recurrent, bias, *more = weights
    if cell == "GRU":  # a second bias for each block, of which one counts
        bias = np.stack([bias, np.concatenate([np.zeros(2 * UNITS, np.float32), *more])])
    layer.set_weights([kernel, recurrent, bias])
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
        *others, bias = (g.numpy() for g in gradients)
        biases = [bias[0], bias[1, -UNITS:]] if cell == "GRU" else [bias]
        return loss.numpy(), [*others, *biases]

    return step


def in_pytorch(cell, x, r, weights):
    layer = getattr(torch.nn, cell)(INPUTS, UNITS, batch_first=True)
    order = [1, 0, 2] if cell == "GRU" else [0, 1, 2, 3]  # PyTorch's GRU: r before z

    def turned(array):  # the blocks in the other library's order, along the last axis
        blocks = np.split(array, len(order), axis=-1)
        return np.concatenate([blocks[k] for k in order], axis=-1)

    kernel, recurrent, bias, *more = weights
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(turned(kernel).T))
        layer.weight_hh_l0.copy_(torch.from_numpy(turned(recurrent).T))
        layer.bias_ih_l0.copy_(torch.from_numpy(turned(bias)))
        layer.bias_hh_l0.zero_()  # the second bias is one too many, but for the GRU's candidate
        if more:
            layer.bias_hh_l0[-UNITS:] = torch.from_numpy(more[0])
    x, r = torch.tensor(x, requires_grad=True), torch.from_numpy(r)

    def step():
        x.grad = None
        layer.zero_grad()
        h = layer(x)[1]
        loss = ((h[0] if cell == "LSTM" else h)[0] * r).sum()
        loss.backward()
        grads = [layer.weight_ih_l0.grad.T, layer.weight_hh_l0.grad.T, layer.bias_ih_l0.grad]
        grads = [turned(g.numpy()) for g in grads]
        more = [layer.bias_hh_l0.grad[-UNITS:].numpy()] if cell == "GRU" else []
        return loss.item(), [x.grad.numpy(), *grads, *more]

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


def main():
    """Check that all compute the same, then time them."""
    pin_to_one_core()
    one_thread()
    rng = np.random.default_rng(2026)
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype(np.float32)
    r = rng.normal(size=(BATCH, UNITS)).astype(np.float32)

    for cell, blocks in ("LSTM", 4), ("GRU", 3):
        ours, weights = in_nncourse(cell, x, r)
        peers = {
            "TensorFlow, tf.function": in_tensorflow(cell, x, r, weights),
            "TensorFlow, loop unrolled": in_tensorflow(cell, x, r, weights, unroll=True),
            "PyTorch": in_pytorch(cell, x, r, weights),
        }
        check_that_all_agree({"nncourse": ours} | peers)
        contenders = {"matrix products alone": bare_products(blocks), "nncourse": repeated(ours)}
        contenders |= {name: repeated(step) for name, step in peers.items()}
        seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
        title = f"{cell} {INPUTS} → {UNITS}, batch {BATCH}, {TIME} steps, float32, one thread"
        print_table(title, seconds, baseline="matrix products alone")
        print("\nTargets")
        for name in peers:
            value = ratio(seconds, name, "nncourse")
            report(f"{cell}: {name} slower than nncourse", value, value >= 1)


if __name__ == "__main__":
    main()

"""Write parity.npz: what Keras and PyTorch compute, to hold nncourse against.

Run ``python tests/golden/generate.py`` where both are installed (``make bench`` installs PyTorch).
The arrays are inputs and the results of the other two libraries; nothing in it comes from nncourse.
Keys read ``library/kind/name/what``. The versions are stored under ``versions``.
"""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import torch

HERE = Path(__file__).parent
TORCH = torch.nn.functional

ACTIVATIONS = {  # name: (Keras, PyTorch)
    "relu": (keras.activations.relu, TORCH.relu),
    "leaky_relu": (
        lambda x: keras.activations.leaky_relu(x, 0.0625),
        lambda x: TORCH.leaky_relu(x, 0.0625),
    ),
    "elu": (keras.activations.elu, TORCH.elu),
    "sigmoid": (keras.activations.sigmoid, torch.sigmoid),
    "tanh": (keras.activations.tanh, torch.tanh),
    "softplus": (keras.activations.softplus, TORCH.softplus),
    "gelu": (
        lambda x: keras.activations.gelu(x, approximate=True),
        lambda x: TORCH.gelu(x, approximate="tanh"),
    ),
    "silu": (keras.activations.silu, TORCH.silu),
    "softmax": (keras.activations.softmax, lambda x: torch.softmax(x, -1)),
}


def bce(target, logits):
    return keras.losses.binary_crossentropy(target, logits, from_logits=True)


def scce(target, logits):
    return keras.losses.sparse_categorical_crossentropy(target, logits, from_logits=True)


LOSSES = {
    "mean_squared_error": (keras.losses.mean_squared_error, TORCH.mse_loss),
    "mean_absolute_error": (keras.losses.mean_absolute_error, TORCH.l1_loss),
    "huber": (keras.losses.huber, TORCH.huber_loss),
    "sigmoid_binary_cross_entropy": (bce, TORCH.binary_cross_entropy_with_logits),
    "softmax_cross_entropy": (scce, TORCH.cross_entropy),
}

# Keras keeps rates in float32 even for float64 weights, hence binary fractions throughout.
BETAS = (0.875, 0.96875)
OPTIMIZERS = {  # name: (Keras or None where its convention differs, PyTorch)
    "sgd": (
        lambda: keras.optimizers.SGD(1 / 8),
        lambda p: torch.optim.SGD(p, 1 / 8),
    ),
    "momentum": (
        lambda: keras.optimizers.SGD(1 / 8, momentum=0.875),
        lambda p: torch.optim.SGD(p, 1 / 8, momentum=0.875),
    ),
    "nesterov": (
        lambda: keras.optimizers.SGD(1 / 8, momentum=0.875, nesterov=True),
        lambda p: torch.optim.SGD(p, 1 / 8, momentum=0.875, nesterov=True),
    ),
    # Keras puts epsilon elsewhere in the next three, so they are compared with (almost) none, too.
    "rmsprop": (None, lambda p: torch.optim.RMSprop(p, 1 / 64, alpha=0.875, eps=1e-7)),
    "adam": (None, lambda p: torch.optim.Adam(p, 1 / 64, eps=1e-8, betas=BETAS)),
    "adamw": (
        None,
        lambda p: torch.optim.AdamW(p, 1 / 64, eps=1e-8, betas=BETAS, weight_decay=1 / 8),
    ),
    "rmsprop_no_epsilon": (
        lambda: keras.optimizers.RMSprop(1 / 64, rho=0.875, epsilon=1e-30),
        lambda p: torch.optim.RMSprop(p, 1 / 64, alpha=0.875, eps=1e-30),
    ),
    "adam_no_epsilon": (
        lambda: keras.optimizers.Adam(1 / 64, *BETAS, epsilon=1e-30),
        lambda p: torch.optim.Adam(p, 1 / 64, eps=1e-30, betas=BETAS),
    ),
    "adamw_no_epsilon": (
        lambda: keras.optimizers.AdamW(1 / 64, 1 / 8, *BETAS, epsilon=1e-30),
        lambda p: torch.optim.AdamW(p, 1 / 64, weight_decay=1 / 8, eps=1e-30, betas=BETAS),
    ),
}


def activations(dtype, rng, out):
    x, grad = rng.normal(size=(2, 5, 7)).astype(dtype) * 3
    out["activations/x"], out["activations/grad"] = x, grad
    for name, (in_keras, in_torch) in ACTIVATIONS.items():
        v = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = in_keras(v)
        save(out, f"keras/activations/{name}", y, tape.gradient(y, v, tf.constant(grad)))
        t = torch.tensor(x, requires_grad=True)
        y = in_torch(t)
        y.backward(torch.tensor(grad))
        save(out, f"torch/activations/{name}", y, t.grad)


def losses(dtype, rng, out):
    prediction = (rng.normal(size=(6, 4)) * 3).astype(dtype)
    targets = {
        "softmax_cross_entropy": rng.integers(0, 4, 6),
        "sigmoid_binary_cross_entropy": rng.random((6, 4)).astype(dtype),
    }
    other = rng.normal(size=(6, 4)).astype(dtype)
    out["losses/prediction"] = prediction
    for name, (in_keras, in_torch) in LOSSES.items():
        target = out[f"losses/{name}/target"] = targets.get(name, other)
        v = tf.Variable(prediction)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(in_keras(target, v))
        save(out, f"keras/losses/{name}", loss, tape.gradient(loss, v))
        t = torch.tensor(prediction, requires_grad=True)
        loss = in_torch(t, torch.tensor(target))
        loss.backward()
        save(out, f"torch/losses/{name}", loss, t.grad)


def layers(dtype, rng, out):
    """Dense, and BatchNorm in training, each with random parameters."""
    x, grad = rng.normal(size=(8, 5)).astype(dtype), rng.normal(size=(8, 3)).astype(dtype)
    kernel, bias = rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=3).astype(dtype)
    names = ("x", "grad", "kernel", "bias")
    out |= {f"layers/dense/{n}": a for n, a in zip(names, (x, grad, kernel, bias), strict=True)}
    dense = keras.layers.Dense(3, dtype=dtype)
    dense.build((None, 5))
    dense.set_weights([kernel, bias])
    keras_gradients(out, "dense", dense, x, grad, {})
    t = torch.nn.Linear(5, 3, dtype=getattr(torch, dtype))
    with torch.no_grad():
        t.weight.copy_(torch.tensor(kernel.T)), t.bias.copy_(torch.tensor(bias))
    torch_gradients(out, "dense", t, x, grad, lambda g: [g[0].T, g[1]])

    gamma, beta = rng.normal(size=5).astype(dtype), rng.normal(size=5).astype(dtype)
    grad = rng.normal(size=(8, 5)).astype(dtype)
    names = ("x", "grad", "gamma", "beta")
    out |= {f"layers/batch_norm/{n}": a for n, a in zip(names, (x, grad, gamma, beta), strict=True)}
    norm = keras.layers.BatchNormalization(epsilon=1e-5, dtype=dtype)
    norm.build((None, 5))
    norm.gamma.assign(gamma), norm.beta.assign(beta)
    keras_gradients(out, "batch_norm", norm, x, grad, {"training": True})
    t = torch.nn.BatchNorm1d(5, dtype=getattr(torch, dtype))
    with torch.no_grad():
        t.weight.copy_(torch.tensor(gamma)), t.bias.copy_(torch.tensor(beta))
    torch_gradients(out, "batch_norm", t, x, grad, lambda g: g)


def keras_gradients(out, name, layer, x, grad, options):
    v = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = layer(v, **options)
    weights = [w.value for w in layer.trainable_weights]
    save(out, f"keras/layers/{name}", y, *tape.gradient(y, [v, *weights], tf.constant(grad)))


def torch_gradients(out, name, layer, x, grad, arrange):
    t = torch.tensor(x, requires_grad=True)
    y = layer(t)
    y.backward(torch.tensor(grad))
    save(out, f"torch/layers/{name}", y, t.grad, *arrange([p.grad for p in layer.parameters()]))


def optimizers(dtype, rng, out):
    """Five steps with given gradients, from one start; weights after each step."""
    start, gradients = rng.normal(size=6).astype(dtype), rng.normal(size=(5, 6)).astype(dtype)
    out["optimizers/start"], out["optimizers/gradients"] = start, gradients
    for name, (in_keras, in_torch) in OPTIMIZERS.items():
        p = torch.tensor(start, requires_grad=True)
        optimizer, path = in_torch([p]), []
        for g in gradients:
            p.grad = torch.tensor(g)
            optimizer.step()
            path.append(p.detach().numpy().copy())
        out[f"torch/optimizers/{name}/path"] = np.array(path)
        if in_keras is not None:
            v, optimizer, path = keras.Variable(start, dtype=dtype), in_keras(), []
            optimizer.build([v])
            for g in gradients:
                optimizer.apply([tf.constant(g)], [v])
                path.append(v.numpy())
            out[f"keras/optimizers/{name}/path"] = np.array(path)


def save(out, key, *arrays):
    for what, array in zip(("y", "dx", "dw", "db"), arrays, strict=False):
        out[f"{key}/{what}"] = array.detach().numpy() if torch.is_tensor(array) else np.array(array)


def main():
    """Compute everything in float64 and float32 and write it next to this script."""
    for dtype in ("float64", "float32"):
        keras.config.set_floatx(dtype)
        rng, out = np.random.default_rng(2026), {}
        for part in (activations, losses, layers, optimizers):
            part(dtype, rng, out)
        versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
        versions |= {"torch": torch.__version__, "numpy": np.__version__}
        out["versions"] = np.array(json.dumps(versions))
        np.savez_compressed(HERE / f"parity_{dtype}.npz", **out)
        print(dtype, len(out), "arrays", versions)


if __name__ == "__main__":
    main()

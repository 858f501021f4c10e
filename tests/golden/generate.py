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
from attention import attention, crossing
from gradients import keras_gradients, save, torch_gradients

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
    "gelu_exact": (
        lambda x: keras.activations.gelu(x, approximate=False),
        TORCH.gelu,
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

CONVOLUTIONS = {  # name: (kernel size, stride, padding)
    "conv_valid": ((3, 2), (1, 1), "valid"),
    "conv_valid_stride": ((3, 3), (2, 2), "valid"),
    "conv_same": ((3, 2), (1, 1), "same"),
    "conv_same_stride": ((4, 3), (3, 2), "same"),
}
PADDED = {  # zeros on each side, which PyTorch counts; Keras has a layer for them
    "conv_padded": ((3, 2), (1, 1), 1),
    "conv_padded_stride": ((4, 3), (3, 2), 2),
}
KERAS = keras.layers
POOLS = {  # name: (Keras, PyTorch)
    "max_pool": (
        lambda dtype: KERAS.MaxPooling2D(2, dtype=dtype),
        lambda x: TORCH.max_pool2d(x, 2),
    ),
    "max_pool_overlapping": (
        lambda dtype: KERAS.MaxPooling2D((3, 2), (2, 1), dtype=dtype),
        lambda x: TORCH.max_pool2d(x, (3, 2), (2, 1)),
    ),
    "average_pool": (
        lambda dtype: KERAS.AveragePooling2D((3, 2), (2, 1), dtype=dtype),
        lambda x: TORCH.avg_pool2d(x, (3, 2), (2, 1)),
    ),
    "global_average_pool": (
        lambda dtype: KERAS.GlobalAveragePooling2D(dtype=dtype),
        lambda x: TORCH.adaptive_avg_pool2d(x, 1),
    ),
}

RECURRENT = {  # name: (blocks, Keras, PyTorch or None where its form differs)
    "simple_rnn": (1, KERAS.SimpleRNN, torch.nn.RNN),
    "lstm": (4, KERAS.LSTM, torch.nn.LSTM),
    "gru": (3, lambda *a, **options: KERAS.GRU(*a, reset_after=False, **options), None),
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


def images(dtype, rng, out):
    """Convolutions and pooling, with every stride and padding; PyTorch has channels first."""
    x = rng.normal(size=(2, 7, 6, 3)).astype(dtype)
    out["images/x"] = x
    for name, (size, stride, padding) in CONVOLUTIONS.items():
        layer = keras.layers.Conv2D(4, size, stride, padding, dtype=dtype)
        convolution(name, layer, size, stride, padding, x, rng, out)
    for name, (in_keras, in_torch) in POOLS.items():
        layer = in_keras(dtype)
        grad = out[f"layers/{name}/grad"] = rng.normal(size=layer(x).shape).astype(dtype)
        keras_gradients(out, name, layer, x, grad, {})
        channels_first(out, name, in_torch, x, grad, lambda g: g)


def padded(dtype, rng, out):
    """Convolutions of the same images with a number of zeros on each side."""
    for name, (size, stride, zeros) in PADDED.items():
        around = keras.layers.ZeroPadding2D(zeros, dtype=dtype)
        layer = keras.layers.Conv2D(4, size, stride, dtype=dtype)
        model = keras.Sequential([around, layer])
        convolution(name, model, size, stride, zeros, out["images/x"], rng, out)


def convolution(name, layer, size, stride, padding, x, rng, out):
    """One convolution with random parameters; PyTorch refuses "same" with a stride."""
    kernel = rng.normal(size=(*size, 3, 4)).astype(x.dtype)
    bias = rng.normal(size=4).astype(x.dtype)
    out[f"layers/{name}/kernel"], out[f"layers/{name}/bias"] = kernel, bias
    layer.build(x.shape)
    layer.set_weights([kernel, bias])
    grad = out[f"layers/{name}/grad"] = rng.normal(size=layer(x).shape).astype(x.dtype)
    keras_gradients(out, name, layer, x, grad, {})
    if padding != "same":
        dtype = getattr(torch, str(x.dtype))
        t = torch.nn.Conv2d(3, 4, size, stride, 0 if padding == "valid" else padding, dtype=dtype)
        with torch.no_grad():
            t.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
            t.bias.copy_(torch.tensor(bias))
        channels_first(out, name, t, x, grad, lambda g: [g[0].permute(2, 3, 1, 0), g[1]])


def channels_first(out, name, layer, x, grad, arrange):
    t = torch.tensor(x, requires_grad=True)
    y = layer(t.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    y = y.reshape(grad.shape)  # global pooling keeps its two axes of length one
    y.backward(torch.tensor(grad))
    parameters = layer.parameters() if isinstance(layer, torch.nn.Module) else []
    save(out, f"torch/layers/{name}", y, t.grad, *arrange([p.grad for p in parameters]))


def sequences(dtype, rng, out):
    """Recurrent layers: the last state, all states, and all states under a mask (Keras alone)."""
    x, grads = rng.normal(size=(5, 7, 3)).astype(dtype), rng.normal(size=(5, 7, 4)).astype(dtype)
    mask = rng.random((5, 7)) < 0.6  # holes at either end and in the middle
    out["sequences/x"], out["sequences/mask"] = x, mask
    for name, (blocks, in_keras, in_torch) in RECURRENT.items():
        shapes = {"kernel": (3, 4 * blocks), "recurrent_kernel": (4, 4 * blocks)}
        shapes["bias"] = (4 * blocks,)
        weights = {what: rng.normal(size=shape).astype(dtype) for what, shape in shapes.items()}
        out |= {f"layers/{name}/{what}": array for what, array in weights.items()}
        for view in ("last", "all", "masked"):
            grad = out[f"layers/{name}_{view}/grad"] = grads[:, -1] if view == "last" else grads
            layer = in_keras(4, return_sequences=view != "last", dtype=dtype)
            layer.build(x.shape)
            layer.set_weights(list(weights.values()))
            options = {"mask": tf.constant(mask)} if view == "masked" else {}
            keras_gradients(out, f"{name}_{view}", layer, x, grad, options)
            if in_torch is not None and view != "masked":
                layer = in_torch(3, 4, batch_first=True, dtype=getattr(torch, dtype))
                kernel, recurrent, bias = map(torch.tensor, weights.values())
                with torch.no_grad():  # its two biases are added: split ours
                    for p, w in zip(layer.parameters(), (kernel.T, recurrent.T), strict=False):
                        p.copy_(w)
                    layer.bias_ih_l0.copy_(bias / 4), layer.bias_hh_l0.copy_(bias * 3 / 4)
                t = torch.tensor(x, requires_grad=True)
                y = layer(t)[0] if view == "all" else layer(t)[0][:, -1]
                y.backward(torch.tensor(grad))
                dw, du, db, _ = (p.grad for p in layer.parameters())
                save(out, f"torch/layers/{name}_{view}", y, t.grad, dw.T, du.T, db)


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


def main():
    """Compute everything in float64 and float32 and write it next to this script."""
    for dtype in ("float64", "float32"):
        keras.config.set_floatx(dtype)
        rng, out = np.random.default_rng(2026), {}
        parts = activations, losses, layers, optimizers, images, sequences, attention
        for part in (*parts, padded, crossing):
            part(dtype, rng, out)
        versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
        versions |= {"torch": torch.__version__, "numpy": np.__version__}
        out["versions"] = np.array(json.dumps(versions))
        np.savez_compressed(HERE / f"parity_{dtype}.npz", **out)
        print(dtype, len(out), "arrays", versions)


if __name__ == "__main__":
    main()

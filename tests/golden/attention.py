"""Golden values of attention, the norms, and transformer blocks: a part of generate.py."""

import keras
import numpy as np
import tensorflow as tf
import torch
from gradients import keras_gradients, save, torch_gradients

KERAS = keras.layers


def attention(dtype, rng, out):
    """Attention (plain, causal, padded), the norms, and blocks with the norm first and last.

    Heads of four features, since Keras rounds 1/sqrt(d) to float32 whatever the type.
    """
    x, grad = rng.normal(size=(2, 3, 5, 8)).astype(dtype)
    kernels, biases = rng.normal(size=(4, 8, 8)).astype(dtype) / 2, rng.normal(size=(4, 8))
    biases, mask = biases.astype(dtype), np.arange(5) < np.array([[5], [2], [4]])
    out |= {"attention/x": x, "attention/grad": grad, "attention/mask": mask}
    out |= {"attention/kernels": kernels, "attention/biases": biases}
    causal = np.triu(np.ones((5, 5), bool), 1)
    for name, options in {
        "attention": {},
        "attention_causal": {"attn_mask": torch.tensor(causal)},
        "attention_masked": {"key_padding_mask": torch.tensor(~mask)},
    }.items():
        layer = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=getattr(torch, dtype))
        set_attention(layer, kernels, biases)
        t = torch.tensor(x, requires_grad=True)
        y, _ = layer(t, t, t, need_weights=False, **options)
        y.backward(torch.tensor(grad))
        save(out, f"torch/layers/{name}", y, t.grad, *gradients_of(layer))
    layer, v = KERAS.MultiHeadAttention(2, 4, dtype=dtype), tf.Variable(x)
    layer.build(x.shape, x.shape)
    arrays = [array for pair in zip(kernels, biases, strict=True) for array in pair]
    layer.set_weights([a.reshape(w.shape) for a, w in zip(arrays, layer.weights, strict=True)])
    for name, options in {
        "attention": {},
        "attention_causal": {"use_causal_mask": True},
        "attention_masked": {"attention_mask": tf.constant(mask[:, None])},
    }.items():
        with tf.GradientTape() as tape:
            y = layer(v, v, **options)
        gradients = tape.gradient(y, [v, *(w.value for w in layer.weights)], tf.constant(grad))
        dx, *rest = (np.array(g) for g in gradients)
        dw, db = [w.reshape(8, 8) for w in rest[::2]], [b.reshape(8) for b in rest[1::2]]
        save(out, f"keras/layers/{name}", y, dx, dw, db)
    gamma, beta = rng.normal(size=(2, 8)).astype(dtype)
    out |= {"attention/gamma": gamma, "attention/beta": beta}
    for name, in_keras, in_torch, weights in (
        (
            "layer_norm",
            KERAS.LayerNormalization(epsilon=1e-5, dtype=dtype),
            torch.nn.LayerNorm(8, eps=1e-5, dtype=getattr(torch, dtype)),
            [gamma, beta],
        ),
        (
            "rms_norm",
            KERAS.RMSNormalization(epsilon=1e-5, dtype=dtype),
            torch.nn.RMSNorm(8, eps=1e-5, dtype=getattr(torch, dtype)),
            [gamma],
        ),
    ):
        in_keras.build(x.shape)
        in_keras.set_weights(weights)
        keras_gradients(out, name, in_keras, x, grad, {})
        with torch.no_grad():
            for p, w in zip(in_torch.parameters(), weights, strict=True):
                p.copy_(torch.tensor(w))
        torch_gradients(out, name, in_torch, x, grad, list)
    first, second = (rng.normal(size=s).astype(dtype) / 2 for s in ((8, 6), (6, 8)))
    out |= {"attention/first": first, "attention/second": second}
    for name, norm_first in ("block_norm_first", True), ("block_norm_last", False):
        layer = torch.nn.TransformerEncoderLayer(
            8,
            2,
            6,
            dropout=0.0,
            activation=lambda h: torch.nn.functional.gelu(h, approximate="tanh"),
            batch_first=True,
            norm_first=norm_first,
            dtype=getattr(torch, dtype),
        )
        set_attention(layer.self_attn, kernels, biases)
        with torch.no_grad():
            for dense, w in (layer.linear1, first), (layer.linear2, second):
                dense.weight.copy_(torch.tensor(w.T))
                dense.bias.zero_()
        t = torch.tensor(x, requires_grad=True)
        y = layer(t)
        y.backward(torch.tensor(grad))
        save(out, f"torch/layers/{name}", y, t.grad, layer.linear1.weight.grad.T)


def crossing(dtype, rng, out):
    """Attention of one sequence to another, which is longer."""
    x, memory = out["attention/x"], rng.normal(size=(3, 7, 8)).astype(dtype)
    kernels, biases, grad = (out[f"attention/{n}"] for n in ("kernels", "biases", "grad"))
    mask = np.arange(7) < np.array([[7], [3], [6]])
    out |= {"attention/memory": memory, "attention/memory_mask": mask}
    arrays = [array for pair in zip(kernels, biases, strict=True) for array in pair]
    in_keras = KERAS.MultiHeadAttention(2, 4, dtype=dtype)
    in_keras.build(x.shape, memory.shape)
    weights = zip(arrays, in_keras.weights, strict=True)
    in_keras.set_weights([a.reshape(w.shape) for a, w in weights])
    in_torch = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=getattr(torch, dtype))
    set_attention(in_torch, kernels, biases)
    for name, masked in ("cross_attention", False), ("cross_attention_masked", True):
        v, m = tf.Variable(x), tf.Variable(memory)
        with tf.GradientTape() as tape:
            y = in_keras(v, m, attention_mask=tf.constant(mask[:, None]) if masked else None)
        wanted = [v, m, *(w.value for w in in_keras.weights)]
        dx, dm, *rest = (np.array(g) for g in tape.gradient(y, wanted, tf.constant(grad)))
        dw, db = [w.reshape(8, 8) for w in rest[::2]], [b.reshape(8) for b in rest[1::2]]
        save(out, f"keras/layers/{name}", y, dx, dw, db)
        out[f"keras/layers/{name}/dmemory"] = dm
        t, m = (torch.tensor(a, requires_grad=True) for a in (x, memory))
        in_torch.zero_grad()
        padding = torch.tensor(~mask) if masked else None
        y, _ = in_torch(t, m, m, need_weights=False, key_padding_mask=padding)
        y.backward(torch.tensor(grad))
        save(out, f"torch/layers/{name}", y, t.grad, *gradients_of(in_torch))
        out[f"torch/layers/{name}/dmemory"] = m.grad.numpy()


def gradients_of(layer):
    dw = [*layer.in_proj_weight.grad.reshape(3, 8, 8), layer.out_proj.weight.grad]
    db = [*layer.in_proj_bias.grad.reshape(3, 8), layer.out_proj.bias.grad]
    return [w.T.numpy() for w in dw], np.array(db)


def set_attention(layer, kernels, biases):
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor(np.concatenate([w.T for w in kernels[:3]])))
        layer.in_proj_bias.copy_(torch.tensor(biases[:3].ravel()))
        layer.out_proj.weight.copy_(torch.tensor(kernels[3].T))
        layer.out_proj.bias.copy_(torch.tensor(biases[3]))

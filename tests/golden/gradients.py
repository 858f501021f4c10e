"""Run a layer of Keras or PyTorch, and keep its output and gradients."""

import numpy as np
import tensorflow as tf
import torch


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


def save(out, key, *arrays):
    names = ("y", "dx", "dw", "du", "db") if len(arrays) == 5 else ("y", "dx", "dw", "db")
    for what, array in zip(names, arrays, strict=False):
        out[f"{key}/{what}"] = array.detach().numpy() if torch.is_tensor(array) else np.array(array)

"""A small network of nncourse's layers, bound to the symbols of the book."""

import numpy as np

import nncourse as nn

from .environment import given, row

N, SIZES = 7, (5, 3, 2)  # different primes: a lost transpose is then a shape error


def network(rng, *, sizes=SIZES, n=N, activations=(nn.Tanh, nn.Tanh), loss=None, targets=None):
    r"""Return symbols for a multilayer perceptron; what they are worth, the package computes.

    Free symbols are \mathbf{X} (= \mathbf{A}^{(0)}), \mathbf{Y}, \mathbf{W}^{(l)} and, as rows,
    \mathbf{b}^{(l)}. Computed from them by the package are \mathbf{Z}^{(l)} (`nn.Dense`),
    \mathbf{A}^{(l)} (the activation layers), L (`loss`) and \boldsymbol{\Delta}^{(l)} (the backward
    pass). Bound as well are n, M, d_0, d_1, …, \ell (all layers), \mathbf{1} (n ones), f^{(l)} and,
    where they are all the same, f. An activation None is the identity.
    """
    loss = loss or nn.losses.mean_squared_error
    depth = len(sizes) - 1
    bound = {
        "n": n,
        "M": depth,
        r"\ell": range(1, depth + 1),
        r"\mathbf{1}": np.ones(n),
        r"\mathbf{X}": rng.normal(size=(n, sizes[0])),
        r"\mathbf{Y}": rng.normal(size=(n, sizes[-1])) if targets is None else targets,
        _name("A", 0): given(lambda v: v[r"\mathbf{X}"]),
        "L": given(lambda v: loss(v[_name("A", depth)], v[r"\mathbf{Y}"])[0]),
    }
    bound |= {f"d_{k}": size for k, size in enumerate(sizes)}
    for k, activation in enumerate(activations, 1):
        function = activation() if activation else lambda z: z
        bound |= {
            _name("W", k): rng.normal(size=sizes[k - 1 : k + 1]),
            _name("b", k): row(rng.normal(size=sizes[k])),
            _name("Z", k): given(lambda v, k=k: _dense(v, k)(v[_name("A", k - 1)])),
            _name("A", k): given(lambda v, k=k, f=function: f(v[_name("Z", k)])),
            rf"\boldsymbol{{\Delta}}^{{({k})}}": given(
                lambda v, k=k: _deltas(v, activations, loss)[k - 1]
            ),
            f"f^{{({k})}}": function,
        }
    if len(set(activations)) == 1:
        bound["f"] = bound["f^{(1)}"]
    return bound


def _name(letter, layer):
    return rf"\mathbf{{{letter}}}^{{({layer})}}"


def _dense(v, k):
    """Return layer k with its parameters from the environment."""
    layer = nn.Dense(*v[_name("W", k)].shape, dtype=np.float64)
    layer.kernel.value, layer.bias.value = v[_name("W", k)], v[_name("b", k)][0]
    return layer


def _deltas(v, activations, loss):
    """Return dL/dZ of every layer from the package's backward pass."""
    layers = []
    a = v[_name("A", 0)]
    for k, activation in enumerate(activations, 1):
        layers.append((_dense(v, k), activation() if activation else None))
        a = layers[-1][0](a)
        a = layers[-1][1](a) if activation else a
    grad, deltas = loss(a, v[r"\mathbf{Y}"])[1], []
    for dense, activation in reversed(layers):
        grad = activation.backward(grad) if activation else grad
        deltas.insert(0, grad)
        grad = dense.backward(grad)
    return deltas

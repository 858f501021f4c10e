# ruff: noqa: E501  – formulas are easier to read on one line
"""Formulas whose truth is known, and symbols for them: they hold the reader to account."""

from math import erf

import numpy as np

from .environment import given
from .networks import network

N, D0, D1 = 7, 5, 3


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(0, z)


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def symbols(rng):
    """Plain symbols: numbers, vectors, matrices and functions."""
    z, p = rng.normal(size=4), softmax(rng.normal(size=4))
    X, w, y = rng.normal(size=(N, D0)), rng.normal(size=D0), rng.normal(size=N)
    return {
        "n": N, "d": D0, "c": 3.0, "a": rng.normal(), "b": rng.normal(), "m": 11, "h": 0.05,
        "x": rng.normal(), "t": 4, r"\eta": 0.1, r"\lambda": 0.3, r"\alpha": 0.2, "k": 4,
        "u": rng.uniform(1, 2), r"\beta": 0.9,
        r"\mathbf{X}": X, r"\mathbf{w}": w, r"\mathbf{x}": rng.normal(size=D0), r"\mathbf{y}": y,
        r"\hat{\mathbf{y}}": given(lambda v: v[r"\mathbf{X}"] @ v[r"\mathbf{w}"]),
        r"\mathbf{z}": z, r"\mathbf{p}": given(lambda v: softmax(v[r"\mathbf{z}"])),
        r"\mathbf{q}": p, r"\mathbf{t}": np.eye(4)[1],
        r"\mathbf{S}": rng.normal(size=(D0, D0)), r"\mathbf{1}": np.ones(N), r"\delta": np.eye(4),
        r"\bar{x}": X.mean(), "L": given(lambda v: np.mean((v[r"\hat{\mathbf y}"] - v[r"\mathbf{y}"]) ** 2)),
        "C": given(lambda v: -np.log(v[r"\mathbf{p}"]) @ v[r"\mathbf{t}"]),
        r"\mathbf{v}": np.array([0, 0, 1, 1]), r"\mathbf{u}": np.array([0, 1, 0, 1]), "q": given(lambda v: v["a"]),
        r"\Delta\mathbf{w}": -0.1 * 2 / N * X.T @ (X @ w - y),
        r"\mathbf{w}^*": np.linalg.lstsq(X, y)[0],
        r"\leftarrow\mathbf{w}": w - 0.1 * 2 / N * X.T @ (X @ w - y),
        "f": np.tanh, "g": lambda s: s**3, r"\sigma": sigmoid, r"\operatorname{ReLU}": relu,
        r"\operatorname{softmax}": softmax, r"\Phi": np.vectorize(lambda s: (1 + erf(s / 2**0.5)) / 2),
        "s": given(lambda v: sigmoid(v["a"])), r"\zeta": lambda s: np.log1p(np.exp(s)),
        r"\operatorname{ELU}": lambda s: np.where(s > 0, s, 0.2 * np.expm1(s)),
        "r": given(lambda v: v["a"] ** 2 * v["b"] ** 3), "J": lambda v: np.sum(v**2),
        r"\mathbf{h}_3": rng.normal(size=D1), r"\mathbf{h}_4": given(lambda v: np.tanh(v[r"\mathbf{h}_3"])),
    }  # fmt: skip


def hidden(rng):
    """Let only the hidden layer be checked."""
    return {**network(rng), r"\ell": 1}


RIGHT = [
    r"\hat y_i = \mathbf x_i^\top \mathbf w",
    r"\hat{\mathbf{y}} = \mathbf{X}\mathbf{w}",
    r"\mathbf{w}^\top\mathbf{x} = \sum_{i=1}^{d} w_i x_i = \mathbf{w}\cdot\mathbf{x}",
    r"\sigma(x) = \frac{1}{1+e^{-x}} = \frac{e^{x}}{1 + \exp(x)}",
    r"\sigma'(x) = \sigma(x)\,\bigl(1-\sigma(x)\bigr)",
    r"1 - \sigma(x) = \sigma(-x)",
    r"\tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}} = 2\sigma(2x) - 1 = \frac{\sinh x}{\cosh x}",
    r"f'(x) = 1 - f(x)^2 = 1 - f^2(x), \qquad f''(x) = -2 f(x) f'(x)",
    r"\frac{\mathrm{d}}{\mathrm{d}x}\sigma(x) = \sigma(x)\left[1-\sigma(x)\right]",
    r"\frac{d f}{d x} = \operatorname{sech}^2 x",
    r"\frac{d\,\tanh x}{dx} = 1-\tanh^2 x",
    r"\operatorname{ReLU}(x) = \max(0, x) = \max\{0, x\} = \frac{x + |x|}{2}",
    r"\mathrm{ReLU}(\mathbf{z}) = \mathbf{z} \odot \mathbf{1}[\mathbf{z} > 0]",
    r"\operatorname{ReLU}'(x) = \begin{cases} 1 & \text{if } x > 0, \\ 0 & \text{otherwise.} \end{cases}",
    r"\text{ELU}(x) = \begin{cases} x & x > 0 \\ \alpha\,(e^{x} - 1) & x \le 0 \end{cases}",
    r"\zeta(x) = \ln(1 + e^x), \quad \zeta'(x) = \sigma(x)",
    r"\Phi'(x) = \frac{1}{\sqrt{2\pi}} e^{-x^2/2}",
    r"\operatorname{softmax}(\mathbf z)_i = \frac{e^{z_i}}{\sum_{j=1}^{k} e^{z_j}}",
    r"p_i = \frac{\exp(z_i)}{\sum_j \exp(z_j)}",
    r"\frac{\partial p_i}{\partial z_j} = p_i(\delta_{ij} - p_j)",
    r"\log p_i = z_i - \log\sum_{j} e^{z_j}",
    r"C = -\sum_i t_i \log p_i, \quad \frac{\partial C}{\partial \mathbf{z}} = \mathbf{p} - \mathbf{t}",
    r"\nabla_{\mathbf{z}} C = \mathbf{p} - \mathbf{t}",
    r"\sum_i p_i = 1",
    r"L = \frac{1}{n}\sum_{i=1}^{n}(\hat y_i - y_i)^2 = \frac1n \lVert \hat{\mathbf y} - \mathbf y\rVert^2",
    r"\frac{\partial L}{\partial \mathbf w} = \frac2n\mathbf X^\top(\mathbf X\mathbf w - \mathbf y)",
    r"\frac{\partial L}{\partial w_j} = \frac{2}{n}\sum_{i=1}^{n}(\hat{y}_i - y_i)\,x_{ij}",
    r"\frac{\partial L}{\partial w_j} = \sum_i \frac{\partial L}{\partial \hat y_i}"
    r"\frac{\partial \hat y_i}{\partial w_j}",
    r"\frac{\partial^2 L}{\partial w_i \partial w_j} = \frac{2}{n} \sum_{m=1}^{n} x_{mi} x_{mj}",
    r"\frac{\partial^2 r}{\partial a^2} = 2 b^3, \quad \frac{\partial^2 r}{\partial a\,\partial b} = 6 a b^2",
    r"\mathbf{w} \leftarrow \mathbf{w} - \eta\,\nabla_{\mathbf w} L",
    r"\nabla J(\mathbf{w}) = 2\mathbf{w}, \qquad J(\mathbf{w}) = \lVert\mathbf{w}\rVert_2^2",
    r"\|\mathbf w\|_1 = \sum_i |w_i|, \quad \|\mathbf w\|_\infty = \max_i |w_i|",
    r"(\mathbf{S}\mathbf{x})_i = \sum_j S_{ij} x_j",
    r"(\mathbf{X}\mathbf{S})^\top = \mathbf{S}^\top\mathbf{X}^\top",
    r"\mathbf{S}^{-1}\mathbf{S}\mathbf{x} = \mathbf{x}",
    r"\mathbf{x}^\top\mathbf{S}\mathbf{w} = \sum_{i,j} x_i S_{ij} w_j = \sum_i\sum_j x_i S_{ij} w_j",
    r"\operatorname{tr}(\mathbf{S}) = \sum_i S_{ii}",
    r"\bar x = \frac{1}{nd}\sum_{i=1}^{n}\sum_{j=1}^{d} x_{ij}",
    r"\mathbf{X}\in\mathbb{R}^{n\times d}, \quad \mathbf{w}, \mathbf{x}\in\mathbb{R}^{d}",
    r"\sigma(x) \in (0, 1), \quad n \in \mathbb{N}, \quad t \in \{1, \dots, 4\}",
    r"0 < \sigma(x) < 1",
    r"\prod_{i=1}^{4} e^{z_i} = \exp\Bigl(\sum_{i=1}^{4} z_i\Bigr)",
    r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}",
    r"\frac{f(u+h) - f(u-h)}{2h} = f'(u) + O(h^2)",
    r"\frac{f(u+h) - f(u)}{h} = f'(u) + \mathcal{O}(h)",
    r"f(u+h) = f(u) + h f'(u) + \tfrac{h^2}{2} f''(u) + O(h^3)",
    r"f'(x) = \lim_{h \to 0} \frac{f(x+h) - f(x)}{h}",
    r"\lim_{x\to\infty} \sigma(x) = 1",
    r"\begin{aligned} (a + b)^2 &= a^2 + 2ab \\ &\quad + b^2, \\ (a-b)(a+b) &= a^2 - b^2 \end{aligned}",
    r"\begin{aligned} g'(x) &= 3x^2 \\ &= 3|x|^2 \end{aligned}",
    r"\underbrace{a b}_{\text{product}} = b\,a",
    r"\mathbf{h}_t = \tanh(\mathbf{h}_{t-1})",
    r"\frac{\partial h_{4,i}}{\partial h_{3,j}} = (1 - h_{t,i}^2)\,\mathbf{1}[i = j]",
    r"\sqrt{u} = u^{1/2} = e^{\frac12 \ln u}, \quad \log_2 u = \frac{\ln u}{\ln 2}",
    r"\frac{d}{dx}\left[g(x)\,f(x)\right] = g'(x) f(x) + g(x) f'(x)",
    r"|x| = -x \quad \text{if } x < 0",
    r"\sum_{i \ne j} q_i = 1 - q_j",
    r"\mathbf{x}^{\odot 2} = \mathbf{x}\odot\mathbf{x}",
    r"\begin{bmatrix} a & b \\ b & a \end{bmatrix} \begin{bmatrix} 1 \\ 2 \end{bmatrix}"
    r" = \begin{bmatrix} a + 2b \\ b + 2a \end{bmatrix}",
    r"\frac{\partial s}{\partial a} = s(1-s)",
    r"\lfloor u \rfloor = 1, \quad \lceil u \rceil = 2",
    r"\log q_i \le q_i - 1",
    r"\max_i z_i = z_{\arg\max_j z_j}",
    r"x_1 + x_2 = \sum_{i=1}^{2} x_i",
    r"10{,}000 = 10^4 = 2.5\times 10^{3}\cdot 4",
    r"f'(u) = \frac{\operatorname{Im} f(u + \mathrm{i} h)}{h} + O(h^2)",
    r"v_i \oplus u_i = v_i + u_i - 2 v_i u_i",
    r"\Delta w_i = -\frac{2\eta}{n}\sum_{m=1}^{n} (\hat y_m - y_m)\,x_{mi}, \quad i = 1, \dots, d",
    r"s = \sigma(q) \quad \text{with} \quad q = a",
    r"\Phi(x) = \tfrac12\left[1 + \operatorname{erf}\left(\frac{x}{\sqrt2}\right)\right] \quad \forall x \in \mathbb{R}",
    r"\hat y_i = \sum_j x_{ij} w_j \quad \text{for every example } i",
    r"a^2 = |a|^2 \quad\text{and}\quad (ab)^2 = a^2 b^2",
    r"\mathbf{w}^* = (\mathbf{X}^\top\mathbf{X})^{-1}\mathbf{X}^\top\mathbf{y}",
    r"\det(\mathbf{S}^\top) = \det\mathbf{S}",
    r"ab = b a, \quad \text{that is} \quad a = \frac{ab}{b}",
    r"\operatorname{ReLU}'(x) = \mathbf{1}[x > 0] \quad \text{for } x \neq 0",
    r"f'''(u) = (6 f^2(u) - 2) f'(u)",
]
BACKPROPAGATION = [
    r"\mathbf{Z}^{(\ell)} = \mathbf{A}^{(\ell-1)}\mathbf{W}^{(\ell)} + \mathbf{b}^{(\ell)}, \quad"
    r" \mathbf{A}^{(\ell)} = f(\mathbf{Z}^{(\ell)})",
    r"z_{ij}^{(\ell)} = \sum_{k=1}^{d_{\ell-1}} a_{ik}^{(\ell-1)} w_{kj}^{(\ell)} + b_j^{(\ell)}",
    r"\boldsymbol{\Delta}^{(\ell)} = \frac{\partial L}{\partial \mathbf{Z}^{(\ell)}}",
    r"\boldsymbol\Delta^{(M)} = \tfrac{2}{n d_M}(\mathbf{A}^{(M)} - \mathbf{Y})\odot f'(\mathbf{Z}^{(M)})",
    r"\frac{\partial L}{\partial \mathbf{W}^{(\ell)}} = {\mathbf{A}^{(\ell-1)}}^\top\boldsymbol{\Delta}^{(\ell)}",
    r"\frac{\partial L}{\partial \mathbf{b}^{(\ell)}} = \mathbf{1}^\top\boldsymbol{\Delta}^{(\ell)}",
    r"\frac{\partial L}{\partial w_{ij}^{(\ell)}} = \sum_{k=1}^{n} a_{ki}^{(\ell-1)} \delta_{kj}^{(\ell)}",
    r"\mathbf{W}^{(\ell)} \in \mathbb{R}^{d_{\ell-1}\times d_\ell}",
]
HIDDEN = [
    r"\boldsymbol{\Delta}^{(\ell)} = \left(\boldsymbol{\Delta}^{(\ell+1)} \mathbf{W}^{(\ell+1)\top}\right)"
    r" \odot f'(\mathbf{Z}^{(\ell)})",
    r"\delta_{ij}^{(\ell)} = f'(z_{ij}^{(\ell)}) \sum_{k=1}^{d_{\ell+1}} \delta_{ik}^{(\ell+1)} w_{jk}^{(\ell+1)}",
    r"\frac{\partial L}{\partial \mathbf{A}^{(\ell)}} = \boldsymbol{\Delta}^{(\ell+1)}(\mathbf{W}^{(\ell+1)})^\top",
]
CASES = [
    *[(latex, symbols) for latex in RIGHT],
    *[(latex, network) for latex in BACKPROPAGATION],
    *[(latex, hidden) for latex in HIDDEN],
]
# Damage that leaves these right.
EQUIVALENT = {
    r"\det(\mathbf{S}^\top) = \det\mathbf{S}": ["drop transpose 1"],  # which is what it says
    r"\frac{\partial p_i}{\partial z_j} = p_i(\delta_{ij} - p_j)": [
        "swap indices 1"
    ],  # Kronecker's delta
}
WRONG = [
    # What has been published about back-propagation.
    (hidden, r"\boldsymbol{\Delta}^{(\ell)} = \boldsymbol{\Delta}^{(\ell+1)}\mathbf{W}^{(\ell+1)\top}"),
    (hidden, r"\boldsymbol{\Delta}^{(\ell)} = (\boldsymbol{\Delta}^{(\ell+1)}\mathbf{W}^{(\ell)\top})"
             r"\odot f'(\mathbf{Z}^{(\ell)})"),
    (hidden, r"\boldsymbol{\Delta}^{(\ell)} = (\boldsymbol{\Delta}^{(\ell+1)}\mathbf{W}^{(\ell+1)})"
             r"\odot f'(\mathbf{Z}^{(\ell)})"),
    (hidden, r"\boldsymbol{\Delta}^{(\ell)} = (\boldsymbol{\Delta}^{(\ell+1)}\mathbf{W}^{(\ell+1)\top})"
             r"\odot f(\mathbf{Z}^{(\ell)})"),
    (network, r"\boldsymbol{\Delta}^{(M)} = \mathbf{A}^{(M)} - \mathbf{Y}"),
    (network, r"\boldsymbol{\Delta}^{(M)} = \frac{2}{n d_M}(\mathbf{A}^{(M)} - \mathbf{Y})"),
    (network, r"\frac{\partial L}{\partial w_{ij}^{(\ell)}} = \sum_k a_{kj}^{(\ell-1)}\delta_{ki}^{(\ell)}"),
    (network, r"\frac{\partial L}{\partial \mathbf{W}^{(\ell)}} = \boldsymbol{\Delta}^{(\ell)\top}\mathbf{A}^{(\ell-1)}"),
    (network, r"\frac{\partial L}{\partial \mathbf{W}^{(\ell)}} = \mathbf{A}^{(\ell)\top}\boldsymbol{\Delta}^{(\ell)}"),
    (network, r"\frac{\partial L}{\partial \mathbf{W}^{(\ell)}} = \boldsymbol{\Delta}^{(\ell)}"),
    (network, r"\frac{\partial L}{\partial \mathbf{b}^{(\ell)}} = \boldsymbol{\Delta}^{(\ell)}"),
    # Other published mistakes, and slips.
    (symbols, r"\mathbf{w} \leftarrow \mathbf{w} + \eta\,\nabla_{\mathbf{w}} L"),
    (symbols, r"\operatorname{ReLU}(x) = \max(1, x)"),
    (symbols, r"\text{ELU}(x) = \begin{cases} x & x > 0 \\ e^{x} - 1 & x \le 0 \end{cases}"),
    (symbols, r"\frac{\partial p_i}{\partial z_j} = p_i(1 - p_i)"),
    (symbols, r"\sigma'(x) = \sigma(x)(1+\sigma(x))"),
    (symbols, r"\mathbf{w}\mathbf{x} = \sum_i w_i x_i"),
    (symbols, r"\mathbf{X}\in\mathbb{R}^{d\times n}"),
    (symbols, r"\sum_{i=1}^{n} w_i = \sum_i w_i"),
    (symbols, r"\hat{\mathbf{y}} = \mathbf{X}^\top\mathbf{w}"),
    (symbols, r"\frac{f(u+h) - f(u-h)}{2h} = f'(u) + O(h)"),
    (symbols, r"\frac{f(u+h) - f(u)}{h} = f'(u) + O(h^2)"),
    (symbols, r"\mathbf{h}_t = \tanh(\mathbf{h}_t)"),
    (symbols, r"a = x \quad \text{if } x > 100"),
    (symbols, r"\mathbf{y} + \mathbf{y}^\top = \mathbf{y}^\top + \mathbf{y}"),
    (symbols, r"\log(-u^2) = \log(-u^2)"),
    (symbols, r"u/2x = u/2x"),
    (symbols, r"a \propto b"),
    (symbols, r"\theta = \theta"),
]  # fmt: skip

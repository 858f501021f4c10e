import numpy as np


def recover_kernel(x, z, k):
    """Solve the normal equations, with the windows as shifted copies of the map."""
    height, width = z.shape
    columns = [x[u : u + height, v : v + width].ravel() for u in range(k) for v in range(k)]
    rows = np.array([*columns, np.ones(z.size)])
    *kernel, bias = np.linalg.solve(rows @ rows.T, rows @ z.ravel())
    return np.reshape(kernel, (k, k)).tolist(), bias


def network_cost(shape, layers):
    """Count one output pixel after the other."""
    height, width, channels = shape
    weights, products = 0, 0
    for kind, k, s, filters in layers:
        if kind == "conv":
            tops, lefts = range(0, height, s), range(0, width, s)
            weights += filters + k * k * channels * filters
            products += sum(k * k * channels * filters for _ in tops for _ in lefts)
            channels = filters
        else:
            tops, lefts = range(0, height - k + 1, s), range(0, width - k + 1, s)
        height, width = len(tops), len(lefts)
    return [weights, products, [height, width, channels]]


def fixed_convolution_backward(grad, x, w):
    k = len(w)
    dw = np.einsum("ijuv,uv->ij", np.lib.stride_tricks.sliding_window_view(x, grad.shape), grad)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(grad, k - 1), w.shape)
    return [np.tensordot(windows, np.rot90(w, 2), axes=2), dw, float(np.sum(grad))]


def max_pool_backward(grad, x, k, s):
    """Take the derivative literally: each output is one pixel, a row of a matrix of 0 and 1."""
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(x.size).reshape(x.shape), (k, k))
    windows = windows[::s, ::s].reshape(-1, k * k)
    chosen = [max(row, key=lambda pixel: (x.flat[pixel], -pixel)) for row in windows]
    return np.bincount(chosen, weights=grad.ravel(), minlength=x.size).reshape(x.shape)

"""A photograph through EfficientNet-Lite0, as nncourse and PyTorch compute it.

From the prepared picture to the 1,000 logits, one picture at a time, float32, one thread on one
core; beside the matrix products of its 1×1 convolutions alone, in their fastest layout. PyTorch
runs the same network with the same weights, batch normalization folded in both, in either order of
the axes. The memory is what the allocator saw at its peak beyond the weights.
"""

# First, because it sets the number of threads before NumPy reads it.
from _measure import (  # isort: skip
    best_product, pin_to_one_core, print_table, repeated, report_at_least, side_by_side,
)  # fmt: skip

import tracemalloc

import numpy as np
import torch
from _peers import one_thread

import nncourse as nn

STEPS, ROUNDS = 3, 21


def in_torch(layer):
    """Return the same layer in PyTorch, channels first."""
    if isinstance(layer, nn.Residual):
        return Shortcut(torch.nn.Sequential(*map(in_torch, layer.layers)))
    if isinstance(layer, nn.Sequential):
        return torch.nn.Sequential(*map(in_torch, layer.layers))
    if isinstance(layer, nn.convnets.ReLU6):
        return torch.nn.ReLU6()
    if isinstance(layer, nn.GlobalAveragePool2D):
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    kernel, bias = layer.kernel.value, torch.from_numpy(layer.bias.value)
    if isinstance(layer, nn.Dense):
        peer = torch.nn.Linear(*kernel.shape)
        weight = kernel.T
    else:
        depthwise = isinstance(layer, nn.DepthwiseConv2D)
        weight = (
            kernel[:, :, None].transpose(3, 2, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        )
        peer = Same(weight.shape, layer.stride, len(weight) if depthwise else 1)
    with torch.no_grad():
        peer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        peer.bias.copy_(bias)
    return peer


class Same(torch.nn.Conv2d):
    """A convolution that pads as TensorFlow does: an odd zero goes right and below."""

    def __init__(self, shape, stride, groups):
        filters, channels, *size = shape
        super().__init__(channels * groups, filters, size, stride, groups=groups)

    def forward(self, x):
        pads = []
        for n, k, s in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(torch.nn.functional.pad(x, pads) if any(pads) else x)


class Shortcut(torch.nn.Module):
    """x + f(x)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


def torch_run(model, x, memory_format):
    """Return ``run(steps)`` for PyTorch in one order of the axes."""
    network = torch.nn.Sequential(in_torch(model.body), in_torch(model.classifier)).eval()
    network = network.to(memory_format=memory_format)
    x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).to(
        memory_format=memory_format
    )

    def run(steps):
        with torch.inference_mode():
            for _ in range(steps):
                logits = network(x)
        return logits.numpy()

    return run


def bare_products(model, x):
    """The 1×1 convolutions and the last layer, as matrix products and nothing else."""
    products, inputs, waiting = [], {}, [model.body]
    rng = np.random.default_rng(0)
    model(x)
    while waiting:
        layer = waiting.pop()
        waiting += getattr(layer, "layers", ())
        if isinstance(layer, nn.Conv2D) and layer.kernel.value.shape[:2] == (1, 1):
            kernel = layer.kernel.value[0, 0]
            shape = int(np.prod(layer._output_shape[:3])), len(kernel)
            if shape not in inputs:
                inputs[shape] = rng.random(shape, np.float32)
            products.append(best_product(inputs[shape], kernel))
    return repeated(*products)


def main():
    """Check that both give the same logits, then time them."""
    pin_to_one_core()
    one_thread()
    model = nn.load_efficientnet()
    x = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)

    def ours(steps):
        for _ in range(steps):
            logits = model(x)
        return logits

    peers = {
        "PyTorch": torch_run(model, x, torch.contiguous_format),
        "PyTorch, channels last": torch_run(model, x, torch.channels_last),
    }
    for run in peers.values():
        if (difference := np.abs(run(1) - ours(1)).max()) > 1e-4:
            raise SystemExit(f"the logits differ by {difference}; the times mean nothing")
    contenders = {"matrix products alone": bare_products(model, x), "nncourse": ours, **peers}
    seconds = side_by_side(contenders, steps=STEPS, rounds=ROUNDS)
    title = "EfficientNet-Lite0, a picture of 224 × 224 pixels, float32, one thread"
    print_table(title, seconds, baseline="matrix products alone")
    tracemalloc.start()
    model = nn.load_efficientnet(verbose=False)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    model(x)
    peak = tracemalloc.get_traced_memory()[1] - held
    print(
        f"\nMemory: {held / 1e6:.0f} MB of weights, at most {peak / 1e6:.0f} MB more for a picture"
    )
    print("\nTargets")
    for name in peers:
        report_at_least(seconds, name, 0.5)


if __name__ == "__main__":
    main()

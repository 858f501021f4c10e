"""Write exchange.npz: layers of PyTorch with their weights, an input, and what comes out.

    python tests/golden/exchange.py

needs torch and NumPy alone, in an environment of their own.
"""

from pathlib import Path

import numpy as np
import torch

torch.manual_seed(0)
LAYERS = {  # name: (layer, shape of its input)
    "Dense": (torch.nn.Linear(3, 4), (4, 3)),
    "Conv2D": (torch.nn.Conv2d(3, 4, (2, 3)), (4, 3, 6, 5)),
    "DepthwiseConv2D": (torch.nn.Conv2d(3, 3, (2, 3), groups=3), (4, 3, 6, 5)),
    "BatchNorm": (torch.nn.BatchNorm2d(3), (4, 3, 6, 5)),
    "LayerNorm": (torch.nn.LayerNorm(3), (4, 7, 3)),
    "RMSNorm": (torch.nn.RMSNorm(3, eps=1e-5), (4, 7, 3)),
    "Embedding": (torch.nn.Embedding(9, 4), None),
    "SimpleRNN": (torch.nn.RNN(3, 4, batch_first=True), (4, 7, 3)),
    "LSTM": (torch.nn.LSTM(3, 4, batch_first=True), (4, 7, 3)),
    "GRU": (torch.nn.GRU(3, 4, batch_first=True), (4, 7, 3)),
    "MultiHeadAttention": (torch.nn.MultiheadAttention(6, 2, batch_first=True), (4, 7, 6)),
    "Sequential": (
        torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)),
        (4, 3),
    ),
}


def main():
    """Give every weight a value of its own, run each layer once, and keep everything."""
    out = {"versions": np.array(f"torch {torch.__version__}, numpy {np.__version__}")}
    for name, (layer, shape) in LAYERS.items():
        layer.eval()
        with torch.no_grad():
            for key, tensor in layer.state_dict().items():
                if tensor.is_floating_point():
                    tensor.copy_(torch.rand_like(tensor) + (0.5 if "var" in key else -0.5))
                out[f"{name}/state/{key}"] = tensor.numpy().copy()
            x = torch.randint(0, 9, (4, 7)) if shape is None else torch.randn(shape)
            y = layer(x, x, x)[0] if name == "MultiHeadAttention" else layer(x)
        if name in ("SimpleRNN", "LSTM", "GRU"):
            y = y[0]  # the outputs of all steps; beside them stands the last state
        if x.ndim == 4:  # nncourse has the channels last
            x, y = x.permute(0, 2, 3, 1), y.permute(0, 2, 3, 1)
        out[f"{name}/x"], out[f"{name}/y"] = x.numpy().copy(), y.numpy().copy()
    np.savez_compressed(Path(__file__).with_name("exchange.npz"), **out)


if __name__ == "__main__":
    main()

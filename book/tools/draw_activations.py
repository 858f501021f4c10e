"""Draw the picture of the page on activation functions: ``book/assets/activations.svg``."""

from pathlib import Path

import matplotlib
import numpy as np

import nncourse as nn

TITLES = {"leaky_relu": "leaky ReLU, α = 0.1", "elu": "ELU, α = 1", "softplus": "softplus",
          "silu": "SiLU", "gelu": "GELU", "relu": "ReLU, to compare"}  # fmt: skip


def draw(path):
    """Draw each function and its derivative, and save the picture."""
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "nncourse", "svg.fonttype": "none"}
    nn.plotting.use_style()
    import matplotlib.pyplot as plt

    z = np.linspace(-4, 3, 281)
    fig, axes = plt.subplots(2, 3, figsize=(8, 5), sharex=True, sharey=True)
    for ax, (name, title) in zip(axes.flat, TITLES.items(), strict=True):
        f, vjp = getattr(nn.activations, name), getattr(nn.activations, f"{name}_vjp")
        given = {"alpha": 0.1} if name == "leaky_relu" else {}
        ax.axhline(0, color=nn.plotting.BASELINE, lw=0.8, zorder=0)
        ax.axvline(0, color=nn.plotting.BASELINE, lw=0.8, zorder=0)
        y = f(z, **given)
        ax.plot(z, y, label="f(z)")
        ax.plot(z, vjp(np.ones_like(z), z, y, **given), "--", label="derivative")
        ax.set(title=title, ylim=(-1.3, 2.5), xticks=[-4, -2, 0, 2], yticks=[-1, 0, 1, 2])
    for ax in axes[1]:
        ax.set_xlabel("z")
    axes[0, 0].legend(loc="upper left")
    fig.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(__file__).resolve().parents[1] / "assets" / "activations.svg")

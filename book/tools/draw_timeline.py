"""Draw the picture of the page with the timeline: ``book/assets/timeline.svg``."""

from pathlib import Path

import matplotlib

import nncourse as nn

# year, what, and parameters, where there are some to count
STEPS = [
    (1943, "threshold neuron", None),
    (1958, "perceptron", None),
    (1969, "the limits of one layer", None),
    (1986, "back-propagation: symmetry", 17),
    (1989, "zip codes", 9_760),
    (1997, "LSTM", None),
    (1998, "LeNet-5", 60_000),
    (2012, "AlexNet", 60e6),
    (2015, "ResNet-152", 60e6),
    (2017, "Transformer (big)", 213e6),
    (2018, "BERT-large", 340e6),
    (2019, "GPT-2", 1.5e9),
    (2020, "GPT-3", 175e9),
    (2022, "PaLM", 540e9),
    (2022, "Chinchilla", 70e9),
    (2023, "LLaMA", 65e9),
    (2024, "Mixtral 8x7B", 46.7e9),
    (2024, "Llama 3.1", 405e9),
    (2024, "DeepSeek-V3", 671e9),
    (2025, "SmolLM2-135M", 135e6),
]


def draw(path):
    """Draw a row for each step, its parameters as a bar, and save the picture."""
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "nncourse", "svg.fonttype": "none"}
    nn.plotting.use_style()
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8, 7))
    for row, (_, name, size) in enumerate(STEPS):
        color = nn.plotting.MARKED if name.startswith("SmolLM2") else nn.plotting.COLORS[0]
        if size:
            ax.plot([1, size], [row, row], color=color, linewidth=1.5)
            ax.plot(size, row, "o", color=color, markersize=6)
        else:
            ax.text(1.5, row, "an idea, no weights to count", va="center", color="#555555")
    ax.set_xscale("log")
    ax.set_yticks(range(len(STEPS)), [f"{name}  {year}" for year, name, _ in STEPS])
    ax.invert_yaxis()
    ax.set(xlabel="parameters", xlim=(1, 2e12))
    fig.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(__file__).resolve().parents[1] / "assets" / "timeline.svg")

"""Write what `make bench SAVE=1` has kept into the page on speed, and draw its figure.

The page is `book/speed.md`: what stands there between ``% BEGIN name`` and ``% END`` comes from
`benchmarks/results`, and a test holds it against them. The figure is `book/assets/growth.svg`.
"""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "book" / "speed.md"
FIGURE = ROOT / "book" / "assets" / "growth.svg"
BLOCK = re.compile(r"^% BEGIN (\w+)\n.*?^% END$", re.M | re.S)
NO_BREAK = "\N{NO-BREAK SPACE}"
# What the figure compares: sweeps that make a text or a sequence longer.
LENGTHS = {
    "LSTM: steps of time": "LSTM, training",
    "GPT: context": "GPT, training",
    "Llama, a prompt: tokens": "Llama, a prompt",
    "Llama, one token: tokens in the cache": "Llama, one token",
}


def load():
    """Return what each benchmark has kept, by its name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(RESULTS.glob("*.json"))
    }


def table(head, rows):
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine(results):
    """Say on what it was measured."""
    runs = [entry["run"] for entry in results.values() if "run" in entry]
    names = {"tensorflow": "TensorFlow", "keras": "Keras", "torch": "PyTorch", "numpy": "NumPy",
             "sklearn": "scikit-learn"}  # fmt: skip
    versions = {names[name]: run[name] for run in runs for name in sorted(run) if name in names}
    days = sorted({run["day"] for run in runs})
    day = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    processor = runs[0]["processor"]
    return f"Measured on {day}; processor: {processor}; with {listed}."


def tables(results, teaching):
    """Return (title, contenders) of the tables of teaching packages, or of all others."""
    for name, entry in results.items():
        if (name == "students") == teaching:
            yield from entry.get("tables", {}).items()


def beside(results, teaching):
    """Compare nncourse with the others: one row for each kind of work."""
    rows = []
    for title, contenders in tables(results, teaching):
        others = sorted((c["ratio"], name) for name, c in contenders.items() if name != "nncourse")
        listed = " · ".join(f"{name} {ratio:.2f}" for ratio, name in others)
        work = title.removesuffix(", one thread").removesuffix(", float32")
        ours = contenders["nncourse"]["milliseconds"][1]
        rows.append([f"{work}: {ours:.{2 if ours < 10 else 1 if ours < 100 else 0}f} ms", listed])
    return table(["work, and what it takes nncourse", "the others, × nncourse's time"], rows)


def peers(results):
    """Compare nncourse with libraries that are made for speed."""
    return beside(results, teaching=False)


def teaching(results):
    """Compare nncourse with what a student would pick instead."""
    rows = [
        [f"{name}: {entry['different']}", entry["epochs"], f"{entry['seconds']:.1f}",
         f"{100 * entry['accuracy']:.2f}{NO_BREAK}%"]
        for name, entry in results["students"]["until 97 %"].items()
    ]  # fmt: skip
    head = ["package, and what it is", "epochs", "seconds", "accuracy"]
    return beside(results, teaching=True) + "\n\n" + table(head, rows)


def growth(results):
    """Show how cost grows, measured, counted, and at most."""
    rows = []
    for name, entry in results["growth"]["growth"].items():
        low, middle, high = entry["time"]
        time = f"{middle:.2f} ± {(high - low) / 2:.2f}".replace(" ", NO_BREAK)
        rows.append([
            f"{name}, {entry['sizes'][0]:,} to {entry['sizes'][-1]:,}",
            time, f"{entry['counted']:.2f}", entry["limits"][0],
            f"{entry['memory']:.2f}", entry["limits"][1],
        ])  # fmt: skip
    head = ["what is doubled", "time", "counted", "limit", "memory", "limit"]
    return table(head, rows)


def targets(results):
    """Show what was aimed at, and whether it was reached."""
    rows = [
        [name, target, f"{entry['value']:.2f}", "met" if entry["met"] else "**missed**"]
        for name, kept in results.items()
        for target, entry in kept.get("targets", {}).items()
    ]
    return table(["benchmark", "target", "measured", ""], rows)


def page(text, results):
    """Return the page with each block as the results have it."""
    makers = {make.__name__: make for make in (machine, peers, teaching, growth, targets)}

    def block(found):
        return f"% BEGIN {found[1]}\n\n{makers[found[1]](results)}\n\n% END"

    return BLOCK.sub(block, text)


def digest(results):
    """Return a short hash of what the figure shows."""
    shown = json.dumps([results["growth"]["growth"][name] for name in LENGTHS])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def draw(results, path):
    """Draw time and memory against length, both relative to the shortest."""
    import matplotlib

    import nncourse as nn

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "nncourse", "svg.fonttype": "none"}
    nn.plotting.use_style()
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(2, 1, figsize=(4.4, 7.2), sharex=True)
    pairs = (("milliseconds", "time"), ("megabytes", "memory"))
    for ax, (key, label) in zip(axes, pairs, strict=True):
        for power, word in ((1, "proportion"), (2, "square")):
            ax.plot([1, 16], [1, 16**power], ":", color=nn.plotting.BASELINE, linewidth=1.2)
            ax.text(17, 16**power, word, va="center", color="#666666", fontsize=10)
        for i, (name, title) in enumerate(LENGTHS.items()):
            entry = results["growth"]["growth"][name]
            x = [size / entry["sizes"][0] for size in entry["sizes"]]
            y = [cost / entry[key][0] for cost in entry[key]]
            ax.plot(x, y, "os^D"[i] + "-", color=nn.plotting.COLORS[i], label=title, markersize=5)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=4)
        ax.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
        ax.set_yticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
        ax.set(ylabel=f"{label}, × the shortest", xlim=(0.9, 48), ylim=(0.8, 400))
    axes[1].set_xlabel("length, × the shortest")
    axes[0].legend(loc="upper left", fontsize=10)
    fig.savefig(path, metadata={"Date": None, "Description": digest(results)})


if __name__ == "__main__":
    kept = load()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
    draw(kept, FIGURE)

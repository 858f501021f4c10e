"""Train what two explorable figures show: ``python book/tools/train_explorables.py`` (a minute).

``book/explorables/lstm.json`` is an LSTM of three units that reads how deep it is in brackets.
``book/explorables/attention.json`` is a GPT of words, with two blocks of two heads, that has read
the novel of chapter 11. Its weights are rounded to whole numbers of 8 bits, a scale for each row:
the page and the tests compute with the rounded ones. Another processor rounds otherwise.
"""

import argparse
import base64
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

import nncourse as nn

FOLDER = Path(__file__).resolve().parents[1] / "explorables"
SIZES = {"vocabulary": 400, "dim": 32, "heads": 2, "layers": 2, "context": 16}
WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|[.,;!?]")
UNKNOWN = "…"


def words(text):
    """Cut a text into words and stops, in small letters."""
    return WORD.findall(text.lower().replace("_", ""))


def brackets(rng, count, time):
    """Return kinds 0 (a letter), 1 "(" and 2 ")" at random, never below depth 0, and the depth."""
    kinds, depths = np.zeros((2, count, time), int)
    depth = np.zeros(count, int)
    for t in range(time):
        kind = rng.choice(3, count, p=(0.5, 0.25, 0.25))
        kind[(kind == 2) & (depth == 0) | (kind == 1) & (depth == 4)] = 0
        depth += (kind == 1) * 1 - (kind == 2)
        kinds[:, t], depths[:, t] = kind, depth
    return kinds, depths


def train_lstm(steps=3000, units=3):
    """Teach a small LSTM to say how deep in brackets it is."""
    rng = np.random.default_rng(0)
    lstm = nn.LSTM(3, units, return_sequences=True, rng=rng)
    model = nn.Sequential(lstm, nn.Dense(units, 1, rng=rng))
    rate = nn.Warmup(nn.CosineDecay(0.02, steps), 20)
    optimizer = nn.Adam(model.parameters(), learning_rate=rate)
    for step in range(steps):
        kinds, depths = brackets(rng, 64, 24)
        target = depths[..., None].astype(np.float32)
        loss, grad = nn.losses.mean_squared_error(
            model(np.eye(3, dtype=np.float32)[kinds], training=True), target
        )
        optimizer.zero_grad()
        model.backward(grad)
        nn.clip_by_global_norm(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 500 == 0:
            print(f"{step + 1:5d} {loss:.5f}", flush=True)
    kinds, depths = brackets(np.random.default_rng(1), 1000, 40)
    said = model(np.eye(3, dtype=np.float32)[kinds])[..., 0]
    print(f"right at {np.mean(np.round(said) == depths):.4f} of the steps of longer texts")
    return {
        name: np.round(value.astype(float), 4).tolist() for name, value in nn.state(model).items()
    }


def packed(value):
    """Return an array in 8 bits, a scale for each row."""
    rows = np.atleast_2d(value).astype(float)
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-9) / 127
    scale = [float(f"{one:.5g}") for one in scale]
    whole = np.clip(np.round(rows / np.array(scale)[:, None]), -127, 127).astype(np.int8)
    data = base64.b64encode(whole.tobytes()).decode()
    return {"shape": list(value.shape), "scale": scale, "data": data}


def train_gpt(steps=2500, batch=32):
    """Teach a small GPT the novel, word by word."""
    text = words(nn.datasets.load_novel())
    counts = Counter(text).most_common(SIZES["vocabulary"] - 1)
    vocabulary = [UNKNOWN, *(word for word, _ in counts)]
    number = {word: i for i, word in enumerate(vocabulary)}
    ids = np.array([number.get(word, 0) for word in text])
    print(f"{len(ids):,} words, {np.mean(ids == 0):.1%} of them unknown")
    model, rng = nn.GPT(**SIZES, rng=0), np.random.default_rng(0)
    rate = nn.Warmup(nn.CosineDecay(0.005, steps), 50)
    optimizer = nn.Adam(model.parameters(), learning_rate=rate)
    losses = []
    for step in range(steps):
        window = ids[rng.integers(0, len(ids) - 17, (batch, 1)) + np.arange(17)]
        loss, grad = nn.losses.softmax_cross_entropy(
            model(window[:, :-1], training=True), window[:, 1:]
        )
        optimizer.zero_grad()
        model.backward(grad)
        nn.clip_by_global_norm(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss)
        if (step + 1) % 500 == 0:
            print(f"{step + 1:5d} {np.mean(losses[-500:]):.3f} nats a word", flush=True)
    arrays = {name: packed(value) for name, value in nn.state(model).items()}
    return {"sizes": SIZES, "words": vocabulary, "arrays": arrays}


def main():
    """Train and write one, or both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["lstm", "attention"])
    for name in parser.parse_args().names:
        made = {"lstm": train_lstm, "attention": train_gpt}[name]()
        text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(name, len(text))


if __name__ == "__main__":
    main()

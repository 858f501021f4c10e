"""Train the GPT of chapter 11 on the novel: ``python book/tools/train_gpt.py`` (some minutes).

It reads the first 90 % of *Pride and Prejudice* in pieces of words, and is judged on the last 10 %
in bits per character. Weights and pieces go to ``nncourse/data/austen_gpt.npz``, which
``nn.pretrained.load_austen`` reads. Another processor rounds otherwise: the weights will differ in
all digits, the bits per character in the third.
"""

import argparse
import hashlib
import time
from math import log
from pathlib import Path

import numpy as np

import nncourse as nn

PATH = Path(__file__).resolve().parents[2] / "nncourse" / "data" / "austen_gpt.npz"
SIZES = {"vocabulary": 1024, "dim": 96, "heads": 4, "layers": 3, "context": 128}
RATE, WARMUP, STEPS, BATCH, WINDOW, DROPOUT = 0.004, 50, 2500, 16, 64, 0.1


def train(model, ids, steps, rng, window=WINDOW):
    """Take Adam's steps on windows drawn at random; print the loss in bits per piece."""
    rate = nn.Warmup(nn.CosineDecay(RATE, steps), WARMUP)
    optimizer, start, losses = nn.Adam(model.parameters(), learning_rate=rate), time.time(), []
    for step in range(1, steps + 1):
        text = ids[rng.integers(0, len(ids) - window, (BATCH, 1)) + np.arange(window + 1)]
        scores = model(text[:, :-1], training=True)
        loss, grad = nn.losses.softmax_cross_entropy(scores, text[:, 1:])
        optimizer.zero_grad()
        model.backward(grad)
        nn.clip_by_global_norm(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss / log(2))
        if step % 100 == 0:
            recent = np.mean(losses[-100:])
            print(f"{step:5d} {recent:.3f} bits a piece, {time.time() - start:.0f} s", flush=True)


def total_bits(model, ids, first, window=WINDOW):
    """Return the bits of ids[first:]; each window is judged on its second half."""
    half, total = window // 2, 0.0
    for start in range(first - half, len(ids) - half, half):
        places = np.arange(start, min(start + window, len(ids)))
        scores = model(ids[places - 1][None])[0, half:].astype(np.float64)
        shares = nn.activations.softmax(scores)
        total -= np.log2(shares[np.arange(len(shares)), ids[places[half:]]]).sum()
    return total


def main():
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, default=PATH)
    chosen = parser.parse_args()
    novel = nn.datasets.load_novel()
    cut = int(0.9 * len(novel))
    tokenizer = nn.tokenizers.BytePairTokenizer.train(novel[:cut], SIZES["vocabulary"])
    learn = np.array(tokenizer.encode(novel[:cut]))
    held = np.array(tokenizer.encode(novel[cut:]))
    model = nn.GPT(**SIZES, rotary=True, dropout=DROPOUT, rng=0)
    print(f"{len(learn):,} pieces to learn from, {model.count_parameters():,} parameters")
    train(model, learn, chosen.steps, np.random.default_rng(0))
    number = {token: i for i, token in enumerate(tokenizer.tokens)}
    merges = np.array([[number[token] for token in pair] for pair in tokenizer.merges], np.uint16)
    path = chosen.output.with_suffix(".npz")
    np.savez(path, merges=merges, **nn.state(model))
    bits = total_bits(model, np.concatenate([learn, held]), len(learn))
    print(f"{bits / (len(novel) - cut):.4f} bits per character held out")
    print(hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()

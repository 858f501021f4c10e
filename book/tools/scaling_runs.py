"""Train small GPTs of many sizes on many amounts of text, and keep their losses.

    python book/tools/scaling_runs.py [DIM …]

Each size has its learning rate tuned first, on the validation part of the novel, with 400 steps and
one seed; as long as the lowest rate is the best, half of it is tried, too. Then the size is trained
with this rate, three seeds and four amounts of text; at the smallest and the largest amount with
half and with twice this rate, too. All runs are written to nncourse/data/scaling_runs.csv, which
chapter 12 reads. Less than half an hour on one core.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import nncourse as nn

OUT = Path(nn.__file__).parent / "data" / "scaling_runs.csv"
FIELDS = "dim", "parameters", "steps", "tokens", "rate", "seed", "validation", "test"
DIMS = 8, 12, 16, 24, 32, 48, 64, 96
RATES = 0.004, 0.008, 0.016, 0.032, 0.064
SEEDS, STEPS = (0, 1, 2), (100, 200, 400, 800)
FACTORS = 0.5, 2  # of the tuned rate
CONTEXT, BATCH = 32, 16


def parts():
    """Return the tokenizer, and the novel in three parts: to learn, to tune, to judge."""
    novel = nn.datasets.load_novel()
    tokenizer = nn.tokenizers.CharacterTokenizer(novel)
    codes = np.array(tokenizer.encode(novel))
    cuts = 8 * len(codes) // 10, 9 * len(codes) // 10
    return tokenizer, np.split(codes, cuts)


def windows(codes, starts):
    """Return windows of the text, and the same moved on by one character."""
    rows = codes[starts[:, None] + np.arange(CONTEXT + 1)]
    return rows[:, :-1], rows[:, 1:]


def trained(tokenizer, learn, dim, steps, rate, seed):
    """Return a GPT of two blocks, trained once over ``steps`` batches with warm-up and cosine."""
    rng = np.random.default_rng(seed)
    x, y = windows(learn, rng.integers(0, len(learn) - CONTEXT, steps * BATCH))
    model = nn.GPT(len(tokenizer), dim, dim // 8, 2, context=CONTEXT, rotary=True, rng=rng)
    schedule = nn.Warmup(nn.CosineDecay(rate, steps), steps // 20)
    optimizer = nn.Adam(model.parameters(), learning_rate=schedule, beta_2=0.99)
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, optimizer, rng=seed)
    trainer.fit(x, y, epochs=1, batch_size=BATCH, progress=False)
    return model


def loss(model, codes):
    """Return the mean loss in nats per character, on every fourth window of a text."""
    x, y = windows(codes, np.arange(0, len(codes) - CONTEXT, 4 * CONTEXT))
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, nn.Adam(model.parameters()))
    return trainer.evaluate(x, y, batch_size=64)["loss"]


def runs(dims):
    """Yield one row for each run: those that tune the rate, those that count, and the neighbors."""
    tokenizer, (learn, validation, test) = parts()
    best = {}

    def run(dim, steps, rate, seed):
        model = trained(tokenizer, learn, dim, steps, rate, seed)
        sizes = dim, model.count_parameters(), steps, steps * BATCH * CONTEXT, rate, seed
        return dict(
            zip(
                FIELDS,
                (*sizes, *(f"{loss(model, c):.4f}" for c in (validation, test))),
                strict=True,
            )
        )

    def tuned(dim):
        rows = [run(dim, 400, rate, 0) for rate in RATES]
        while True:
            rate = min(rows, key=lambda row: float(row["validation"]))["rate"]
            if rate > min(row["rate"] for row in rows):
                return rows, rate
            rows.append(run(dim, 400, rate / 2, 0))

    for dim in dims:
        rows, best[dim] = tuned(dim)
        yield from rows
        for seed in SEEDS:
            for steps in STEPS:
                if (steps, seed) != (400, 0):
                    yield run(dim, steps, best[dim], seed)
    for dim in dims:
        for steps in (STEPS[0], STEPS[-1]):
            for factor in FACTORS:
                for seed in SEEDS:
                    yield run(dim, steps, factor * best[dim], seed)


def main(dims):
    """Run, and write each row as soon as it is there."""
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for row in runs(dims):
            writer.writerow(row)
            file.flush()


if __name__ == "__main__":
    main([int(dim) for dim in sys.argv[1:]] or DIMS)

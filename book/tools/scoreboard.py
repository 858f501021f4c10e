"""Train every network of the scoreboard with five seeds: ``make scoreboard``, or ``ROWS="4 5"``.

Each recipe is the one of its chapter, on the full MNIST; the chapter's own run is one more seed.
The seconds are those of one core; leave the machine alone meanwhile. What is measured goes to
`nncourse/data/scoreboard.csv`, and from there into the chapters, onto the first page
(`book/assets/scoreboard.svg`), and into the test that holds the chapters' outputs against it.
"""

import copy
import csv
import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

import nncourse as nn

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "nncourse" / "data" / "scoreboard.csv"
SEEDS = range(5)
HEADER = ("row", "chapter", "network", "parameters", "seconds", *(f"seed_{s}" for s in SEEDS))

he = nn.initializers.he_normal
small_changes = partial(nn.RandomAffine, rotation=15, shift=2, zoom=0.1)
large_moves = partial(nn.RandomAffine, rotation=10, shift=3, zoom=0.1)


def softmax_regression(rng):
    """Chapter 2: ten neurons."""
    return [nn.Flatten(), nn.Dense(784, 10, initializer=nn.initializers.zeros)]


def mlp(rng, sizes=(784, 256, 128, 10)):
    """Chapter 3: two hidden layers."""
    layers = [nn.Flatten()]
    for inputs, units in pairwise(sizes):
        layers += [nn.Dense(inputs, units, initializer=he, rng=rng), nn.ReLU()]
    return layers[:-1]


def convnet(rng):
    """Chapter 7: two rounds of convolution and pooling, two dense layers."""
    return [
        nn.Conv2D(1, 8, 5, initializer=he, rng=rng),
        nn.MaxPool2D(2), nn.ReLU(),
        nn.Conv2D(8, 24, 5, initializer=he, rng=rng),
        nn.MaxPool2D(2), nn.ReLU(),
        nn.Flatten(),
        nn.Dense(384, 64, initializer=he, rng=rng), nn.ReLU(),
        nn.Dense(64, 10, initializer=he, rng=rng),
    ]  # fmt: skip


def residual(rng):
    """Chapter 8: two residual blocks behind a convolution that skips every second pixel."""
    return [
        nn.Conv2D(1, 16, 5, stride=2, padding="same", initializer=he, rng=rng),
        nn.convnets.ResidualBlock(16, 32, stride=2, rng=rng),
        nn.convnets.ResidualBlock(32, 32, rng=rng),
        nn.BatchNorm(32), nn.ReLU(),
        nn.GlobalAveragePool2D(),
        nn.Dense(32, 10, initializer=he, rng=rng),
    ]  # fmt: skip


def wider(rng):
    """Chapter 9: three convolutions with up to 64 filters; Keras trains it."""
    return [
        nn.Conv2D(1, 32, 3, initializer=he, rng=rng), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(32, 64, 3, initializer=he, rng=rng), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(64, 64, 3, initializer=he, rng=rng), nn.ReLU(), nn.Flatten(),
        nn.Dense(576, 64, initializer=he, rng=rng), nn.ReLU(),
        nn.Dense(64, 10, initializer=he, rng=rng),
    ]  # fmt: skip


def train_by_keras(model, recipe, steps, seed):
    """Train the network of chapter 9 in Keras, from the weights of ``model`` and back into them."""
    import os

    os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    options = {"activation": "relu", "dtype": "mixed_bfloat16"}  # weights stay float32
    twin = keras.Sequential([
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, 3, **options), keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(64, 3, **options), keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(64, 3, **options), keras.layers.Flatten(),
        keras.layers.Dense(64, **options), keras.layers.Dense(10, dtype="float32"),
    ])  # fmt: skip
    twin.set_weights(nn.exchange.to_keras(model))
    schedule = keras.optimizers.schedules.CosineDecay(recipe.rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.Adam(schedule), loss)
    data = tf.data.Dataset.from_tensor_slices((digits().x_train, digits().y_train)).cache()
    feed = data.shuffle(len(data), seed=seed).batch(recipe.batch_size).prefetch(2)
    twin.fit(feed, epochs=recipe.epochs, shuffle=False, verbose=0)
    nn.exchange.from_keras(model, twin.get_weights())


@dataclass(frozen=True)
class Recipe:
    """How a row's network is made and trained."""

    chapter: str
    network: str
    layers: object
    epochs: int
    batch_size: int = 128
    rate: float = 2e-3
    augmentation: object = None
    smoothing: float = 0.0
    goes_on_from: int = 0  # the row whose trained network is trained further
    keras: bool = False

    def start(self, seed):
        """Return the network, trained as far as another row trains it, and the seconds of that."""
        if self.goes_on_from:
            model, seconds = train(self.goes_on_from, seed)
            return copy.deepcopy(model.layers), seconds
        return self.layers(np.random.default_rng(seed)), 0.0


RECIPES = {
    1: Recipe("02", "softmax regression", softmax_regression, epochs=5, rate=0.5),
    2: Recipe("03", "multilayer perceptron", mlp, epochs=10),
    3: Recipe("06", "the same, augmented", mlp, 10, augmentation=small_changes, smoothing=0.1),
    4: Recipe("07", "convolutional network", convnet, 4, 64, 3e-3),
    5: Recipe("07", "and augmented", convnet, 4, 64, 2e-3, large_moves, goes_on_from=4),
    6: Recipe("08", "residual network", residual, 2, 64, 3e-3),
    7: Recipe("09", "wider, in TensorFlow", wider, 5, keras=True),
}


@cache
def digits():
    """Return the full MNIST."""
    return nn.datasets.load_mnist(source="full")


@cache
def train(row, seed):
    """Train a row's network with this seed; return it and the seconds of one core."""
    recipe, data = RECIPES[row], digits()
    layers, seconds = recipe.start(seed)
    model = nn.Sequential(*layers)
    if recipe.augmentation:
        model = nn.Sequential(recipe.augmentation(rng=seed), *layers)
    steps = recipe.epochs * -(-len(data.x_train) // recipe.batch_size)
    if recipe.keras:
        start = time.process_time()
        train_by_keras(model, recipe, steps, seed)
        return model, time.process_time() - start
    if recipe.rate == 0.5:
        optimizer = nn.SGD(model.parameters(), recipe.rate)
    else:
        optimizer = nn.Adam(model.parameters(), nn.CosineDecay(recipe.rate, steps))
    target = data.y_train
    if recipe.smoothing:
        target = nn.losses.smooth_labels(target, 10, recipe.smoothing)
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, optimizer, rng=seed)
    options = {"epochs": recipe.epochs, "batch_size": recipe.batch_size, "progress": False}
    start = time.process_time()
    trainer.fit(data.x_train, target, **options)
    return model, seconds + time.process_time() - start


def accuracy(model):
    """Return the share of test images that a network reads right."""
    data = digits()
    parts = [model(part).argmax(axis=1) for part in np.array_split(data.x_test, 20)]
    return np.mean(np.concatenate(parts) == data.y_test)


def measure(row):
    """Train a row's network with every seed; return its line of the table."""
    recipe = RECIPES[row]
    models, seconds = zip(*(train(row, seed) for seed in SEEDS), strict=True)
    accuracies = [accuracy(model) for model in models]
    print(f"row {row}, {recipe.network}: {100 * np.mean(accuracies):.2f} %", flush=True)
    size = models[0].count_parameters()
    line = (row, recipe.chapter, recipe.network, size, round(np.median(seconds)))
    return dict(zip(HEADER, [*line, *(f"{a:.4f}" for a in accuracies)], strict=True))


def main(rows):
    """Measure these rows, or all, and keep the others as they are."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        table = {int(line["row"]): line for line in csv.DictReader(file)}
    table |= {row: measure(row) for row in rows or RECIPES}
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table[row] for row in sorted(table))
    draw()


def draw():
    """Draw the figure of the first page."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "nncourse", "svg.fonttype": "none"}
    nn.plotting.use_style()
    ax = nn.plotting.plot_scoreboard(nn.datasets.load_scoreboard())
    ax.figure.savefig(ROOT / "book" / "assets" / "scoreboard.svg", metadata={"Date": None})


if __name__ == "__main__":
    try:
        main([int(row) for row in sys.argv[1:]])
    except (ValueError, KeyError):
        sys.exit(f"expected numbers of rows, {sorted(RECIPES)}; got {sys.argv[1:]}")

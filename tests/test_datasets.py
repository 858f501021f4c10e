"""Data sets: what is loaded, where from, and what happens when that fails."""

import hashlib
import pickle
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nncourse import datasets
from nncourse.datasets import DatasetError, load_mnist

ROOT = Path(__file__).resolve().parents[1]
FULL = ROOT / "book" / "data" / "mnist.npz"
SOURCES = (ROOT / "nncourse" / "data" / "SOURCES.md").read_text(encoding="utf-8")
FULL_LINE = "MNIST: full set, 60,000 training and 10,000 test images"
SAMPLE_LINE = "MNIST: embedded sample, 10,000 training and 2,000 test images"
pytestmark = pytest.mark.usefixtures("offline")  # both fixtures are in conftest.py


# ------------------------------------------------------------------ the files themselves


def test_sources_lists_every_file_with_its_checksum():
    listed = dict(re.findall(r"^\| `([^`]+/[^`]+)` \| ([0-9a-f]{64}) \|$", SOURCES, re.M))
    # text, what was measured, and what was written for it
    own = {"SOURCES.md", "scoreboard.csv", "scaling_runs.csv", "assistant.json", "questions.json"}
    own.add("runs")
    folder = ROOT / "nncourse" / "data"
    there = {path for path in folder.iterdir() if path.name not in own} | {FULL}
    assert {ROOT / name for name in listed} == there
    for name, sha256 in listed.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == sha256, name
        assert f"`{Path(name).name}`" in SOURCES  # described in one of the tables above


def test_full_set_is_the_original_byte_by_byte():
    with np.load(FULL) as full:
        for name in full:
            a = full[name]
            idx = struct.pack(f">{a.ndim + 1}i", 0x800 | a.ndim, *a.shape) + a.tobytes()
            assert f"| {hashlib.sha256(idx).hexdigest()} |" in SOURCES, name


def test_sample_is_what_the_documented_lines_draw(monkeypatch):
    monkeypatch.chdir(ROOT)
    scope = {}
    exec(re.search(r"```python\n(.*?)```", SOURCES, re.S)[1], scope)
    with np.load(ROOT / "nncourse" / "data" / "mnist_sample.npz") as kept:
        assert set(kept) == set(scope["sample"])
        for name in kept:
            np.testing.assert_array_equal(kept[name], scope["sample"][name])


@pytest.mark.parametrize(("part", "n", "step"), [("train", 10_000, 6), ("test", 2_000, 5)])
def test_sample_is_stratified_distinct_and_shuffled(part, n, step):
    with np.load(FULL) as full, np.load(ROOT / "nncourse" / "data" / "mnist_sample.npz") as kept:
        index, labels, all_labels = kept[f"index_{part}"], kept[f"y_{part}"], full[f"y_{part}"]
        np.testing.assert_array_equal(full[f"x_{part}"][index], kept[f"x_{part}"])
    assert len(np.unique(index)) == len(index) == n
    assert np.abs(np.bincount(labels) - np.bincount(all_labels) / step).max() < 1
    # A random sample reaches evenly over the file: mean position within five standard errors.
    total = len(all_labels)
    assert abs(index.mean() / total - 0.5) < 5 / np.sqrt(12 * n)
    assert abs(np.corrcoef(labels[:-1], labels[1:])[0, 1]) < 5 / np.sqrt(n)  # in no order


# ------------------------------------------------------------------ loading MNIST


def test_full_set_from_the_clone(capsys):
    mnist = load_mnist()
    assert capsys.readouterr().out == FULL_LINE + "\n"
    assert (mnist.source, mnist.path, str(mnist)) == ("full", FULL, FULL_LINE)
    assert mnist.x_train.shape == (60_000, 28, 28, 1) and mnist.x_test.shape == (10_000, 28, 28, 1)
    assert mnist.x_train.dtype == np.float32 and mnist.y_train.dtype == np.int64
    with np.load(FULL) as full:
        np.testing.assert_array_equal(
            mnist.x_test[..., 0], full["x_test"].astype(np.float32) / np.float32(255)
        )
        np.testing.assert_array_equal(mnist.y_train, full["y_train"])
        np.testing.assert_array_equal(mnist.y_test, full["y_test"])


def test_sample_flat_and_silent(capsys):
    x_train, y_train, x_test, y_test = load_mnist(
        source="sample", flatten=True, dtype=np.float64, verbose=False
    )
    assert capsys.readouterr().out == ""
    assert x_train.shape == (10_000, 784) and x_test.shape == (2_000, 784)
    assert y_train.shape == (10_000,) and y_test.shape == (2_000,)
    assert x_train.dtype == np.float64 and x_train.min() == 0 and x_train.max() == 1


def test_mnist_is_frozen_but_its_arrays_are_the_readers():
    mnist = load_mnist(source="sample", verbose=False)
    with pytest.raises(AttributeError):
        mnist.x_train = None
    mnist.x_test[0] = 0.5  # a fresh copy every time
    assert load_mnist(source="sample", verbose=False).x_test[0].max() == 1
    again = pickle.loads(pickle.dumps(mnist))
    np.testing.assert_array_equal(again.x_test, mnist.x_test)


@pytest.mark.parametrize("source", ["Full", None, 3])
def test_unknown_source(source):
    with pytest.raises(ValueError, match=re.escape(f"got {source!r}")):
        load_mnist(source=source)


@pytest.mark.parametrize("dtype", [np.uint8, int, complex])
def test_dtype_must_be_floating(dtype):
    with pytest.raises(TypeError, match="floating-point"):
        load_mnist(source="sample", dtype=dtype)


def place(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mnist.npz").symlink_to(FULL)
    return folder / "mnist.npz"


def test_search_order(cache, tmp_path, monkeypatch):
    expected = place(cache)
    assert load_mnist(verbose=False).path == expected
    expected = place(tmp_path / "clone" / "book" / "data")
    deep = tmp_path / "clone" / "book" / "assets"
    deep.mkdir()
    monkeypatch.chdir(deep)  # a notebook runs somewhere inside the clone
    assert load_mnist(verbose=False).path == expected
    expected = place(tmp_path / "lib" / "book" / "data")  # the package's own clone comes first
    assert load_mnist(verbose=False).path == expected
    expected = place(tmp_path / "chosen")
    monkeypatch.setenv("NNCOURSE_DATA", str(expected.parent))
    assert load_mnist(verbose=False).path == expected


def test_offline_falls_back_to_the_sample_and_says_so(cache, capsys):
    mnist = load_mnist()
    why = "(mnist.npz is not on this machine, and NNCOURSE_OFFLINE forbids downloading it)"
    assert capsys.readouterr().out == f"{SAMPLE_LINE} {why}\n"
    assert (mnist.source, mnist.path, len(mnist.x_train)) == ("sample", None, 10_000)
    assert mnist.description == f"{SAMPLE_LINE} {why}"


def test_full_or_an_error_that_names_the_choices(cache):
    with pytest.raises(DatasetError, match="NNCOURSE_OFFLINE forbids") as failure:
        load_mnist(source="full")
    for choice in (str(cache), "clone", "NNCOURSE_DATA", "network", 'source="sample"'):
        assert choice in str(failure.value)
    assert not cache.exists()


@pytest.mark.parametrize("source", ["auto", "full"])
@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "another file"])
def test_damaged_file_is_an_error_not_a_switch(cache, source, damage):
    content = bytearray(FULL.read_bytes())
    if damage == "one bit":
        content[5_000_000] ^= 1
    content = {"truncated": content[:-1], "empty": b"", "another file": b"<html>"}.get(
        damage, content
    )
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(content)
    with pytest.raises(DatasetError) as failure:
        load_mnist(source=source)
    received = hashlib.sha256(content).hexdigest()
    for part in (str(cache / "mnist.npz"), received, datasets.FULL_SHA256[0], "Delete"):
        assert part in str(failure.value)
    assert (cache / "mnist.npz").read_bytes() == content  # left for the reader to look at


def test_unreadable_file(cache, monkeypatch):
    place(cache)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DatasetError, match=r"Permission denied.*mnist\.npz"):
        load_mnist()


def test_damaged_package(monkeypatch):
    monkeypatch.setattr(datasets, "_embedded", lambda name: b"PK")
    with pytest.raises(DatasetError, match=r"mnist_sample.npz \(2 bytes\) is damaged"):
        load_mnist(source="sample")


def test_import_needs_numpy_alone():
    code = (
        "import sys, nncourse.datasets as d; d.load_mnist(source='sample', verbose=False);"
        "print(*{'pooch', 'requests', 'platformdirs', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


# ------------------------------------------------------------------ series and text


def test_german_credit_is_what_the_original_counts():
    """The counts and ranges that descriptions of the original give."""
    columns, good = datasets.load_german_credit()
    assert (good.sum(), len(good), len(columns)) == (700, 1000, 9)
    assert columns["age"].max() == 75 and columns["duration"].max() == 72
    assert columns["credit_amount"].min() == 250 and columns["credit_amount"].max() == 18_424
    assert (columns["checking_account"] == "not_known").sum() == 394


def test_sunspots():
    years, counts = datasets.load_sunspots()
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert years.dtype == np.int64 and counts.shape == (309,) and counts.min() == 0
    # The cycle that gave the series its fame: about eleven years (Schwabe, 1844).
    power = np.abs(np.fft.rfft(counts - counts.mean())) ** 2
    assert 10 < 1 / np.fft.rfftfreq(309)[power.argmax()] < 12


def test_co2():
    dates, ppm = datasets.load_co2()
    assert dates.dtype == "datetime64[D]" and ppm.dtype == np.float64
    assert set(np.diff(dates).astype(int)) == {7}  # no week left out
    assert (str(dates[0]), str(dates[-1])) == ("1958-03-29", "2001-12-29")
    assert np.isnan(ppm).sum() == 59 and np.isnan(ppm[dates == np.datetime64("1958-05-10")])
    assert ppm[0] == 316.1 and 300 < np.nanmin(ppm) < np.nanmax(ppm) < 400


def test_novel():
    novel = datasets.load_novel()
    assert len(novel) == 684_767 and novel.isascii() and "\r" not in novel
    assert "It is a truth universally acknowledged" in novel
    chapters = re.findall(r"^Chapter (\d+)$", novel, re.M)
    assert chapters == [str(i) for i in range(1, 62)]


# ------------------------------------------------------------------ synthetic data


def test_moons_without_noise_lie_on_their_circles():
    x, y = datasets.make_moons(101, noise=0, rng=1)
    up, down = x[y == 0], x[y == 1]
    np.testing.assert_allclose(np.hypot(*up.T), 1, atol=1e-6)
    np.testing.assert_allclose(np.hypot(down[:, 0] - 1, down[:, 1] - 0.5), 1, atol=1e-6)
    assert up[:, 1].min() >= -1e-6 and down[:, 1].max() <= 0.5 + 1e-6
    assert (len(up), len(down)) == (51, 50)


def test_spirals_without_noise_lie_on_their_arms():
    x, y = datasets.make_spirals(300, classes=5, noise=0, rng=1, turns=0.5)
    r = np.hypot(*x.T)
    assert 0 < r.min() and r.max() < 1
    z = (x[:, 0] + 1j * x[:, 1]) * np.exp(-2j * np.pi * (y / 5 + 0.5 * r))  # unwind the arm
    np.testing.assert_allclose(z, r, atol=1e-6)


def test_xor():
    x, y = datasets.make_xor()
    assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and y.tolist() == [0, 1, 1, 0]
    x, y = datasets.make_xor(400, noise=0.05, rng=0)
    np.testing.assert_array_equal(y, (x[:, 0] > 0.5) ^ (x[:, 1] > 0.5))


def test_blobs_have_the_promised_means_and_spread():
    n = 40_000
    x, y = datasets.make_blobs(n, classes=4, noise=0.5, rng=0)
    for c, mean in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        cloud = x[y == c].astype(float)
        assert np.abs(cloud.mean(axis=0) - mean).max() < 5 * 0.5 / np.sqrt(n / 4)
        assert np.abs(cloud.std(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(2 * n / 4)


GENERATORS = [datasets.make_moons, datasets.make_spirals, datasets.make_xor, datasets.make_blobs]


def test_generators_give_as_many_points_as_their_pages_say():
    assert [len(make(rng=0)[0]) for make in GENERATORS] == [200, 300, 4, 300]


@pytest.mark.parametrize("make", GENERATORS)
def test_generators_share_one_contract(make):
    x, y = make(50, noise=0.1, rng=3)
    assert x.shape == (50, 2) and x.dtype == np.float32 and y.shape == (50,) and y.dtype == np.int64
    same, _ = make(50, noise=0.1, rng=np.random.default_rng(3))
    other, _ = make(50, noise=0.1, rng=4)
    np.testing.assert_array_equal(same, x)
    assert not np.array_equal(other, x)
    for bad in ({"n": 0}, {"noise": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))}={next(iter(bad.values()))}"):
            make(**bad)


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(("n", "fraction"), [(10, 0.3), (101, 0.25), (1000, 0.999), (2, 0.5)])
def test_split_parts_are_complete_and_disjoint(n, fraction, stratify):
    x, y = np.arange(n)[:, None], np.arange(n) % 3
    x_train, y_train, x_valid, y_valid = datasets.train_validation_split(
        x, y, fraction=fraction, rng=0, stratify=stratify
    )
    assert len(x_valid) == round(fraction * n)
    np.testing.assert_array_equal(np.sort(np.concatenate([x_train, x_valid]), axis=0), x)
    np.testing.assert_array_equal(y_train, x_train[:, 0] % 3)
    np.testing.assert_array_equal(y_valid, x_valid[:, 0] % 3)
    if stratify:
        share = np.bincount(y, minlength=3) * len(y_valid) / n
        assert np.abs(np.bincount(y_valid, minlength=3) - share).max() < 1


@pytest.mark.parametrize("stratify", [False, True])
def test_split_gives_each_example_the_same_chance(stratify):
    y = np.array([0, 1, 1, 1, 0, 1, 0])
    rng, runs = np.random.default_rng(0), 4000
    chosen = np.zeros(7)
    for _ in range(runs):
        _, _, valid, _ = datasets.train_validation_split(
            np.arange(7), y, fraction=0.4, rng=rng, stratify=stratify
        )
        chosen[valid] += 1
    p = 3 / 7
    assert np.abs(chosen / runs - p).max() < 5 * np.sqrt(p * (1 - p) / runs)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (np.ones(5), np.ones(4), {}, "same length, got 5 and 4"),
        (np.ones(5), np.ones(5), {"fraction": 0.0}, "fraction=0.0 of 5"),
        (np.ones(5), np.ones(5), {"fraction": 20}, "fraction=20 of 5"),
        (np.ones(0), np.ones(0), {}, "of 0 examples"),
        (np.ones(5), np.ones((5, 2)), {"stratify": True}, r"got \(5, 2\)"),
    ],
)
def test_split_refuses(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        datasets.train_validation_split(x, y, **options)


def test_a_large_split_needs_no_integers_of_64_bits(monkeypatch):
    """Where integers have 32 bits, 40,000 times 200,000 is no 8,000,000,000."""
    x, arange = np.arange(200_000), np.arange
    wanted = datasets.train_validation_split(x, x, rng=0)
    monkeypatch.setattr(np, "arange", lambda n, dtype=np.int32: arange(n, dtype=dtype))
    found = datasets.train_validation_split(x, x, rng=0)
    assert all((a == b).all() for a, b in zip(found, wanted, strict=True))

"""EfficientNet-Lite0: the logits of the reference in PyTorch, and every way to ask.

The golden values were written by ``golden/efficientnet.py``. The weights come as they come to a
reader; where they cannot be had, the tests that need them are skipped and say so.
"""

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from photographs import photographs
from PIL import Image
from sklearn.datasets import load_sample_images

import nncourse as nn
from nncourse import efficientnet
from nncourse.downloads import DatasetError, find
from nncourse.vision.checkpoint import read_checkpoint

GOLDEN = Path(__file__).parents[1] / "golden"
PALACE, DAISY = load_sample_images().images


@pytest.fixture(scope="module")
def model():
    try:
        return nn.load_efficientnet(verbose=False)
    except DatasetError as error:
        if "damaged" in str(error):
            raise
        pytest.skip(f"the published weights cannot be had: {str(error).splitlines()[0]}")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "efficientnet.npz") as file:
        return dict(file)


def test_the_golden_file_says_what_wrote_it(golden):
    versions = json.loads(str(golden["versions"]))
    assert set(versions) == {"torch", "efficientnet-lite-pytorch", "scikit-learn", "numpy"}
    digest = hashlib.sha256(photographs().tobytes()).hexdigest()
    assert digest == str(golden["pictures"]), "scikit-learn ships other photographs"


def test_every_array_equals_what_pytorch_reads(model, golden):
    arrays = read_checkpoint(find(efficientnet.FILE))
    assert list(arrays) == golden["names"].tolist()
    sums = [array.sum(dtype=np.float64) for array in arrays.values()]
    np.testing.assert_allclose(sums, golden["sums"], rtol=1e-9, atol=1e-9)
    for name in ("_conv_stem.weight", "_bn0.running_var"):
        np.testing.assert_array_equal(arrays[name], golden[name])


def test_logits_equal_pytorch_on_twelve_pictures(model, golden):
    logits = model.logits(photographs(), crop=1.0)
    assert logits.shape == (12, 1000) and logits.dtype == np.float32
    assert np.abs(logits - golden["logits"]).max() < 1e-4
    top = np.argsort(-logits, axis=1)[:, :5]
    np.testing.assert_array_equal(top, np.argsort(-golden["logits"], axis=1)[:, :5])


def test_features_equal_pytorch(model, golden):
    features = model.features(photographs()[:4], crop=1.0)
    assert features.shape == (4, 1280) and features.min() >= 0
    assert np.abs(features - golden["features"]).max() < 1e-4


def test_names_photographs_of_any_kind(model, tmp_path):
    path = tmp_path / "daisy.png"
    Image.fromarray(DAISY).save(path)
    opaque = np.dstack([DAISY, np.full(DAISY.shape[:2], 255, np.uint8)])
    named = model.predict([PALACE, DAISY, DAISY / 255, opaque, path, str(path)])
    assert [picture[0][0] for picture in named] == ["palace", *["daisy"] * 5]
    assert all(len(picture) == 5 for picture in named)
    assert all(a[1] >= b[1] for picture in named for a, b in pairwise(picture))
    alone = model.predict(path, top=1000)
    assert alone[0][0] == "daisy" and sum(p for _, p in alone) == pytest.approx(1, abs=1e-5)
    [together] = model.predict(DAISY[None], top=1)
    assert together[0][0] == "daisy"


def test_what_cannot_be_asked():
    model = nn.efficientnet.EfficientNet(rng="zeros")
    with pytest.raises(ValueError, match="no picture"):
        model.predict([])
    for top in (0, 1001):
        with pytest.raises(ValueError, match="1 <= top <= 1000"):
            model.predict(DAISY, top=top)
    with pytest.raises(ValueError, match="pair of positive"):
        model.predict(DAISY, size=0)
    with pytest.raises(ValueError, match="0 < fraction <= 1"):
        model.predict(DAISY, crop=2)
    with pytest.raises(ValueError, match="Channels first"):
        model.predict([DAISY.transpose(2, 0, 1)])


def test_its_size_is_the_published_one():
    assert nn.efficientnet.EfficientNet(rng="zeros").count_parameters() == 4_631_000


def test_offline_it_says_what_to_do(offline, cache):
    with pytest.raises(
        DatasetError, match=r"NNCOURSE_OFFLINE forbids(.|\n)*put efficientnet-lite0"
    ):
        nn.load_efficientnet()


def test_a_damaged_file_is_an_error(offline, cache):
    cache.mkdir()
    (cache / efficientnet.FILE).write_bytes(b"damaged")
    with pytest.raises(DatasetError, match=r"is damaged(.|\n)*Delete that file"):
        nn.load_efficientnet()


def test_class_names():
    names = efficientnet.class_names()
    assert len(set(names)) == 1000
    assert [names[i] for i in (0, 1, 134, 517, 638, 639, 698, 985)] == [
        "tench", "goldfish", "crane, bird", "crane, machine", "maillot", "maillot, tank suit",
        "palace", "daisy",
    ]  # fmt: skip


def test_gradients_of_inverted_residuals():
    rng = np.random.default_rng(0)
    options = {"rng": rng, "dtype": np.float64}
    first = efficientnet.inverted_residual(2, 3, 3, expand=1, stride=2, **options)
    second = efficientnet.inverted_residual(3, 3, 5, expand=2, **options)
    assert (type(first), type(second)) == (nn.Sequential, nn.Residual)
    body = nn.Sequential(first, second)
    for p in body.parameters():  # a bias of zero would put a ReLU6 behind zeros on its corner
        p.value += rng.normal(size=p.value.shape) / 4
    nn.check_layer(body, rng.normal(size=(2, 5, 4, 2)), tolerance=1e-6)


def test_a_picture_is_seen_as_its_middle_of_224_pixels():
    """Seven eighths of the side, as the published results are measured: (255 p - 127) / 128."""
    network = nn.efficientnet.EfficientNet(rng="zeros")
    picture = np.zeros((256, 256), np.uint8)
    picture[16:240, 16:240] = 255
    seen = network.prepare(picture)
    assert seen.shape == (224, 224, 3) and (seen == 1).all()
    assert (network.prepare(picture, crop=1.0, size=256)[0] == -127 / 128).all()
    assert network.prepare(picture[:200, :100]).shape == (224, 224, 3)  # enlarged


def test_without_weights_all_names_are_as_likely():
    network, picture = nn.efficientnet.EfficientNet(rng="zeros"), np.zeros((32, 32), np.uint8)
    asked = []
    network.prepare = lambda p, *, size, crop: asked.append((size, crop)) or np.zeros((32, 32, 3))
    names = network.predict(picture)
    assert [name for name, _ in names] == efficientnet.class_names()[:5]
    assert [p for _, p in names] == pytest.approx([1e-3] * 5)
    assert len(network.predict([picture, picture], top=1)[1]) == 1
    assert network.logits(picture).shape == (1, 1000)
    assert network.features((picture, picture)).shape == (2, 1280)
    assert set(asked) == {(224, 0.875)} and len(asked) == 6


def test_inverted_residuals_widen_six_times_unless_told():
    """Sandler et al. (2018), table 1: channels, 6 times as many, filters."""
    block = efficientnet.inverted_residual(4, 4, 3)
    kernels = [p.value.shape for p in block.parameters() if p.name == "kernel"]
    assert kernels == [(1, 1, 4, 24), (3, 3, 24), (1, 1, 24, 4)]
    assert block(np.ones((1, 6, 6, 4), np.float32)).shape == (1, 6, 6, 4)
    for stride, filters, expand in ((1, 4, 1), (1, 5, 2), (2, 4, 2), (2, 5, 1)):
        block = efficientnet.inverted_residual(4, filters, 3, stride=stride, expand=expand)
        assert isinstance(block, nn.Residual) == (stride == 1 and filters == 4)
        assert len(block.parameters()) == (6 if expand > 1 else 4)
        assert block(np.ones((1, 6, 6, 4), np.float32)).shape[1] == 6 // stride


def test_its_maps_are_32_times_smaller_than_the_picture():
    network = nn.efficientnet.EfficientNet(rng=0)
    maps = network.body[:-1](np.ones((1, 64, 96, 3), np.float32))
    assert maps.shape == (1, 2, 3, 1280)

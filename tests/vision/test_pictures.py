"""Any picture in, one kind out; what could be meant in two ways is refused."""

import re

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from nncourse.vision.pictures import crop_center, read_picture, resize

PHOTO = load_sample_images().images[1][100:140, 200:260]
UNIT = PHOTO.astype(np.float64) / 255


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (PHOTO, UNIT),
        (UNIT, UNIT),
        (UNIT.astype(np.float32), UNIT),
        (PHOTO[..., 0], np.repeat(UNIT[..., :1], 3, axis=2)),
        (PHOTO[..., :1], np.repeat(UNIT[..., :1], 3, axis=2)),
        (PHOTO[..., 0] > 100, np.repeat(PHOTO[..., :1] > 100, 3, axis=2)),
        (np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)]), UNIT),
        (np.dstack([PHOTO, np.zeros(PHOTO.shape[:2], np.uint8)]), np.ones_like(UNIT)),
        (np.dstack([UNIT, np.full(UNIT.shape[:2], 0.25)]), UNIT / 4 + 0.75),
    ],
)  # fmt: skip
def test_arrays(picture, expected):
    received = read_picture(picture)
    assert received.dtype == np.float32 and received.flags.c_contiguous
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_files(tmp_path):
    gray, color = Image.fromarray(PHOTO[..., 0]), Image.fromarray(PHOTO)
    clear = Image.fromarray(np.dstack([PHOTO, PHOTO[..., 0]]), "RGBA")
    palette = color.convert("P")
    sideways = color.getexif()
    sideways[0x0112] = 6  # the camera was held upright: turn by 90° to look at it
    for name, image, options in (
        ("gray.png", gray, {}),
        ("color.png", color, {}),
        ("clear.png", clear, {}),
        ("palette.png", palette, {}),
        ("turned.png", color, {"exif": sideways}),
    ):
        image.save(tmp_path / name, **options)
    assert np.array_equal(read_picture(tmp_path / "color.png"), read_picture(PHOTO))
    assert np.array_equal(read_picture(str(tmp_path / "gray.png")), read_picture(PHOTO[..., 0]))
    assert np.array_equal(read_picture(tmp_path / "clear.png"), read_picture(np.asarray(clear)))
    colors = np.asarray(palette.convert("RGB"))
    assert np.array_equal(read_picture(tmp_path / "palette.png"), read_picture(colors))
    assert np.array_equal(read_picture(tmp_path / "turned.png"), read_picture(np.rot90(PHOTO, -1)))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(OSError, match="cannot identify"):
        read_picture(tmp_path / "text.png")
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "nowhere.jpg")


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        (UNIT * 255, ValueError, "0 (black) to 1 (white), got 0 to 248. Divide by 255."),
        (UNIT * 2 - 1, ValueError, "got -1 to "),
        (np.where(UNIT > 0.5, np.nan, UNIT), ValueError, "not finite"),
        (PHOTO.astype(int), TypeError, "got int64. Try picture.astype(np.uint8)."),
        (PHOTO.transpose(2, 0, 1), ValueError, "got (3, 40, 60). Channels first? Move them last"),
        (PHOTO[None], ValueError, "got (1, 40, 60, 3). Several pictures?"),
        (PHOTO[..., :2], ValueError, "with 1, 3 or 4 channels, got (40, 60, 2)."),
        (PHOTO[:0], ValueError, "got (0, 60, 3)"),
        (PHOTO[0, 0], ValueError, "got (3,)"),
        (PHOTO.tolist(), TypeError, "a file's path or an array, got list"),
        (None, TypeError, "got NoneType"),
    ],
)  # fmt: skip
def test_what_is_no_picture(picture, error, words):
    with pytest.raises(error, match=re.escape(words)):
        read_picture(picture)


@pytest.mark.parametrize("size", [(20, 30), (13, 59), (80, 60), (41, 200), (40, 60), (1, 1)])
def test_resizing_equals_pillow_to_its_rounding(size):
    """Pillow rounds to whole numbers after the columns, and again after the rows."""
    expected = np.asarray(Image.fromarray(PHOTO).resize(size[::-1], Image.Resampling.BILINEAR))
    received = resize(PHOTO.astype(np.float64), size)
    assert received.shape == (*size, 3)
    assert np.abs(received - expected).max() <= 1


def test_resizing_keeps_a_constant_and_every_pixel_counts():
    assert np.allclose(resize(np.full((50, 31, 3), 0.3), (7, 90)), 0.3)
    dot = np.zeros((64, 64, 1))
    dot[10, 33] = 1
    assert resize(dot, (8, 8)).sum() * 64 == pytest.approx(1, abs=0.05)  # none is skipped
    with pytest.raises(ValueError, match="pair of positive"):
        resize(dot, (0, 8))


def test_cropping():
    assert np.array_equal(crop_center(PHOTO), PHOTO[:, 10:50])
    assert crop_center(PHOTO, 0.5).shape == (20, 20, 3)
    assert crop_center(PHOTO[:1], 0.1).shape == (1, 1, 3)
    for fraction in (0, -0.5, 1.1, float("nan")):
        with pytest.raises(ValueError, match="0 < fraction <= 1"):
            crop_center(PHOTO, fraction)


@pytest.mark.parametrize("kind", ["uint8", "bool", "int16", "float16", ">f4", list])
def test_pictures_of_any_numbers_are_resized(kind):
    numbers = [[[0], [1], [1], [0]], [[1], [1], [0], [1]]]
    picture = numbers if kind is list else np.array(numbers, kind)
    expected = resize(np.array(numbers, float), (2, 3))
    np.testing.assert_allclose(resize(picture, (2, 3)), expected, rtol=1e-3)
    assert expected.min() > 0


@pytest.mark.parametrize("over", [0.0, 9e-7])
def test_a_millionth_over_black_and_white_is_rounding(over):
    picture = np.array([[-over, 1 + over]])
    np.testing.assert_array_equal(read_picture(picture)[0], [[0, 0, 0], [1, 1, 1]])
    for wrong in (-2e-6, 1 + 2e-6):
        with pytest.raises(ValueError, match="are read as 0"):
            read_picture(np.array([[wrong, 0.5]]))


@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [(0, 255, " Divide by 255."), (0, 255.1, ""), (-1, 255, ""), (0, 2, " Divide by 255.")],
)
def test_only_what_looks_like_bytes_is_to_be_divided(low, high, advice):
    with pytest.raises(ValueError) as error:
        read_picture(np.array([[low, high]], float))
    assert str(error.value).endswith(f"got {low:.6g} to {high:.6g}.{advice}")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_that_come_first_are_recognized(channels):
    with pytest.raises(ValueError, match=r"Channels first\? Move them last"):
        read_picture(np.zeros((channels, 5, 5)))
    with pytest.raises(ValueError, match=r"got \(2, 5, 5\)\.$"):
        read_picture(np.zeros((2, 5, 5)))
    assert read_picture(np.zeros((1, 1, channels))).shape == (1, 1, 3)


def test_resizing_by_hand():
    """Centers at 1/4, 3/4 …: triangles as wide as a pixel. Half as many: twice as wide."""
    assert resize(np.array([[[0.0]], [[4.0]]]), (4, 1)).ravel().tolist() == [0, 1, 3, 4]
    row = np.array([[[0.0], [7.0], [14.0], [21.0]]])  # weights 3, 3, 1 and 0 of 7
    np.testing.assert_allclose(resize(row, (1, 2)).ravel(), [5, 16])
    np.testing.assert_allclose(resize(row.transpose(1, 0, 2), (2, 3))[:, 1, 0], [5, 16])


@pytest.mark.parametrize(
    ("height", "width", "corner"), [(4, 7, 1), (7, 4, 4), (3, 3, 0), (3, 4, 0)]
)
def test_the_middle_is_cut_out(height, width, corner):
    """What is left over by one goes to the right, or to the bottom."""
    numbers = np.arange(height * width).reshape(height, width)
    cut = crop_center(numbers)
    assert cut.shape == (min(height, width),) * 2 and cut[0, 0] == corner
    assert crop_center(np.zeros((9, 9)), 0.6).shape == (5, 5)  # 5.4
    assert crop_center(np.zeros((9, 9)), 0.9).shape == (8, 8)  # 8.1

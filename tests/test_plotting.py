"""Figures: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from nncourse import Value, plotting
from nncourse.datasets import Score


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_style_changes_the_palette_and_only_settings():
    before = plt.rcParams.copy()
    plotting.use_style()
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plotting.COLORS)
    assert not plt.get_fignums()
    plt.rcParams.update(before)


def test_history_draws_the_names_it_has():
    _, given = plt.subplots()
    ax = plotting.plot_history({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 3.0, 3.0]}, ax=given)
    assert ax is given
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert [text.get_text() for text in ax.get_legend().texts] == ["loss", "val_loss"]
    with pytest.raises(ValueError, match=r"one of the names \['loss'\]"):
        plotting.plot_history({"loss": [1.0]}, names=["accuracy"])


def test_decision_regions_ask_the_model_in_its_own_type():
    x, asked = np.array([[0, 0], [1, 2]], np.float32), []

    def predict(points):
        asked.append(points)
        return (points[:, 1] > 1).astype(int)

    ax = plotting.plot_decision_regions(predict, x, [0, 1], resolution=20, margin=0.5)
    (points,) = asked
    assert points.dtype == np.float32 and points.shape == (400, 2)
    np.testing.assert_allclose([points.min(0), points.max(0)], [[-0.5, -1], [1.5, 3]])
    regions = ax.collections[0].get_array().reshape(20, 20)
    assert (regions[0] == 0).all() and (regions[-1] == 1).all()


@pytest.mark.parametrize(
    ("x", "y", "predict", "words"),
    [
        (np.eye(3), [0, 1, 2], lambda p: p, r"got \(3, 3\) and \(3,\)"),
        (np.eye(2), [[0], [1]], lambda p: p, r"got \(2, 2\) and \(2, 1\)"),
        (np.eye(2), [0, 1], lambda p: p, r"got float64 of shape \(400, 2\). Scores\?"),
        (np.eye(2), [0, 1], lambda p: np.zeros((400, 1), int), r"got int64 of shape \(400, 1\)"),
        (np.eye(2), [-1, 1], lambda p: np.zeros(400, int), r"got \[-1, 1\]. Labels of -1 and 1\?"),
        (np.eye(2), [0, 1], lambda p: np.full(400, 99), "colors for the classes 0 to"),
    ],
)
def test_regions_that_cannot_be_drawn_are_explained(x, y, predict, words):
    with pytest.raises(ValueError, match=words):
        plotting.plot_decision_regions(predict, x, y, resolution=20)
    assert not plt.get_fignums()


def test_the_grid_between_whole_numbers_is_not_whole():
    seen = []
    plotting.plot_decision_regions(
        lambda p: seen.append(p) or (p[:, 0] > 0.5), np.eye(2, dtype=int), [True, False],
        resolution=3, margin=0,
    )  # fmt: skip
    assert sorted(set(seen[0][:, 0])) == [0, 0.5, 1]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 1)])
def test_images_are_drawn_in_order(shape):
    images = np.arange(60.0).reshape(shape)
    axes = plotting.plot_images(images, titles="abcde", columns=3)
    assert [ax.get_title() for ax in axes] == list("abcde")
    np.testing.assert_array_equal(axes[4].images[0].get_array(), images[4].reshape(4, 3))
    assert len(plt.gcf().axes) == 6  # two rows of three, the last one empty


def test_images_may_have_colors():
    (ax,) = plotting.plot_images(np.full((1, 4, 5, 3), 0.5))
    assert ax.images[0].get_array().shape == (4, 5, 3)


@pytest.mark.parametrize("shape", [(28, 28), (0, 28, 28), (2, 28, 28, 4), (2, 784)])
def test_what_are_no_images_is_explained(shape):
    with pytest.raises(ValueError, match=r"plot_images expects .* One image\? image\[None\]"):
        plotting.plot_images(np.zeros(shape))
    assert not plt.get_fignums()


def test_confusion_matrix_prints_every_count_and_colors_only_mistakes():
    ax = plotting.plot_confusion_matrix([[50, 2], [0, 40]])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "40", "50"]
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 2], [0, 0]])


def test_network_has_a_circle_for_each_neuron_and_a_line_for_each_weight():
    ax = plotting.plot_network([3, 4, 2], labels=["in", "hidden", "out"])
    assert len(ax.patches) == 9 and len(ax.lines) == 3 * 4 + 4 * 2
    assert [text.get_text() for text in ax.texts] == ["in", "hidden", "out"]


def test_graph_shows_values_and_gradients():
    x, y = Value(2), Value(5)
    z = x * y + x
    z.backward()
    texts = {text.get_text() for text in plotting.plot_graph(z, {x: "x", z: "z"}).texts}
    slopes = {text for text in texts if text.startswith("×")}
    assert slopes == {"×5", "×2", "×1"}  # dxy/dx = y, dxy/dy = x, and a sum hands on
    boxes = texts - slopes
    assert {"x = 2\ngrad 6", "5\ngrad 2", "z = 12\ngrad 1", "10\ngrad 1"} <= boxes


@pytest.mark.parametrize("labels", [None, ["in", "out"]])
def test_all_of_a_network_is_within_the_figure(labels):
    ax = plotting.plot_network([2, 7], labels=labels)
    low, high = ax.get_ylim()
    edges = [circle.center[1] + side * circle.radius for circle in ax.patches for side in (-1, 1)]
    texts = [text.get_position()[1] for text in ax.texts]
    assert low <= min(edges + texts) < low + 1 and high - 1 < max(edges + texts) <= high


def test_operands_stand_above_what_uses_them():
    x, y = Value(2), Value(5)
    product = x * y
    z = product + x
    ax = plotting.plot_graph(z, {x: "x", y: "y", product: "p", z: "z"})
    rows = {t.get_text()[0]: t.get_position()[1] for t in ax.texts if " = " in t.get_text()}
    assert rows["z"] < rows["p"] < rows["y"] and rows["p"] < rows["x"]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, bool, np.float16, list])
def test_regions_around_points_of_any_type(kind):
    """By hand: a margin of 0.15 of the range on each side, unless told."""
    low, high = {np.int8: (-100, 100), np.uint8: (0, 250)}.get(kind, (0, 1))
    x, seen = [[low, low], [high, high]], []
    given = x if kind is list else np.array(x, kind)
    plotting.plot_decision_regions(
        lambda p: seen.append(p) or (p[:, 0] > 0.5), given, [0, 1], resolution=3
    )
    margin = 0.15 * (high - low)
    ends = [seen[0].min(axis=0), seen[0].max(axis=0)]
    np.testing.assert_allclose(ends, [[low - margin] * 2, [high + margin] * 2], rtol=1e-3)


def test_each_class_has_its_color_and_its_points():
    """Also where the data have a class less than the model, or more."""
    x, y = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.array([0, 2, 2])
    for predicted in ([0, 1, 2, 3], [0, 1, 0, 1]):
        ax = plotting.plot_decision_regions(lambda p, c=predicted: np.array(c), x, y, resolution=2)
        mesh, first, second = ax.collections
        classes = max(*predicted, 2) + 1
        drawn = mesh.to_rgba(np.arange(classes))[:, :3]
        np.testing.assert_allclose(drawn, [to_rgb(c) for c in plotting.CLASSES[:classes]])
        for points, label in (first, 0), (second, 2):
            np.testing.assert_array_equal(points.get_offsets(), x[y == label])
            assert points.get_label() == f"class {label}"
            np.testing.assert_allclose(points.get_facecolor(), [to_rgba(plotting.CLASSES[label])])
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")


def test_regions_have_200_points_a_side_and_each_class_a_marker_of_its_own():
    """As the docstring says; nine classes have markers for eight, which is no error."""
    asked = []
    plotting.plot_decision_regions(lambda p: asked.append(len(p)) or p[:, 0] > 0, [[0, 0]], [1])
    assert asked == [200 * 200]
    x = np.arange(16.0).reshape(8, 2)
    ax = plotting.plot_decision_regions(lambda p: np.zeros(4, int), x, np.arange(8), resolution=2)
    shapes = {points.get_paths()[0].vertices.tobytes() for points in ax.collections[1:]}
    assert len(ax.collections) == 9 and len(shapes) == 8


def test_epochs_are_whole_and_the_axis_has_the_name_of_the_first_curve():
    ax = plotting.plot_history({"accuracy": [0.5, 0.6], "loss": [2.0, 1.0]}, ("loss", "accuracy"))
    plt.gcf().canvas.draw()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert (ax.get_xticks() % 1 == 0).all()


@pytest.mark.parametrize(("n", "columns", "rows"), [(3, 3, 1), (8, 8, 1), (9, 8, 2), (17, 8, 3)])
def test_eight_images_a_row_of_1_1_inches_each(n, columns, rows):
    """The docstring: ``size`` is the width of one image."""
    axes = plotting.plot_images(np.zeros((n, 4, 4)))
    grid = plt.gcf().axes
    assert len(axes) == n and len(grid) == rows * columns and not any(a.axison for a in grid)
    width, height = plt.gcf().get_size_inches()
    assert width == pytest.approx(1.1 * columns) and 1.1 * rows <= height < 1.3 * rows
    plotting.plot_images(np.zeros((n, 4, 4)), titles="x" * n, size=2)
    assert 2 * height / 1.1 < plt.gcf().get_size_inches()[1] < 3 * rows  # room for the titles


def test_each_count_stands_in_its_cell_and_hits_are_bold():
    ax = plotting.plot_confusion_matrix([[50, 2, 0], [0, 40, 0], [9, 0, 1]])
    found = {t.get_text(): (*t.get_position(), t.get_weight()) for t in ax.texts}
    hits = {"50": (0, 0, "bold"), "40": (1, 1, "bold"), "1": (2, 2, "bold")}
    assert found == hits | {"2": (1, 0, "normal"), "9": (0, 2, "normal")}
    assert list(ax.get_xticks()) == list(ax.get_yticks()) == [0, 1, 2]
    image = ax.images[0]
    assert image.norm(0) == 0 and 0.5 < image.norm(9) < 1  # black numbers on it can be read
    faultless = plotting.plot_confusion_matrix(np.eye(2, dtype=int)).images[0]
    assert faultless.norm.vmin == 0 and faultless.norm.vmax == 1


def test_a_network_is_columns_of_circles_joined_at_their_centers():
    ax = plotting.plot_network([2, 3], labels=["in", "out"])
    centers = [circle.center for circle in ax.patches]
    assert centers[:2] == [(0, 0.5), (0, -0.5)] and centers[2:] == [(2, 1), (2, 0), (2, -1)]
    lines = [tuple(map(tuple, line.get_xydata())) for line in ax.lines]
    assert sorted(lines) == sorted((a, b) for a in centers[:2] for b in centers[2:])
    assert max(line.zorder for line in ax.lines) < min(c.zorder for c in ax.patches)
    assert all(0.2 < circle.radius < 0.5 for circle in ax.patches)  # they do not touch
    colors = [plotting.BASELINE] * 2 + [plotting.COLORS[5]] * 3  # inputs are no neurons
    assert [c.get_facecolor() for c in ax.patches] == [to_rgba(color) for color in colors]
    assert [t.get_position()[0] for t in ax.texts] == [0, 2]
    assert all(t.get_position()[1] < -1 - 0.3 for t in ax.texts)
    assert ax.get_aspect() == 1 and not ax.axison


def test_the_scoreboard_has_a_dot_for_each_seed_where_its_mistakes_are():
    rows = [
        Score(1, "02", "small", 9, 1.0, (0.9, 0.92)),
        Score(2, "03", "large", 99, 9.0, (0.99, 0.995, 0.99)),
    ]
    ax = plotting.plot_scoreboard(rows, this_run=0.98)
    found = [line.get_xydata() for line in ax.lines]
    expected = [[[1000, 0], [800, 0]], [[100, 1], [50, 1], [100, 1]], [[200, 1]]]
    for dots, places in zip(found, expected, strict=True):
        np.testing.assert_allclose(dots, places)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["small (91.00 %)", "large (99.17 %)"]
    assert ax.get_xscale() == "log" and ax.get_xlim() == (30, 1100)  # a tenth beyond the last
    assert list(ax.get_xticks()) == [30, 50, 100, 200, 500, 1000]
    below, above = ax.get_ylim()
    assert below > 1 and above < 0  # the first network on top
    assert [t.get_text() for t in ax.texts] == ["this run"]
    assert ax.texts[0].xy == pytest.approx((200, 1))
    ticks = {
        place: text.get_text()
        for place, text in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    }
    assert all(text == f"{place:,.0f}" for place, text in ticks.items())
    with pytest.raises(ValueError, match="at least one row"):
        plotting.plot_scoreboard([])


def test_a_graph_has_a_box_for_each_number_and_an_arrow_for_each_slope():
    """By hand: x and y side by side on top, x y below them, and its double at the bottom."""
    x, y = Value(2), Value(5)
    product = x * y
    z = product + product
    z.backward()
    ax = plotting.plot_graph(z)
    boxes = {t.get_text(): t for t in ax.texts if "grad" in t.get_text()}
    places = {name: text.get_position() for name, text in boxes.items()}
    ends = {name: places.pop(name) for name in ("2\ngrad 10", "5\ngrad 4")}
    assert set(ends.values()) == {(0.5, 2), (1.5, 2)}
    assert places == {"10\ngrad 2": (1, 1), "20\ngrad 1": (1, 0)}
    assert ax.get_xlim() == (0, 2) and ax.get_ylim() == (-0.5, 2.5) and not ax.axison
    colors = {n: t.get_bbox_patch().get_facecolor()[:3] for n, t in boxes.items()}
    assert colors["2\ngrad 10"] == colors["5\ngrad 4"] == to_rgb(plotting.BASELINE)
    assert colors["10\ngrad 2"] == to_rgb(plotting.COLORS[5])
    assert colors["20\ngrad 1"] == to_rgb(plotting.MARKED)
    slopes = [(t.get_text(), *t.get_position()) for t in ax.texts if "×" in t.get_text()]
    assert sorted(text for text, *_ in slopes) == ["×1", "×1", "×2", "×5"]
    for text, a, b in slopes:  # about half way along its arrow
        start = {"×5": ends["2\ngrad 10"], "×2": ends["5\ngrad 4"], "×1": (1, 1)}[text]
        end = (1, 0) if text == "×1" else (1, 1)
        middle = np.add(start, end) / 2
        assert 0 < np.hypot(*np.subtract((a, b), middle)) < 0.06
    doubled = [place for text, *place in slopes if text == "×1"]
    assert doubled[0] != doubled[1]  # both can be read
    arrows = [(t.xyann, t.xy) for t in ax.texts if not t.get_text()]
    assert sorted(arrows) == sorted(
        [((0.5, 2), (1, 1)), ((1.5, 2), (1, 1)), ((1, 1), (1, 0)), ((1, 1), (1, 0))]
    )
    width, height = plt.gcf().get_size_inches()
    assert width >= 1.5 * 2 and height >= 0.8 * 3  # boxes do not overlap


def test_what_is_drawn_in_the_style_of_the_book_has_no_frames():
    """But for the axes to read from; nothing is cut off, and more ink is darker."""
    with plt.rc_context():
        plotting.use_style()
        figure, ax = plt.subplots()
        ax.plot([0, 1], label="a line")
        assert [name for name, spine in ax.spines.items() if spine.get_visible()] == [
            "left", "bottom"
        ]  # fmt: skip
        assert not ax.legend().get_frame_on()
        assert type(figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
        assert figure.get_facecolor() == to_rgba("white")
        image = ax.imshow([[0, 1]])
        assert image.to_rgba(0)[:3] > image.to_rgba(1)[:3]

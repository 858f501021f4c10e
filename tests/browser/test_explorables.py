"""The explorable figures: their numbers are the package's, and everybody can work them."""

import base64
import json
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.serve import SITE, pages

import nncourse as nn

FOUND = sorted(
    (name, page)
    for page in pages()
    if page.startswith("book/")
    for name in re.findall(r'data-explorable="(\w+)"', (SITE / page).read_text(encoding="utf-8"))
) or [("not built", "")]
PAGE = "book/01_neurons.html"
FOLDER = next(SITE.glob("_static/explorables-*"), SITE)
WIDTHS = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 800}}


@pytest.fixture(scope="module")
def compute(site, browser):
    """Compute in the browser what an explorable figure shows for a state."""
    page = browser.new_page()
    page.goto(f"{site}_static/{FOLDER.name}/strings.js")

    def call(name, function="compute", **state):
        return page.evaluate(
            """async ([file, name, state]) => {
                const module = await import(file);
                return await module[name](state.call ?? {...module.initial, ...state});
            }""",
            [f"./{name}.js", function, state],
        )

    yield call
    page.close()


def explore(visit, name, address, query="", **options):
    """Open a page, go to its explorable figure, and wait until it can be worked."""
    page = visit(address + query, **options)
    root = page.locator(f"#explore-{name}")
    root.scroll_into_view_if_needed()
    page.wait_for_selector(f"#explore-{name}[data-ready]")
    return page, root


@pytest.mark.parametrize(("name", "address"), FOUND)
def test_it_can_be_worked_and_kept(name, address, visit):
    page, root = explore(visit, name, address, viewport=WIDTHS["wide"])
    check_room(root)
    first, said = root.inner_html(), root.locator(".explorable-said")
    control = root.locator("input[type=range]").first
    control.focus()
    page.keyboard.press("ArrowRight")  # a keyboard is enough
    page.wait_for_function("name => location.search.includes(`${name}.`)", arg=name)
    assert root.inner_html() != first
    chosen, words = control.input_value(), said.inner_text()
    page.reload()
    page.wait_for_selector(f"#explore-{name}[data-ready]")
    assert (control.input_value(), said.inner_text()) == (chosen, words)
    root.get_by_role("button", name="Start again").click()
    page.wait_for_function("name => !location.search.includes(`${name}.`)", arg=name)
    assert control.input_value() != chosen
    assert page.troubles == []


@pytest.mark.parametrize(("name", "address"), FOUND)
def test_it_fits_a_phone_and_everybody(name, address, visit):
    page, root = explore(visit, name, address, viewport=WIDTHS["phone"], color_scheme="dark")
    check_room(root)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page, {"include": [[f"#explore-{name}"]]}, None).response["violations"]
    assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []


def check_room(root):
    """The room that was kept for a figure is enough, and not much more than that."""
    room, own = root.evaluate("""root => {
        const kept = root.getBoundingClientRect().height;
        root.style.minHeight = 0;
        const own = root.getBoundingClientRect().height;
        root.style.minHeight = "";
        return [kept / 16, own / 16];
    }""")
    assert own <= room < own + 8


def test_an_address_that_makes_no_sense_is_put_right(visit):
    page, root = explore(visit, "neuron", PAGE, "?neuron.w1=nonsense&neuron.task=NOR&neuron.b=1e9")
    values = [one.input_value() for one in root.locator("input[type=range]").all()]
    assert values == ["1", "1", "3"] and page.troubles == []


def test_without_scripts_the_figure_stands_alone(visit):
    name, address = FOUND[0]
    page = visit(address, java_script_enabled=False)
    assert page.locator(f"#explore-{name}").is_hidden()


def test_every_word_is_in_the_table():
    """A module says nothing that is not in the table, and the table nothing that is not said."""
    table = json.loads((FOLDER / "strings.js").read_text("utf-8").removeprefix("export default "))
    for name, words in table.items():
        if name == "all":
            continue
        code = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for key in set(words) - {"question"}:
            assert re.search(rf"\b{key}\b", code), f"{name} does not use {key!r}"


# The numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("w1, w2, b", [(1, 1, -1.5), (1, 1, -2), (-0.7, 2.05, 0.3), (0, 0, 0)])
@pytest.mark.parametrize("task", ["AND", "XOR"])
def test_neuron(w1, w2, b, task, compute):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    target = {"AND": x.all(axis=1), "XOR": x[:, 0] != x[:, 1]}[task]
    outputs = nn.McCullochPitts([w1, w2], b).predict(x)
    shown = compute("neuron", w1=w1, w2=w2, b=b, task=task)
    assert shown["outputs"] == outputs.tolist()
    assert shown["right"] == np.sum(outputs == target)
    np.testing.assert_allclose(shown["z"], x @ [w1, w2] + b, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolution(stride, padding, compute, site, browser):
    page = browser.new_page()
    page.goto(f"{site}_static/{FOLDER.name}/strings.js")
    image, filters = page.evaluate(
        "import('./convolution.js').then(module => [module.IMAGE, module.FILTERS])"
    )
    page.close()
    layer = nn.Conv2D(1, 1, 3, stride=stride, padding=padding, dtype=np.float64)
    for name, kernel in filters.items():
        layer.kernel.value[:] = np.array(kernel, float)[:, :, None, None]
        expected = layer(np.array(image, float)[None, :, :, None])[0, :, :, 0]
        shown = compute("convolution", filter=name, stride=stride, padding=padding, row=2, column=2)
        np.testing.assert_allclose(shown["map"], expected, atol=1e-12)
        assert shown["count"] == len(expected)
        assert shown["value"] == sum(x * w for x, w in shown["terms"]) == expected[1, 1]


@pytest.mark.parametrize("loss", ["entropy", "squared"])
@pytest.mark.parametrize("data", ["overlap", "apart"])
def test_logistic(loss, data, compute):
    rows = np.array(compute("logistic", "points", call=data), float)
    x, y = rows[:, :2], rows[:, 2]
    for w in ([-4.0, 3.0], [0.0, 0.0], [7.5, 2.25]):
        z = x @ w
        if loss == "entropy":
            expected, dz = nn.losses.sigmoid_binary_cross_entropy(z, y)
        else:
            p = nn.activations.sigmoid(z)
            expected, dp = nn.losses.mean_squared_error(p, y)
            dz = dp * p * (1 - p)
        shown = compute("logistic", w1=w[0], w2=w[1], loss=loss, data=data)
        np.testing.assert_allclose(shown["loss"], expected, rtol=1e-12)
        np.testing.assert_allclose(shown["gradient"], x.T @ dz, atol=1e-14)
        assert shown["right"] == np.sum((z >= 0) == y)
    assert compute("logistic", w1=7.5, w2=5, data="apart")["right"] == 16


@pytest.mark.parametrize("graph", ["neuron", "twice"])
def test_tape(graph, compute):
    start = {"w": 0.7, "x": -1.2, "b": 0.4, "y": 1.0}
    values = {name: nn.Value(value) for name, value in start.items()}
    w, x, b, y = values.values()
    if graph == "neuron":
        values["a"] = (w * x + b).sigmoid()
        values["L"] = (values["a"] - y) ** 2
    else:
        del values["w"], values["b"]
        values["xy"] = x * y
        values["L"] = values["xy"] + x * x
    values["L"].backward()
    shown = compute("tape", graph=graph, step=99, **start)
    for name, value in values.items():
        np.testing.assert_allclose(shown["values"][name], value.data, rtol=1e-14)
        np.testing.assert_allclose(shown["grads"][name], value.grad, rtol=1e-13)
    assert compute("tape", graph=graph, step=shown["total"] // 2)["grads"] == {}


@pytest.mark.parametrize("ratio, rate, beta", [(50, 1.9, 0), (20, 1.2, 0.5), (100, 3.3, 0.9)])
def test_ravine(ratio, rate, beta, compute):
    curvatures = np.array([1.0, ratio])
    w = nn.Parameter(np.array([-1, 0.35]), "w")
    optimizer = nn.SGD([w], learning_rate=rate / ratio, momentum=beta)
    walk = [w.value.copy()]
    for _ in range(80):
        optimizer.zero_grad()
        w.grad += curvatures * w.value
        optimizer.step()
        walk.append(w.value.copy())
    shown = compute("ravine", ratio=ratio, rate=rate, beta=beta)
    np.testing.assert_allclose(shown["walk"], walk, rtol=1e-6, atol=1e-9)

    def factor(rate, beta):
        steps = rate / ratio * curvatures
        return max(np.abs(np.roots([1, -(1 + beta - step), beta])).max() for step in steps)

    np.testing.assert_allclose(shown["factor"], factor(rate, beta), rtol=1e-9)
    each = [np.abs(np.roots([1, -(1 + beta - rate / ratio * c), beta])).max() for c in curvatures]
    np.testing.assert_allclose(shown["factors"], each, rtol=1e-9)  # along, and across
    if beta == 0:  # nothing swings: the walk itself has these factors
        np.testing.assert_allclose(np.abs(walk[80] / walk[40]), np.power(each, 40), rtol=1e-6)
    for best in (shown["plain"], shown["heavy"]):
        np.testing.assert_allclose(best["factor"], factor(best["rate"], best["beta"]), rtol=1e-6)
        assert best["factor"] < factor(0.98 * best["rate"], best["beta"])


@pytest.mark.parametrize("ratio", [2, 12, 25, 50, 60, 73, 100])
def test_ravine_at_the_sliders_best(ratio, compute):
    """Just off the floor of the bathtub r leaps: the nearest hundredths are not good enough."""
    found = compute("ravine", ratio=ratio)["near"]
    best = (np.sqrt(ratio) - 1) / (np.sqrt(ratio) + 1)
    for c in (1, ratio):
        roots = np.roots([1, -(1 + found["beta"] - found["rate"] / ratio * c), found["beta"]])
        assert best - 1e-9 < np.abs(roots).max() < best + 0.02
    for value in found.values():
        np.testing.assert_allclose(100 * value, round(100 * value))


def test_degree(compute):
    places = np.linspace(-1, 1, 25)
    truth = np.exp(places) * np.sin(np.pi * places)
    noise = 0.5 * np.random.default_rng(0).normal(size=(2, 2_000, 25))[0]  # as in the chapter
    for degree, penalty, sample in ((0, -7, 1), (4, -7, 2), (14, -7, 3), (14, -1.5, 1)):
        features = np.polynomial.legendre.legvander(places, degree)
        price = 25 * (10**penalty if penalty > -7 else 0) * np.eye(degree + 1)
        price[0, 0] = 0
        y = truth + noise[sample - 1].round(3)
        fitted = features @ np.linalg.solve(features.T @ features + price, features.T @ y)
        shown = compute("degree", degree=degree, penalty=penalty, sample=str(sample))
        np.testing.assert_allclose(shown["training"], np.mean((fitted - y) ** 2), rtol=1e-9)
        fresh = np.mean((fitted - truth) ** 2) + 0.25
        np.testing.assert_allclose(shown["fresh"], fresh, rtol=1e-9)


def test_lstm(compute):
    arrays = json.loads((FOLDER / "lstm.json").read_text(encoding="utf-8"))
    lstm = nn.LSTM(3, 3, return_sequences=True, dtype=np.float64)
    model = nn.Sequential(lstm, nn.Dense(3, 1, dtype=np.float64))
    for name, parameter in model.named_parameters().items():
        parameter.value[:] = arrays[name]
    text = "a(b(cd)e)f(((x)"
    kinds = [1 if letter == "(" else 2 if letter == ")" else 0 for letter in text]
    says = model(np.eye(3)[kinds][None])[0, :, 0]
    shown = compute("lstm", text=text)
    np.testing.assert_allclose([step["says"] for step in shown], says, atol=1e-12)
    h, c = lstm.state
    np.testing.assert_allclose(shown[-1]["h"], h[0], atol=1e-12)
    np.testing.assert_allclose(shown[-1]["c"], c[0], atol=1e-12)
    assert [step["depth"] for step in shown] == says.round().tolist()  # it has learned to count


@pytest.mark.parametrize("data", ["eight", "three"])
@pytest.mark.parametrize("spread", [0, 0.3])
def test_diffusion(data, spread, compute):
    """The guess is the page's weighted mean, and the integral that it stands for."""
    exported = compute("diffusion", "journey", data=data, spread=spread)
    shown = compute("diffusion", time=130, x=0.4, y=-0.7, data=data, spread=spread)
    assert shown["t"] == 70
    signal, beta, noise, points = (np.array(compute("diffusion", "values", call=name))
                                   for name in ("signal", "beta", "noise", data))  # fmt: skip
    level = np.cos(np.pi / 2 * (np.arange(101) / 100 + 0.008) / 1.008) ** 2  # as in the chapter
    expected = np.append(0.0, np.minimum(1 - level[1:] / level[:-1], 0.3))
    np.testing.assert_allclose(beta, expected, atol=1e-12)
    np.testing.assert_allclose(signal, np.cumprod(1 - expected), atol=1e-12)
    np.testing.assert_allclose(
        [points.mean(axis=0), points.std(axis=0)], [[0, 0], [1, 1]], atol=1e-9
    )
    assert np.allclose([noise.mean(), noise.std()], [0, 1], atol=0.02)

    def guess(x, t):
        keep = signal[t]
        variance = keep * spread**2 + 1 - keep
        gaps = x[:, None] - np.sqrt(keep) * points
        weights = nn.activations.softmax(-(gaps**2).sum(axis=2) / (2 * variance))
        near = points + np.sqrt(keep) * spread**2 / variance * gaps
        return weights, (weights[..., None] * near).sum(axis=1)

    weights, clean = guess(np.array([[0.4, -0.7]]), 70)
    np.testing.assert_allclose(shown["weights"], weights[0], atol=1e-12)
    np.testing.assert_allclose(shown["clean"], clean[0], atol=1e-12)
    x = np.array(exported[100])
    for t in range(100, 0, -1):
        e = (x - np.sqrt(signal[t]) * guess(x, t)[1]) / np.sqrt(1 - signal[t])
        x = (x - beta[t] / np.sqrt(1 - signal[t]) * e) / np.sqrt(1 - beta[t])
        x = x + np.sqrt(beta[t] * (1 - signal[t - 1]) / (1 - signal[t])) * noise[t]
    np.testing.assert_allclose(exported[200], x, atol=1e-6)
    if spread:  # the posterior mean, by adding up over a grid of clean points
        grid = np.stack(np.meshgrid(*[np.linspace(-5, 5, 201)] * 2), axis=-1).reshape(-1, 2)
        prior = np.exp(-((grid[:, None] - points) ** 2).sum(axis=2) / (2 * spread**2)).sum(axis=1)
        gap = np.array([0.4, -0.7]) - np.sqrt(signal[70]) * grid
        weight = prior * np.exp(-(gap**2).sum(axis=1) / (2 * (1 - signal[70])))
        np.testing.assert_allclose(clean[0], weight @ grid / weight.sum(), atol=1e-6)
    else:  # nothing new: the best guesser returns the data
        assert compute("diffusion", time=200, data=data)["near"] < 0.03


@pytest.mark.parametrize("mask, sharp", [("causal", 1), ("causal", 0.5), ("none", 1)])
def test_attention(mask, sharp, compute):
    told = json.loads((FOLDER / "attention.json").read_text(encoding="utf-8"))
    model = nn.GPT(**told["sizes"], dtype=np.float64)
    for name, parameter in model.named_parameters().items():
        packed = told["arrays"][name]
        whole = np.frombuffer(base64.b64decode(packed["data"]), np.int8)
        rows = whole.reshape(-1, packed["shape"][-1]) * np.array(packed["scale"])[:, None]
        parameter.value[:] = rows.reshape(packed["shape"])
    for block in model.blocks:
        block.attention.causal = mask == "causal"
        block.attention.query.kernel.value /= sharp
        block.attention.query.bias.value /= sharp
    settings = {"temperature": 0.8, "top_k": 12, "top_p": 0.9}
    shown = compute("attention", text="Elizabeth could not see zeppelins ,", mask=mask, sharp=sharp,
                    **settings)  # fmt: skip
    assert [told["words"][i] for i in shown["ids"]] == "elizabeth could not see … ,".split()
    logits = model(np.array([shown["ids"]]))[0, -1]
    weights = [block.attention.weights[0] for block in model.blocks]
    np.testing.assert_allclose(shown["weights"], weights, atol=1e-10)
    np.testing.assert_allclose(shown["logits"][1:], logits[1:], atol=1e-8)
    logits[0] = -np.inf  # the unknown word is never drawn
    np.testing.assert_allclose(
        shown["p"], nn.sampling.probabilities(logits, **settings), atol=1e-10
    )

"""The explorable figures: their numbers are the package's, and everybody can work them."""

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
                return await module[name]({...module.initial, ...state});
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

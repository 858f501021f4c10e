"""How long a reader of a live page waits: the first result, the first figure, and a second visit.

Chromium opens the built chapter 1 from this machine's loopback address with an empty cache, solves
an exercise and draws a figure; then the same once more. Seconds since the click, and the size of
what was loaded. The figures are reported, never a condition.
"""

import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from _measure import report
from browser.serve import SITE, chromium, serving

PAGE = "book/01_neurons.html"
WAIT = 300_000
DONE = """e => {
    const says = e.querySelector(".live-caption")?.textContent ?? "running …";
    return says !== "running …" && document.querySelector(".live-status").hidden;
}"""


def seconds(page, text):
    """Run the first cell with this text; return the seconds from the click to the end."""
    cell = page.locator("article div.cell").filter(has_text=text).first
    cell.evaluate("e => e.querySelector('details')?.setAttribute('open', '')")
    cell.scroll_into_view_if_needed()
    start = time.perf_counter()
    cell.locator(".live-run").click()
    page.wait_for_function(DONE, arg=cell.element_handle(), timeout=WAIT)
    return time.perf_counter() - start


def visit(context, site):
    """Open the chapter; return the seconds of a result, of an exercise, and of a figure."""
    page = context.new_page()
    page.goto(site + PAGE)
    page.wait_for_function("document.documentElement.dataset.kept !== undefined")
    result = seconds(page, "def weighted_sum(w, x, b)")
    exercise = seconds(page, 'check("neuron", neuron)')
    figure = seconds(page, "examples = x_test[[")
    page.close()
    return result, exercise, figure


def main():
    missing = [name for name, found in {
        "the built book (make html)": (SITE / PAGE).exists(),
        "Chromium (make chromium)": shutil.which("chromium") or shutil.which("chromium-browser"),
        "Playwright": find_spec("playwright"),
    }.items() if not found]  # fmt: skip
    if missing:
        print(f"The live page is left out; it needs {', '.join(missing)}.")
        return
    with serving() as site, chromium() as browser:
        context = browser.new_context()
        first, second = visit(context, site), visit(context, site)
        context.close()
    print("\nseconds since the click            first visit   second visit")
    for name, a, b in zip(("first result", "then an exercise", "then a figure"), first, second,
                          strict=True):  # fmt: skip
        print(f"{name:32} {a:13.1f} {b:14.1f}")
    report("first result within 10 s", first[0], first[0] <= 10)
    report("first figure within 15 s", first[0] + first[2], first[0] + first[2] <= 15)
    report("second visit quicker", second[0], second[0] < first[0])


if __name__ == "__main__":
    main()

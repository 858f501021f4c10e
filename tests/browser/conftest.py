"""What the tests in a browser share: the served site, the browser, and pages that are watched."""

import pytest
from browser.serve import chromium, serving, settle

NOTE_SHIFTS = """
    window.moved = 0;
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) window.moved += shift.value;
    }).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="session")
def site():
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def visit(site, browser):
    """Open a page and note everything that goes wrong with it."""
    contexts = []

    def open_page(address, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(NOTE_SHIFTS)
        page.answers = []
        page.troubles = troubles = []
        page.on("console", lambda message: message.type in ("error", "warning")
                and troubles.append(f"console {message.type}: {message.text}"))  # fmt: skip
        page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
        # A page that is left or reloaded gives up what it was still loading: no failure.
        page.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED"
                or troubles.append(f"failed: {request.url}"))  # fmt: skip
        page.on("response", lambda response: response.status >= 400
                and troubles.append(f"{response.status}: {response.url}"))  # fmt: skip
        page.on("response", lambda response: page.answers.append(response.url))
        page.on("request", lambda request: request.url.startswith((site, "data:", "blob:"))
                or troubles.append(f"asks another host: {request.url}"))  # fmt: skip
        page.goto(site + address)
        if options.get("java_script_enabled", True):
            settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()

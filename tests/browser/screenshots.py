"""Photograph every page, wide and narrow, light and dark.

``screenshots.py OUT_DIR [PART …]`` takes all pages, or those that have a PART in their address;
``screenshots.py --readme`` takes the picture in README.md.
"""

import sys
from pathlib import Path

from serve import SITE, chromium, pages, serving, settle

WIDTHS = {"desktop": 1280, "phone": 390}
README_PICTURE = SITE.parents[1] / "book" / "assets" / "screenshot.png"


def photograph(browser, address, target, *, scheme, width, whole=True):
    """Write one picture of one page."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 860})
    page.goto(address)
    settle(page)
    page.screenshot(path=target, full_page=whole)
    page.close()
    print(target)


def main(where, *parts):
    """Take the pictures that the command line asks for."""
    with serving() as site, chromium() as browser:
        if where == "--readme":
            index = f"{site}book/index.html"
            photograph(browser, index, README_PICTURE, scheme="light", width=1280, whole=False)
            return
        Path(where).mkdir(parents=True, exist_ok=True)
        for address in pages():
            if address == "index.html" or (parts and not any(part in address for part in parts)):
                continue
            for name, width in WIDTHS.items():
                for scheme in ("light", "dark"):
                    target = Path(where) / f"{Path(address).stem}-{name}-{scheme}.png"
                    photograph(browser, site + address, target, scheme=scheme, width=width)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])

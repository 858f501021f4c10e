"""Write the address of a fork wherever the course's address stands.

    python book/tools/repository.py https://github.com/you/fork

The address is kept in `_config.yml`. The other places follow from it, and
tests/test_project.py holds them against it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "_config.yml",
    "pyproject.toml",
    "CITATION.cff",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "nncourse/datasets.py",
    "book/bootstrap.ipy",
    "book/*.md",
    "book/*.ipynb",
)
# https://github.com/owner/name, and Colab's and Binder's forms of the same
ADDRESS = re.compile(r"(https://github\.com/|/github/|/gh/)([\w.-]+/[\w-]+(?:\.[\w-]+)*)")


def address(root=ROOT):
    """Return the address that `_config.yml` states."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    return re.search(r"^repository:\s+url: (\S+)$", text, re.MULTILINE)[1]


def files(root=ROOT):
    """Return the files in which the address may stand."""
    return [path for pattern in PLACES for path in sorted(root.glob(pattern))]


def rewrite(url, root=ROOT):
    """Replace the present address by `url` everywhere; return the files that changed."""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise ValueError(f"expected an address like https://github.com/you/fork, got {url!r}")
    old = address(root).removeprefix("https://github.com/")
    new = url.removeprefix("https://github.com/")
    changed = []
    for path in files(root):
        before = path.read_text(encoding="utf-8")
        after = ADDRESS.sub(lambda m: m[1] + (new if m[2] == old else m[2]), before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            f"The address is {address()}. Change it: make repository URL=https://github.com/you/fork"
        )
    try:
        for path in rewrite(sys.argv[1]):
            print("changed", path.relative_to(ROOT))
    except ValueError as error:
        sys.exit(str(error))

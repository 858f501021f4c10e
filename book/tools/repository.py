"""Write the address of a fork wherever the course's address stands.

    python book/tools/repository.py https://github.com/you/fork

The form that git clones, git@github.com:you/fork.git, will do, too. The address is kept in
`_config.yml`. The other places follow from it, and tests/test_project.py holds them against it.
"""

import re
import shutil
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


# The forms in which GitHub and git write an address
WRITTEN = re.compile(
    r"(?:(?:https?://)?(?:www\.)?github\.com/|(?:ssh://)?git@github\.com[:/])"
    r"([A-Za-z\d]+(?:-[A-Za-z\d]+)*)/([\w-]+(?:\.[\w-]+)*?)(?:\.git)*/?",
    re.ASCII | re.IGNORECASE,
)


def address(root=ROOT):
    """Return the address that `_config.yml` states."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    return re.search(r"^repository:\s+url: (\S+)$", text, re.MULTILINE)[1]


def files(root=ROOT):
    """Return the files in which the address may stand."""
    return [path for pattern in PLACES for path in sorted(root.glob(pattern))]


def normalized(url):
    """Return the address as https://github.com/owner/name; raise ValueError for any other."""
    found = WRITTEN.fullmatch(url.strip())
    if not found:
        host = re.match(r"(?:\w+://)?(?:[^/@]+@)?([\w-]+(?:\.[\w-]+)+)[:/]", url.strip())
        if host and host[1].lower() not in ("github.com", "www.github.com"):
            raise ValueError(f"{host[1]} will not do: Colab, Binder and the links expect GitHub")
        raise ValueError(
            "expected the address of a repository, like https://github.com/you/fork or "
            f"git@github.com:you/fork.git, got {url!r}"
        )
    return f"https://github.com/{found[1]}/{found[2]}"


def rewrite(url, root=ROOT):
    """Replace the present address by `url` everywhere or nowhere; return the changed files."""
    new = normalized(url).removeprefix("https://github.com/")
    old = address(root).removeprefix("https://github.com/")
    changed = {}
    for path in files(root):
        before = path.read_text(encoding="utf-8")
        after = ADDRESS.sub(lambda m: m[1] + (new if m[2] == old else m[2]), before)
        if after != before:
            changed[path] = path.with_name(f"{path.name}.new"), after
    written = []
    try:
        for path, (beside, text) in changed.items():
            beside.write_text(text, encoding="utf-8")
            written.append(beside)
            shutil.copymode(path, beside)
        for path, (beside, _) in changed.items():
            beside.replace(path)
    finally:
        for beside in written:
            beside.unlink(missing_ok=True)
    return list(changed)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit(
            f"The address is {address()}. Change it: make repository URL=https://github.com/you/fork"
        )
    try:
        for path in rewrite(sys.argv[1]):
            print("changed", path.relative_to(ROOT))
    except (ValueError, OSError) as error:
        sys.exit(f"Nothing was changed: {error}")

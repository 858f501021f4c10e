"""Write what the branch *run* holds: the notebooks to run, their package and its data.

    python book/tools/run_branch.py _build/runner

The site's buttons and downloads lead there: see runner.py. It is generated and never edited.
"""

import json
import shutil
import sys
from pathlib import Path

import yaml
from runner import ROOT, Book, save

from nncourse.exercises.tasks import withhold

BESIDE = ("nncourse", "book/data", "pyproject.toml", "constraints.txt", "environment.yml",
          "postBuild", "_toc.yml", "LICENSE", "LICENSE-CONTENT", "CITATION.cff")  # fmt: skip
README = """# Neural networks, checked

The notebooks of [a course on neural networks]({site}), made from [its sources]({url}).

{listed}

## How to run them

{how}"""


def names(root):
    """Return the names of the notebooks of the table of contents that there are."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = [Path(one["file"]).name for part in contents["parts"] for one in part["chapters"]]
    return [name for name in listed if (root / "book" / f"{name}.ipynb").exists()]


def write(folder, root=ROOT):
    """Write the folder anew."""
    folder, book, listed = Path(folder), Book(root / "book"), []
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "book").mkdir(parents=True)
    for name in names(root):
        source = json.loads((root / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))
        source = source if book.site else withhold(source)
        save(book.notebook(name, source), folder / "book" / f"{name}.ipynb")
        number = f"{int(name[:2])}." if name[:2].isdigit() else "-"
        listed.append(f"{number} [{book.titles[name]}](book/{name}.ipynb)")
    for name in BESIDE:
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, folder / name, ignore=ignored)
        else:
            shutil.copy(root / name, folder / name)
    how = book.how("book/01_neurons.ipynb", "chapters,tensorflow")
    text = README.format(
        site=book.site or book.url, url=book.url, listed="\n".join(listed), how=how
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        write(*sys.argv[1:2] or [ROOT / "_build" / "runner"])
    except ValueError as error:
        sys.exit(f"runner: {error}")

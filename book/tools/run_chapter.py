"""Run chapters from top to bottom and keep their outputs: ``make chapter NAME=04_backpropagation``.

What is written is what a commit should hold: the printed lines of a cell together, no times of day,
figures with a palette, a third as large, and under "Run time and memory" what the last cell has
measured. A chapter that fails is left as it was.
"""

import base64
import re
import sys
from io import BytesIO
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

BOOK = Path(__file__).resolve().parents[1]
STATED = re.compile(r"\*\*\d+ s\*\* and \*\*\d+ MB\*\*")
MEASURED = re.compile(r"This run: (\d+) s, peak memory (\d+) MB")


def with_palette(picture):
    """Return a PNG, in base64 as notebooks hold it, with no more than 256 colors."""
    image, smaller = Image.open(BytesIO(base64.b64decode(picture))), BytesIO()
    image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        smaller, "PNG", optimize=True, dpi=image.info.get("dpi")
    )
    return base64.b64encode(smaller.getvalue()).decode()


def run(path):
    """Execute the notebook at ``path`` in its folder, write it back, and return its cost."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    measured = MEASURED.findall(str([cell.get("outputs") for cell in notebook.cells]))
    if not measured:
        raise SystemExit(f"{path.name}: its last code cell should be `run`; see any other chapter")
    seconds, memory = measured[-1]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", ()):
                output.data["image/png"] = with_palette(output.data["image/png"])
        if cell.cell_type == "markdown":
            cell.source = STATED.sub(f"**{seconds} s** and **{memory} MB**", cell.source)
    nbformat.write(notebook, path)
    return seconds, memory


def main(names):
    """Run the chapters of these names, or all."""
    paths = [BOOK / f"{name}.ipynb" for name in names] or sorted(BOOK.glob("[0-9]*.ipynb"))
    for path in paths:
        if not path.exists():
            chapters = ", ".join(sorted(p.stem for p in BOOK.glob("[0-9]*.ipynb")))
            raise SystemExit(f"there is no chapter {path.stem!r}; there are {chapters}")
    for path in paths:
        print(path.stem, *run(path), sep="\t", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

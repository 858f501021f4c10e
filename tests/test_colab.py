"""Colab: notebooks copied alone into an empty folder, on a machine that has only what Colab has.

A clean environment gets NumPy, TensorFlow with TensorBoard, matplotlib, tqdm, and a kernel. The
bootstrap cell must do the rest, and must change none of these. `NNCOURSE_COLAB_VERSIONS` may name a
list of Colab's own versions, and `NNCOURSE_COLAB_CHAPTERS=all` runs every chapter whole, not two.
"""

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import make_env
import nbformat
import pytest
import runner
from book_rules import BOOK, Chapter
from nbclient import NotebookClient

ROOT = BOOK.parent
PREINSTALLED = ("numpy", "keras", "tensorboard", "matplotlib", "tqdm", "ipykernel")
# In extras of their own (deploy, explain): a chapter that uses one asks first whether it is there.
EXTRAS = {"boto3", "botocore", "fastapi", "lime", "moto", "onnx", "onnxruntime", "shap", "uvicorn"}
CHAPTERS = [Chapter.read(path) for path in sorted(BOOK.glob("[0-9]*.ipynb"))]
SHORT = ("01_neurons", "02_linear_models")
WHOLE = [
    chapter
    for chapter in CHAPTERS
    if chapter.name in SHORT or os.environ.get("NNCOURSE_COLAB_CHAPTERS") == "all"
]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pins(folder):
    """Return a list of versions that installers accept as constraints."""
    freeze = Path(os.environ.get("NNCOURSE_COLAB_VERSIONS", ROOT / "constraints.txt"))
    lines = re.findall(r"^[\w.-]+==[\w.]+(?: ; .+)?$", freeze.read_text(encoding="utf-8"), re.M)
    (folder / "pins.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder / "pins.txt"


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """Make the environment, a kernel in it, and a wheel of the package for the bootstrap cell."""
    top = tmp_path_factory.mktemp("colab")
    python = top / "env" / "bin" / "python"
    packages = [*PREINSTALLED, "-c", str(pins(top))]
    packages.append("tensorflow" if "NNCOURSE_COLAB_VERSIONS" in os.environ else "tensorflow-cpu")
    source = top / "source"
    source.mkdir()
    for name in ("nncourse", "pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    uv = make_env.has_uv()
    run(*make_env.creating(top / "env", uv))
    run(*make_env.installing(top / "env", uv, *packages))
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(top))
    run(str(python), *build, str(source))
    (wheel,) = top.glob("nncourse-*.whl")
    spec = {"argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Colab", "language": "python"}  # fmt: skip
    kernel = top / "share" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(spec))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"NNCOURSE_SOURCE": f"{wheel}[chapters]", "JUPYTER_PATH": str(top / "share"),
                    "NNCOURSE_DATA": str(top / "no data"), "TQDM_DISABLE": "1",
                    "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore",
                    "XDG_CACHE_HOME": str(top / "cache")}  # fmt: skip
    return python, environment


def versions(python):
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    return json.loads(run(str(python), "-c", code))


def execute(cells, colab, folder):
    """Run the cells as a notebook of their own in Colab's kernel."""
    _, environment = colab
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        for key in set(os.environ) - set(environment):
            patch.delenv(key)
        for key, value in environment.items():
            patch.setenv(key, value)
        client = NotebookClient(
            notebook, timeout=1800, kernel_name="colab", resources={"metadata": {"path": folder}}
        )
        return client.execute()


def imports(source):
    """Return the imports of a cell, but not of an extra that a branch or `try` guards."""
    tree = ast.parse(source)
    guarded = [
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If | ast.Try)
        for node in ast.walk(branch)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            first = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            if node not in guarded or first.split(".")[0] not in EXTRAS:
                yield ast.unparse(node)


def test_the_bootstrap_cell_adds_what_chapters_import_and_changes_nothing(colab, tmp_path):
    before = versions(colab[0])
    assert not {"nncourse", "scikit-learn", "scipy"} & set(before)
    needed = {
        line
        for chapter in CHAPTERS
        for cell in chapter.code[1:]
        if "raises-exception" not in cell.metadata.get("tags", [])
        and not cell.source.startswith("%%")
        for line in imports(cell.source)
    }
    assert len(needed) > 20
    cells = [CHAPTERS[0].code[0], nbformat.v4.new_code_cell("\n".join(sorted(needed)))]
    execute(cells, colab, tmp_path)
    after = versions(colab[0])
    assert {name: after.get(name) for name in before} == before
    assert {"nncourse", "scikit-learn", "scipy"} <= set(after)
    again = execute([CHAPTERS[0].code[0]], colab, tmp_path)
    assert again.cells[0].outputs == []


@pytest.mark.parametrize("chapter", WHOLE, ids=lambda chapter: chapter.name)
def test_a_chapter_runs_alone_in_an_empty_folder(chapter, colab, tmp_path):
    """As Colab gets it: the runner's edition."""
    made = json.dumps(runner.Book().notebook(chapter.name))
    execute(nbformat.reads(made, as_version=4).cells, colab, tmp_path)

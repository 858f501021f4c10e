"""The project itself: packaging, pins, addresses, files, and that no test is forgotten."""

import importlib.metadata as metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import execution
import pytest
import repository
import suite
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def tracked_files():
    """Return the files that are or would be committed."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:  # an unpacked archive
        left_out = {".venv", "_build", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if not left_out.intersection(path.parts)]  # fmt: skip
    return [ROOT / name for name in names if (ROOT / name).is_file()]


# Pins -----------------------------------------------------------------------------------------


def test_constraints_hold_sorted_names_and_exact_versions_only():
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [a-z_]+ .+)?", line), line
    assert lines == sorted(lines, key=str.lower)


def test_every_direct_dependency_is_pinned_within_its_range():
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *(t for e in extras.values() for t in e)]:
        wanted = Requirement(text)
        if wanted.name == "nncourse":
            assert wanted.extras <= set(extras)
            continue
        pins = [pin for pin in PINS if pin.name == canonicalize_name(wanted.name)]
        assert pins, f"constraints.txt does not pin {wanted.name}"
        for pin in pins:
            (version,) = pin.specifier
            assert version.version in wanted.specifier, f"{pin} is outside {wanted}"


def test_what_is_installed_is_what_is_pinned():
    pinned = {pin.name: next(iter(pin.specifier)).version for pin in PINS
              if pin.marker is None or pin.marker.evaluate()}  # fmt: skip
    seen, queue = set(), [("nncourse", "test")]
    while queue:
        name, extra = queue.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        installed = metadata.distribution(name)
        if name != "nncourse":
            assert name in pinned, f"constraints.txt does not pin {name} {installed.version}"
            assert installed.version.split("+")[0] == pinned[name], name
        for text in installed.requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                queue += [(canonicalize_name(needed.name), e) for e in (needed.extras or {""})]
                queue.append((canonicalize_name(needed.name), ""))
    assert len(seen) > 50


def test_binder_and_conda_install_from_the_same_pins():
    environment = yaml.safe_load(read("environment.yml"))
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[chapters,tensorflow]"]}
    assert {"chapters", "tensorflow"} <= set(PYPROJECT["project"]["optional-dependencies"])
    assert [name.split("=")[0] for name in conda] == ["python", "pip"]
    python = Requirement("python" + PYPROJECT["project"]["requires-python"])
    assert conda[0].split("=")[1] in python.specifier


def test_a_gpu_is_asked_for_as_chapter_9_says():
    chapter, extras = (
        read("book/09_mnist_tensorflow.ipynb"),
        PYPROJECT["project"]["optional-dependencies"],
    )
    (asked,) = set(re.findall(r'pip install \\"\.\[([\w,]+)\]', chapter))
    needed = {Requirement(text).name for extra in asked.split(",") for text in extras[extra]}
    assert asked == "chapters,gpu" and "tensorflow-cpu" not in needed  # which would hide the GPU
    (tensorflow,) = (Requirement(t) for t in extras["gpu"] if t.startswith("tensorflow["))
    assert tensorflow.extras == {"and-cuda"} and "`tensorflow[and-cuda]`" in chapter


# The package ----------------------------------------------------------------------------------


def test_the_package_installs_and_imports_with_numpy_alone(tmp_path):
    source = tmp_path / "source"
    for name in ("nncourse", "pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    target = tmp_path / "installed"
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    install += ("--no-build-isolation", "--target", str(target), str(source))
    for path in Path(metadata.distribution("numpy").locate_file("")).glob("numpy*"):
        (tmp_path / "numpy" / path.name).parent.mkdir(exist_ok=True)
        (tmp_path / "numpy" / path.name).symlink_to(path)
    found = f"import sys; sys.path += {[str(target), str(tmp_path / 'numpy')]}\n"
    program = """
import sys, pathlib, nncourse as nn
assert nn.__version__
allowed = set(sys.stdlib_module_names) | {"numpy", "nncourse"}
foreign = {name.split(".")[0] for name in sys.modules} - allowed
x, y = nn.datasets.make_moons(64, rng=0)
model = nn.Sequential(nn.Dense(2, 8, rng=0), nn.ReLU(), nn.Dense(8, 2, rng=1))
trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, nn.Adam(model.parameters(), 0.05))
losses = trainer.fit(x, y, epochs=9)["loss"]
assert losses[-1] < losses[0] / 2
print(pathlib.Path(nn.__file__).parent, *sorted(n for n in foreign if not n.startswith("_")))
"""
    for command in (install, (sys.executable, "-I", "-S", "-c", found + program)):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    folder, *foreign = done.stdout.split()
    assert foreign == []

    def contents(top):
        return {str(path.relative_to(top)) for path in Path(top).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip

    assert contents(folder) == contents(ROOT / "nncourse")


# One address ----------------------------------------------------------------------------------


def test_the_address_is_the_same_everywhere():
    url = yaml.safe_load(read("_config.yml"))["repository"]["url"]
    assert repository.address() == url
    assert PYPROJECT["project"]["urls"]["Repository"] == url
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == url
    assert f"git+{url}" in read("book/bootstrap.ipy")
    owner_and_name = url.removeprefix("https://github.com/")
    name = owner_and_name.split("/")[1]
    for path in repository.files():
        for found in repository.ADDRESS.findall(path.read_text(encoding="utf-8")):
            if found[1].endswith(f"/{name}"):
                assert found[1] == owner_and_name, f"{path} names {found[1]}"


def test_a_fork_changes_the_address_in_one_go(tmp_path):
    for path in repository.files():
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    old, new = repository.address(), "https://github.com/somebody/her-course.v2"
    with pytest.raises(ValueError, match="expected the address of a repository"):
        repository.rewrite("somebody/her-course", tmp_path)
    changed = {path.name for path in repository.rewrite(f"{new}.git/", tmp_path)}
    assert {"_config.yml", "pyproject.toml", "CITATION.cff", "bootstrap.ipy"} <= changed
    assert repository.address(tmp_path) == new
    for path in repository.files(tmp_path):
        text = path.read_text(encoding="utf-8")
        assert old.removeprefix("https://github.com/") not in text.replace("nncourse/data", "")
    assert {path.name for path in repository.rewrite(old, tmp_path)} == changed
    for path in repository.files():
        copy = tmp_path / path.relative_to(ROOT)
        assert copy.read_bytes() == path.read_bytes() and copy.stat().st_mode == path.stat().st_mode
    assert not list(tmp_path.rglob("*.new"))


@pytest.mark.parametrize(
    "written",
    [
        "https://github.com/you/fork/",
        "https://github.com/you/fork.git",
        "http://www.github.com/you/fork.git/",
        "https://github.com/you/fork.git.git",
        "HTTPS://GitHub.com/you/fork",
        " github.com/you/fork ",
        "git@github.com:you/fork.git",
        "git@github.com:you/fork",
        "ssh://git@github.com/you/fork.git",
    ],
)
def test_an_address_is_taken_as_github_and_git_write_it(written):
    assert repository.normalized(written) == "https://github.com/you/fork"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("https://gitlab.com/you/fork", "gitlab.com will not do"),
        ("git@bitbucket.org:you/fork.git", "bitbucket.org will not do"),
        ("https://github.com.example.org/you/fork", "github.com.example.org will not do"),
        ("https://github.com/you", "expected the address"),
        ("https://github.com/you/fork/tree/main", "expected the address"),
        ("https://github.com/you/fork?tab=readme", "expected the address"),
        ("https://github.com/-you/fork", "expected the address"),
        ("https://github.com/you/.git", "expected the address"),
        ("https://github.com/you/two words", "expected the address"),
        ("you/fork", "expected the address"),
    ],
)
def test_other_addresses_are_refused(written, words):
    with pytest.raises(ValueError, match=words):
        repository.normalized(written)


def test_a_new_address_is_written_everywhere_or_nowhere(tmp_path):
    """One file cannot be written, for a folder stands where its new text should go."""
    for name in ("_config.yml", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md.new").mkdir()
    before = {path: path.read_bytes() for path in repository.files(tmp_path)}
    assert len(before) == 3
    with pytest.raises(OSError):
        repository.rewrite("https://github.com/you/fork", tmp_path)
    assert {path: path.read_bytes() for path in repository.files(tmp_path)} == before
    assert not [path for path in tmp_path.rglob("*.new") if path.is_file()]


# What is run ----------------------------------------------------------------------------------


def test_no_test_file_is_forgotten(request, collected):
    """The whole suite, that of the stage `unit`, collects each file but those of the browser's."""
    stages = {stage.name: stage.command for stage in suite.stages()}
    whole = [word for word in stages["unit"] if word in ("tests", "nncourse")]
    if not {*whole} <= {*request.config.args}:
        pytest.skip("only a part of the tests is run")
    assert "--doctest-modules" in stages["unit"] and whole == ["tests", "nncourse"]
    assert stages["unit"][stages["unit"].index("--ignore") + 1] == "tests/browser"
    assert stages["browser"][-1] == "tests/browser"
    existing = {*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("nncourse/losses.py")}
    assert existing - collected == {*ROOT.glob("tests/browser/test_*.py")}


def test_mutants_that_mean_the_same_are_of_lines_that_there_are():
    """Here, and not in hours, when `make mutants` draws one of them."""
    known = tomllib.loads((ROOT / "tests/mutants/equivalent.toml").read_text(encoding="utf-8"))
    named = [(entry["module"], entry["line"]) for entry in known["equivalent"]]
    for change in known["change"]:
        named += change["lines"]
        assert all(change["from"] in line for _, line in change["lines"])
    named += [(module, line) for module, line, part in known["looks"]["lines"] if part in line]
    for module, line in named:
        lines = (ROOT / module).read_text(encoding="utf-8").splitlines()
        assert line in map(str.strip, lines), (module, line)


def test_a_changed_package_is_run_again(tmp_path):
    """The name of the execution cache depends on code, data and versions, and on nothing else."""
    for name in ("nncourse/losses.py", "book/data/mnist.npz", "constraints.txt", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    before = execution.digest(tmp_path)
    (tmp_path / "README.md").write_text("b")
    assert execution.digest(tmp_path) == before
    for name in ("nncourse/losses.py", "book/data/mnist.npz", "constraints.txt"):
        (tmp_path / name).write_text("b")
        assert execution.digest(tmp_path) != before
        before = execution.digest(tmp_path)


# Every file -----------------------------------------------------------------------------------


def test_files_name_no_host_of_a_registry_and_no_path_of_a_machine():
    refused = re.compile("|".join((
        r"(pypi|files\.python" + r"hosted|registry\.npm" + r"js|deb\.deb" + r"ian)\.(org|com)",
        r"[\s\"'(=:]/(work|root|home/\w+)/" + r"\w",
    )))  # fmt: skip
    for path in tracked_files():
        if path.suffix in {".npz", ".gz", ".png", ".woff2"} or path == Path(__file__):
            continue
        found = refused.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"


def test_files_leave_nothing_to_be_done():
    refused = re.compile("|".join((r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", "coming" + " soon")))
    for path in tracked_files():
        if path.suffix in {".py", ".md", ".ipynb", ".yml", ".toml", ".cff"}:
            found = refused.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"


def test_files_fit_on_a_few_screens():
    """In the package only lines of code count: see tests/test_public_api.py."""
    for path in tracked_files():
        if path.suffix == ".py" and not path.is_relative_to(ROOT / "nncourse"):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, path

"""Do the tests notice an error? Change one operator, comparison or number of the package at a time.

``make mutants`` draws a sample of such *mutants*, made by cosmic-ray, and runs against each the
tests of its module, in a copy of the repository. A mutant that passes them all has survived: a test
is missing, or the mutant means the same (*equivalent*) and belongs, with the reason, in
equivalent.toml. *Unsound* is one whose killer fails without it, too. The run fails then, and when
fewer than 95 % of the others are killed::

    make mutants SAMPLE=40 SEED=3

The grader (nncourse/classroom) and the checks of exercises (nncourse/exercises), which have tests
of this kind of their own, are not sampled.
"""

import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
LEFT_OUT = "nncourse/classroom/", "nncourse/exercises/", "__init__.py"
AT_LEAST, SECONDS = 0.95, 300
KILLER = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.M)
TOGETHER = "layers", "training"  # folders whose tests are about all that is in them
SHARED = ("tests/layers", "tests/training", "tests/test_losses.py", "tests/test_metrics.py")
BESIDES = {  # modules whose tests have another name or place
    "layers": ("tests/test_parity.py",),
    "training": ("tests/test_parity.py",),
    "language": ("tests/layers/test_numbers.py", "tests/layers/test_masks.py"),
    "_checks": SHARED,
    "architectures": ("tests/scale/test_counting.py",),
    "convnets": ("tests/layers",),
    "pretrained": ("tests/language/test_safetensors.py", "tests/language/test_austen.py"),
    "bytepair": ("tests/language/test_tokenizers.py",),
    "wordpiece": ("tests/language/test_tokenizers.py",),
    "activations": ("tests/test_parity.py", "tests/layers/test_numbers.py"),
    "initializers": ("tests/layers",),
    "losses": ("tests/test_parity.py", "tests/training"),
    "metrics": ("tests/training",),
}


def places(path):
    """Return, for each place of a module where something can be changed, its mutants."""
    tree, found = get_ast((ROOT / path).read_text(encoding="utf-8")), {}
    for name in sorted(cosmic_ray.plugins.operator_names()):
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        spans = (span for node in ast_nodes(tree) for span in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(spans):
            family = name.split("/")[1].split("_")[0]
            found.setdefault((path, start, family), []).append((name, occurrence))
    return found


def sample(size, seed):
    """Draw places, each as likely as any other, and one mutant of each."""
    listed = subprocess.run(
        ["git", "ls-files", "nncourse/*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    modules = [m for m in listed if not m.startswith(LEFT_OUT[:2]) and not m.endswith(LEFT_OUT[2])]
    everything = {place: mutants for m in modules for place, mutants in places(m).items()}
    print(f"{len(modules)} modules, {len(everything)} places", flush=True)
    rng = random.Random(seed)
    drawn = []
    for place in rng.sample(sorted(everything), len(everything)):
        drawn.append((place[0], *rng.choice(everything[place])))
        try:
            compile(
                change((ROOT / place[0]).read_text(encoding="utf-8"), *drawn[-1][1:])[0], "", "exec"
            )
        except SyntaxError:  # the star of keyword arguments is taken for a product
            drawn.pop()
        if len(drawn) == size:
            break
    return drawn


def tests_of(path):
    """Return the tests of a module: of its name, else its folder's, its examples, bad input."""
    *_, folder = ("", *Path(path).parts[1:-1])
    stem = Path(path).stem
    where = ROOT / "tests" / folder
    named = sorted(where.glob(f"test_{stem.strip('_')}*.py"))
    chosen = [str(file.relative_to(ROOT)) for file in named]
    if folder in TOGETHER or (folder and not named):
        chosen.append(f"tests/{folder}")
    chosen += [
        *BESIDES.get(folder, ()),
        *BESIDES.get(stem, ()),
        path,
        "tests/test_bad_input.py",
        "tests/test_pickles.py",
    ]
    return list(dict.fromkeys(chosen))


def attempt(copy, tests, options):
    """Run in a process of its own, which has the heavy modules already."""
    log = os.open(copy / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1), os.dup2(log, 2)
    os.setsid()
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)
    sys.path.insert(0, str(copy))
    sys.dont_write_bytecode = "-x" in options
    import pytest

    tmp = ("-p", "no:cacheprovider", "--basetemp", str(copy.parent / "tmp"))
    os._exit(pytest.main(["-q", "--doctest-modules", *tmp, *options, *tests]))


def passes(copy, tests, *options):
    """Return whether the tests pass; those that do not end have failed."""
    process = multiprocessing.get_context("fork").Process(
        target=attempt, args=(copy, tests, options)
    )
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        os.killpg(process.pid, 9)
        process.join()
    return process.exitcode == 0


def change(source, name, occurrence):
    """Return a module changed at one place, and the line before and after."""
    mutant = MutationVisitor.mutate_code(
        source, cosmic_ray.plugins.get_operator(name)(), occurrence
    )
    pairs = zip(source.splitlines(), mutant.splitlines(), strict=False)
    number, old, new = next(
        (i, a.strip(), b.strip()) for i, (a, b) in enumerate(pairs, 1) if a != b
    )
    return mutant, number, old, new


def known_equivalents():
    """Return a function that says whether equivalent.toml names a mutant."""
    known = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    named = {(one["module"], one["line"], one["mutant"]) for one in known["equivalent"]}
    for change in known["change"]:
        for module, line in change["lines"]:
            named.add((module, line, line.replace(change["from"], change["to"])))
    kinds = [(re.compile(kind["mutant"]), kind["line"]) for kind in known["kind"]]
    looks = [
        (module, line, re.compile(_other_numbers(line, part)))
        for module, line, part in known["looks"]["lines"]
    ]

    def equivalent(path, old, new):
        return (
            (path, old, new) in named
            or any(mutant.sub(line, new) == old for mutant, line in kinds)
            or any(
                (path, old) == (module, line) and pattern.fullmatch(new.replace(" ", ""))
                for module, line, pattern in looks
            )
        )

    return equivalent


def _other_numbers(line, part):
    """Return a pattern of a line, without spaces, in which the numbers of a part are any others."""
    before, part, after = line.replace(" ", "").partition(part.replace(" ", ""))
    part = re.sub(r"\d+(?:\\\.\d+)?", r"[\\d.]+", re.escape(part))
    return re.escape(before) + part + re.escape(after)


def main(size, seed):
    """Try a sample; return whether enough were killed."""
    for heavy in "pytest", "numpy", "scipy.stats", "sklearn.metrics", "matplotlib":
        __import__(heavy)
    equivalent = known_equivalents()
    counts, sound = {"killed": 0, "equivalent": 0, "survived": 0, "unsound": 0}, {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        for name in filter(None, files.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
        for path, name, occurrence in sample(size, seed):
            source, start = (ROOT / path).read_text(encoding="utf-8"), time.monotonic()
            mutant, number, old, new = change(source, name, occurrence)
            tests = tests_of(path)
            if equivalent(path, old, new):
                what = "equivalent"
            else:
                (copy / path).write_text(mutant, encoding="utf-8")
                what = "survived" if passes(copy, tests, "-x") else "killed"
                (copy / path).write_text(source, encoding="utf-8")
                killer = KILLER.search((copy / "log").read_text(errors="replace"))
                if (
                    what == "killed"
                    and killer
                    and not sound.setdefault(
                        killer[1], killer[1] in sound or passes(copy, [killer[1]])
                    )
                ):
                    what = "unsound"
            counts[what] += 1
            seconds = time.monotonic() - start
            print(f"{what} {seconds:.0f} s {path}:{number}\n  - {old}\n  + {new}", flush=True)
    tried = counts["killed"] + counts["survived"]
    print(f"seed {seed}: {counts}; killed {counts['killed']} of {tried}")
    return counts["killed"] >= AT_LEAST * tried and not counts["unsound"]


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))

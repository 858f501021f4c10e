"""What tests share: figures without a screen, the same examples in every run, no network."""

import ctypes
import os
import shutil
import subprocess

import matplotlib
import pytest
from hypothesis import settings

from nncourse import downloads

matplotlib.use("agg")
settings.register_profile("nncourse", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("nncourse")

collect_ignore = ["golden", "mutants"]  # they need PyTorch and cosmic-ray, which the tests do not
COLLECTED = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Keep in mind which files hold tests, before any is left out."""
    config.stash[COLLECTED] = {item.path for item in items}


@pytest.fixture
def collected(request):
    """The files of all tests that were found, also of those that are not run now."""
    return request.config.stash[COLLECTED]


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("NNCOURSE_OFFLINE", "1")
    monkeypatch.delenv("NNCOURSE_DATA", raising=False)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A machine without a clone: the package is installed elsewhere; the (empty) user's cache."""
    monkeypatch.setattr(downloads, "__file__", str(tmp_path / "lib" / "nncourse" / "downloads.py"))
    monkeypatch.setattr(downloads, "_cache", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def sandboxed():
    """Leave a test out where bubblewrap, tried without any code of ours, cannot do its work."""
    trial = ["bwrap", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
    if os.getuid() != 0:
        trial.insert(1, "--unshare-user")
    if shutil.which("bwrap") is None:
        pytest.skip("not run: bubblewrap is not installed (on Debian: apt-get install bubblewrap)")
    if why := subprocess.run(trial, capture_output=True, text=True).stderr:
        pytest.skip(f"not run: bubblewrap does not work here: {why.splitlines()[0]}")
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("not run: libseccomp is not installed (on Debian: apt-get install libseccomp2)")

"""What tests share: figures without a screen, the same examples in every run, no network."""

import matplotlib
import pytest
from hypothesis import settings

from nncourse import downloads

matplotlib.use("agg")
settings.register_profile("nncourse", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("nncourse")

collect_ignore = ["golden"]  # its generator needs PyTorch, which the tests do not


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

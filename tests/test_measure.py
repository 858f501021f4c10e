"""The cost of a run: measured where it can be, and said without it elsewhere."""

import re
import sys
from types import SimpleNamespace

import pytest

from nncourse.measure import Run


def test_a_run_says_what_it_took():
    assert re.fullmatch(r"This run: \d+ s, peak memory \d+ MB", repr(Run()))


def test_a_run_without_the_means_to_measure_memory_says_its_time(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert re.fullmatch(r"This run: \d+ s", repr(Run()))
    with pytest.raises(RuntimeError, match=r"is not measured on .*; use WSL, Colab or Binder"):
        Run().megabytes  # noqa: B018


@pytest.mark.parametrize(("platform", "megabytes"), [("linux", 2048), ("darwin", 2)])
def test_memory_comes_in_kibibytes_or_on_a_mac_in_bytes(monkeypatch, platform, megabytes):
    usage = SimpleNamespace(ru_maxrss=2_000_000)
    fake = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: usage)
    monkeypatch.setitem(sys.modules, "resource", fake)
    monkeypatch.setattr(sys, "platform", platform)
    assert Run().megabytes == megabytes

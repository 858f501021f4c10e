"""The cost of a run: measured where it can be, and said without it elsewhere."""

import re
import sys

import pytest

from nncourse.measure import Run


def test_a_run_says_what_it_took():
    assert re.fullmatch(r"This run: \d+ s, peak memory \d+ MB", repr(Run()))


def test_a_run_without_the_means_to_measure_memory_says_its_time(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert re.fullmatch(r"This run: \d+ s", repr(Run()))
    with pytest.raises(RuntimeError, match=r"is not measured on .*; use WSL, Colab or Binder"):
        Run().megabytes  # noqa: B018

"""Modules of 0.1 under their old names."""

import importlib
import subprocess
import sys
from importlib.util import find_spec

import pytest

from bpcompare.former import HOMES


@pytest.mark.parametrize("old", HOMES)
def test_every_old_name_leads_somewhere(old):
    """A plugin written for 0.1 would fail on its first import."""
    assert find_spec(f"bpcompare.{HOMES[old]}") is not None


def test_an_old_name_is_the_module_of_today():
    """A Record of the old name would be another class than the one that is asked for, and every answer refused."""
    code = "import bpcompare.record, bpcompare.ball.array; print(bpcompare.record.Record, bpcompare.ball.array.__name__)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "<class 'bpcompare.plan.record.Record'> bpcompare.numbers.ball.array"


def test_an_old_name_says_where_the_module_stands():
    """Whoever keeps a plugin would learn of the new name on the day when the old one is gone."""
    sys.modules.pop("bpcompare.parameter", None)
    with pytest.warns(DeprecationWarning, match=r"bpcompare\.parameter is bpcompare\.network\.parameter"):
        importlib.import_module("bpcompare.parameter")


def test_what_never_was_is_not_found():
    """A misspelt module would be taken for one that has moved."""
    assert find_spec("bpcompare.recrod") is None

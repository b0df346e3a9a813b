"""Suites of every kind, and ends of every kind: what was planted is gone with the process that it was planted in."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bpcompare.tools.doubt.children import children
from bpcompare.tools.doubt.doubt import Doubt, tried
from bpcompare.tools.doubt.mutants import Mutant
from bpcompare.tools.doubt.seen import Found, Seen
from bpcompare.tools.doubt.suite import Suite
from bpcompare.tools.doubt.text import text

AWAY = """
import os, pytest
from ops import swish_backward  # before any plugin is configured

@pytest.fixture(autouse=True)
def elsewhere(tmp_path):
    os.chdir(tmp_path)
    yield
"""
HANGS = """
import os, time, pathlib
import numpy as np
from ops import swish_backward

def test_it():
    if not swish_backward(np.ones(2), np.ones(2)).any():
        pathlib.Path(os.environ["PIDS"]).write_text(f"{os.getpid()} ")
        time.sleep(600)
"""
ONE = """

def test_it():
    assert swish_backward(np.ones(2), np.ones(2)).sum() > 0
"""
SHARED = """
import numpy as np
import pytest
from ops import swish_backward as aliased

@pytest.fixture(scope="module")
def gradient():
    return aliased(np.ones(3), np.array([1.0, -1.0, 2.0]))

def test_first(gradient):
    assert len(gradient) == 3

def test_second(gradient):
    assert gradient[0] > 0

@pytest.mark.parametrize("function", [aliased])
def test_third(function):
    assert function(np.ones(1), np.ones(1)) > 0
"""


@pytest.mark.slow
def test_a_suite_with_a_configuration_of_its_own(doubted, project):
    """xdist, no cache, warnings as errors and another working folder are what real projects have."""
    pytest.importorskip("xdist")
    folder = project("numpy")
    options = "-n 1 -p no:cacheprovider --junit-xml=out.xml"
    (folder / "pytest.ini").write_text(f"[pytest]\nstrict = true\nfilterwarnings = error\naddopts = {options}\n")
    (folder / "conftest.py").write_text(AWAY)
    found = doubted("test_blind.py", of="ops:swish_backward", only=["sign", "dy-ignored"])
    assert [fate["status"] for fate in found.fates.values()] == ["killed", "same"], found.err
    assert "<testsuite " in (folder / "out.xml").read_text()
    assert 'failures="0"' in (folder / "out.xml").read_text(), "the report of the run without mutants"


def test_what_a_fixture_computes_for_several_tests(doubted, project):
    """The test that would notice runs no backward itself, and would not be run; a function held by another name is another."""
    (project("numpy") / "test_shared.py").write_text(SHARED)
    found = doubted("test_shared.py", of="ops:swish_backward", only=["sign"])
    assert found.fates["sign"]["by"] == "test_shared.py::test_second"
    assert "3 tests run this backward" in found.out


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_a_backward_in_the_test_file_itself(doubted, project, mode):
    """Small projects have everything in one file, which pytest imports in ways of its own."""
    folder = project("numpy")
    (folder / "pytest.ini").write_text(f"[pytest]\naddopts = --import-mode={mode}\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_one.py").write_text((folder / "ops.py").read_text() + ONE)
    of = "tests.test_one:swish_backward" if mode == "importlib" else "test_one:swish_backward"
    found = doubted("tests", of=of, only=["sign"])
    assert found.code == 0, found
    assert found.fates["sign"]["by"] == "tests/test_one.py::test_it"


def test_a_mutant_that_makes_tests_hang(doubted, project, monkeypatch):
    """The command would never end."""
    monkeypatch.setenv("PIDS", "pids")
    (project("numpy") / "test_hangs.py").write_text(HANGS)
    found = doubted("test_hangs.py", "--timeout", 3, of="ops:swish_backward", only=["zero"])
    assert found.code == 0
    assert "timeout: your tests did not end" in found.out
    assert "1 of the killed by the timeout" in found.out


def test_a_budget_that_is_over(tmp_path):
    """Mutants that nobody tried would count as killed."""
    with children() as running:
        suite = Suite([], "ops", "swish_backward", "", tmp_path, running)
        fates = list(tried(suite, running, [Mutant("sign", 0), Mutant("zero", 0)], 1.0, 1, end=0.0))
    it = Doubt("ops:swish_backward", Found("plain", "swish_backward"), Seen(calls=1), 1, 1.0, every=False, fates=fates)
    assert (it.exit_code, it.count("not tried")) == (4, 2)
    assert text(it).endswith("killed 0 of 2  2 not tried")


def test_a_test_that_fails_by_itself_kills_nothing(doubted, project):
    """A flaky test would be praised for what it did not notice."""
    path = project("numpy") / "test_flaky.py"
    path.write_text(
        "import os, pathlib\nimport numpy as np\nfrom ops import swish_backward\n\n"
        "def test_it():\n    swish_backward(np.ones(2), np.ones(2))\n"
        "    seen = pathlib.Path(__file__).with_suffix('.seen')\n    assert not seen.exists()\n    seen.touch()\n"
    )
    found = doubted("test_flaky.py", of="ops:swish_backward", only=["dy-ignored"])
    assert found.code == 4
    assert "though no number was changed" in found.out


@pytest.mark.sampled(3)
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, *([signal.SIGKILL] if sys.platform == "linux" else [])])
def test_no_process_is_left(project, number, tmp_path):
    """Somebody presses Ctrl-C, and a pytest with a mutant in it goes on for hours."""
    (project("numpy") / "test_hangs.py").write_text(HANGS)
    pids, folder = tmp_path / "pids", tmp_path / "temporary"
    folder.mkdir()
    command = [sys.executable, "-m", "bpcompare", "doubt", "test_hangs.py", "--of", "ops:swish_backward", "--only", "zero"]
    with subprocess.Popen(
        command, env=os.environ | {"PIDS": str(pids), "TMPDIR": str(folder)}, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 120
        while not (pids.exists() and pids.read_text().endswith(" ")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in said
    assert _is_gone(int(pids.read_text()))
    assert number == signal.SIGKILL or not list(folder.glob("bpcompare-doubt-*"))


def _is_gone(pid):
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False

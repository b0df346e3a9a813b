"""The documents, and a folder to run them in."""

import os
import re
import shlex
import shutil
from importlib.util import find_spec

import pytest

from bpcompare.cli import main
from places import ROOT


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """shell(command): what a terminal would show, in a folder that has the examples. Knows bpcompare and `echo $?`."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    code = 0

    def call(command):
        nonlocal code
        if command == "echo $?":
            return f"{code}\n"
        program, *words = shlex.split(command)
        assert program == "bpcompare", f"documents run bpcompare, not {program}"
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return said.out + (said.err if not said.out else "")

    return call


@pytest.fixture
def needs():
    """needs(text): skip where the text speaks of a framework that is not installed."""

    def check(text):
        for framework in ("torch", "jax"):
            if re.search(rf"\b{framework}\b", text) and find_spec(framework) is None:
                pytest.skip(f"{framework} is not installed")

    return check


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns without colour, whatever the caller's is."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in [key for key in os.environ if key in {"FORCE_COLOR", "CLICOLOR_FORCE"}]:
        monkeypatch.delenv(name)

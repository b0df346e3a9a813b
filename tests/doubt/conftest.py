"""Projects with a backward by hand and its tests, and the command that doubts them."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from bpcompare.cli import main

SUITES = Path(__file__).parent / "suites"


class Said(NamedTuple):
    """Exit code and both streams; `fates` by kind, from the JSON."""

    code: int
    out: str
    err: str
    fates: dict


@pytest.fixture
def project(tmp_path, monkeypatch):
    """project("numpy"): a copy of that project, in which we are."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)

    def make(name):
        folder = Path(shutil.copytree(SUITES / f"{name}_project", tmp_path / "project"))
        monkeypatch.chdir(folder)
        return folder

    return make


@pytest.fixture
def doubted(capsys, tmp_path):
    """doubted("test_blind.py", of="ops:Swish", only=["sign"]): what the command says."""

    def call(*words, of, only=(), behind=()):
        kinds = [word for kind in only for word in ("--only", kind)]
        path = tmp_path / "said.json"
        options = ["--of", of, *kinds, "--json", str(path)]
        code = main(["doubt", *map(str, words), *options, *(["--", *behind] if behind else [])])
        found = json.loads(path.read_text()) if path.exists() else {"mutants": []}
        fates = {" ".join([one["kind"], one["gradient"] or ""]).strip(): one for one in found["mutants"]}
        return Said(code, *capsys.readouterr(), fates)

    return call

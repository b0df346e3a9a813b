"""The import contracts name what they are about. Whether they are kept, lint-imports says."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
ANSWER_SHEETS_ONLY = {
    "blame",
    "certificate",
    "change",
    "comparison",
    "diagnosis",
    "exact",
    "finding",
    "kinks",
    "latitude",
    "movement",
    "oracle",
    "pairs",
    "plain",
    "power",
    "structure",
}
MARKING_SCHEME = ANSWER_SHEETS_ONLY | {
    "address",
    "archive",
    "asked",
    "audit",
    "ball",
    "claims",
    "dyadic",
    "formula",
    "golden",
    "grading",
    "isolation",
    "learn",
    "mistakes",
    "page",
    "registry",
    "report",
    "session",
    "symbolic",
    "transcript",
    "values",
    "worked",
}


def _contract(name):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return next(contract for contract in settings["tool"]["importlinter"]["contracts"] if contract["name"] == name)


def _existing(names):
    found = ((name, find_spec(f"bpcompare.{name}")) for name in sorted(names))
    return {f"bpcompare.{name}" for name, spec in found if spec is not None and spec.origin is not None}


def test_examinees_see_no_part_of_the_marking_scheme():
    """A new part of the judgement could be imported by a backend, and no contract would mind."""
    forbidden = set(_contract("The examinee does not see the marking scheme")["forbidden_modules"])
    assert forbidden == _existing(MARKING_SCHEME)


def test_examiners_see_only_answer_sheets():
    """A new part of the judgement could look at who computed what it judges."""
    sources = set(_contract("The examiner sees only the answer sheets")["source_modules"])
    assert sources == _existing(ANSWER_SHEETS_ONLY)


def test_layers_name_every_module():
    """A new module would stand outside the order of layers."""
    named = set()
    for line in _contract("A layer imports only those below it")["layers"]:
        named |= {name.strip(" ()") for name in line.replace("|", ":").split(":")}
    package = Path(find_spec("bpcompare").origin).parent
    modules = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert modules - {"__init__", "__main__"} <= named

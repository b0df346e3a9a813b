"""The import contracts name what they are about. Whether they are kept, lint-imports says."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

from places import ROOT

SEEN = {"backend", "cli", "files", "laws", "network", "ops", "plan", "program", "spec", "testing", "text"}
"""Rooms that a backend may look into. `delta` reads the laws; a contract of their own keeps frameworks out of them."""
JUDGES = {"mistakes", "proof", "verdict"}
FLAT = {"__init__", "__main__", "former", "pytest_own", "pytest_plugin"}
PACKAGE = Path(find_spec("bpcompare").origin).parent
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def _contract(name):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return next(contract for contract in settings["tool"]["importlinter"]["contracts"] if contract["name"] == name)


def test_examinees_see_no_part_of_the_marking_scheme():
    """A new room of the judgement could be imported by a backend, and no contract would mind."""
    forbidden = set(_contract("The examinee does not see the marking scheme")["forbidden_modules"])
    judging = {f"bpcompare.{room}" for room in ROOMS - SEEN - {"numbers"}}
    assert forbidden == judging | {"bpcompare.numbers.ball", "bpcompare.numbers.dyadic"}


def test_examiners_see_only_answer_sheets():
    """A room of the judgement could look at who computed what it judges."""
    sources = set(_contract("The examiner sees only the answer sheets")["source_modules"])
    assert sources == {f"bpcompare.{room}" for room in JUDGES}


def test_layers_name_every_room():
    """A new room would stand outside the order of imports."""
    named = set()
    for line in _contract("A room imports only those below it")["layers"]:
        named |= {name.strip() for name in line.replace("|", ":").split(":")}
    assert named == ROOMS | {"pytest_own", "pytest_plugin"}


def test_every_module_stands_in_a_room():
    """A newcomer would have to look through a list of files to find where a line belongs."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == FLAT


def test_one_exception_to_the_order():
    """The order of imports would be worth less with each import that need not keep it."""
    assert len(_contract("A room imports only those below it")["ignore_imports"]) == 1


def test_the_map_shows_the_order():
    """ARCHITECTURE.md would show newcomers another order of rooms than the one that is checked."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    shown = [room for room in re.findall(r"^      (\w+)/", page, re.MULTILINE) if room in ROOMS]
    lines = [re.split(r"[:| ]+", line) for line in _contract("A room imports only those below it")["layers"]]
    level = {room: number for number, line in enumerate(reversed(lines)) for room in line}
    assert [level[room] for room in shown] == sorted(level[room] for room in shown)
    assert set(shown) == ROOMS


def test_frameworks_know_of_the_laws_numbers_only_what_an_arithmetic_is():
    """A backend could compute with the laws' own arithmetic, and its agreement would be worth nothing."""
    lenders = sorted(path.parent.name for path in (ROOT / "backends").glob("*/number.py"))
    exceptions = _contract("Frameworks do not confer with the laws")["ignore_imports"]
    assert sorted(exceptions) == [f"{lender}.number -> bpcompare.numbers.lent" for lender in lenders]
    kept = _contract("What is lent to the examiner is not used by the backend")
    assert sorted(kept["source_modules"]) == [f"{lender}.backend" for lender in lenders]
    assert sorted(kept["forbidden_modules"]) == [f"{lender}.number" for lender in lenders]
    for lender in lenders:
        for path in (ROOT / "backends" / lender).glob("*.py"):
            assert not re.search(rf"{lender}\.number|import number|from \.number", path.read_text(encoding="utf-8")), path

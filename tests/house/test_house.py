"""House rules that no other tool checks."""

import ast
import re
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import bpcompare
from places import ROOT

PACKAGES = ("bpcompare", "bpcompare_delta", "bpcompare_torch", "bpcompare_jax")
FOUND = [Path(spec.origin).parent for name in PACKAGES if (spec := find_spec(name)) and spec.origin]
SOURCES = sorted(path for package in FOUND for path in package.rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_one_version():
    """`bpcompare --version` and the package index would disagree."""
    assert bpcompare.__version__ == version("bpcompare")


def test_files_stay_small():
    """One file would eat the others."""
    assert not [path for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) >= 400]


def test_modules_are_named_after_what_they_hold():
    """A module called utils holds what nobody will look for there."""
    assert not [path for path in SOURCES if path.stem in {"util", "utils", "helpers", "manager", "engine", "common", "misc"}]


def test_every_test_says_what_breaks():
    """A failing test would not say why anybody should mind."""
    silent = []
    for path in TESTS:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        tests = (node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
        silent += [f"{path.relative_to(ROOT)}::{test.name}" for test in tests if not ast.get_docstring(test)]
    assert not silent


def test_constraints_are_exact_and_cover_what_we_need():
    """`make run` would install other versions tomorrow than today."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert not [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin)]
    pinned = {_normal(pin.partition("==")[0]) for pin in pins}
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    needs = [*project["dependencies"], *(need for extra in project["optional-dependencies"].values() for need in extra)]
    needs += [need for group in groups.values() for need in group if isinstance(need, str)]
    names = {_normal(re.match(r"[A-Za-z0-9._-]+", need)[0]) for need in needs} - {"bpcompare"}
    assert names <= pinned


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

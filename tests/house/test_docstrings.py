"""Docstrings of functions that callers cannot use without one: many arguments, or exceptions that they must expect."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("bpcompare", "backends") for path in (ROOT / folder).rglob("*.py"))
MANY, WORDS = 4, 12
"""From so many parameters on, a docstring has at least so many words."""
TABLES = {("op", "xs", "parameters", "extra")}
"""Signatures that all rows of one table share, here of a backend's lowerings: they are explained once, at the table."""
COMMANDS = ROOT / "bpcompare" / "cli"
"""Parameters of commands carry their own help, in `Annotated[…, Parameter(help=…)]`."""


def _public(body, owner=""):
    """Every public function of a module and every public method of a public class, with its name."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield owner + node.name, node


def _parameters(function):
    """Names of its parameters, but for `self` and `cls`."""
    it = function.args
    every = [*it.posonlyargs, *it.args, it.vararg, *it.kwonlyargs, it.kwarg]
    return tuple(one.arg for one in every if one is not None and one.arg not in ("self", "cls"))


def _own(node):
    """What a function does itself; functions and classes inside it are left out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
            yield from _own(child)


def _raised(function):
    """Exceptions that it makes and raises itself, by the name of their class: what begins in lower case is a function."""
    for node in _own(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            if name[:1].isupper() and name != "NotImplementedError":
                yield name


def _excepted(path, name, parameters):
    """The rules of this test for who needs no longer docstring."""
    is_command = path.parent == COMMANDS
    is_hook = path.name == "pytest_plugin.py" and name.startswith("pytest_")
    return is_command or is_hook or parameters in TABLES


def _short(path):
    """Functions of many parameters whose docstring has too few words."""
    for name, function in _public(ast.parse(path.read_text(encoding="utf-8")).body):
        parameters = _parameters(function)
        words = (ast.get_docstring(function) or "").split()
        if len(parameters) >= MANY and len(words) < WORDS and not _excepted(path, name, parameters):
            yield f"{path.relative_to(ROOT)}:{function.lineno} {name}: {len(words)} words, {len(parameters)} parameters"


def _unnamed(path):
    """Functions that raise what their docstring does not name. A test fails by AssertionError, which need not be said."""
    for name, function in _public(ast.parse(path.read_text(encoding="utf-8")).body):
        text = ast.get_docstring(function) or ""
        is_test = name.rpartition(".")[2].startswith("test_")
        for error in sorted(set(_raised(function)) - ({"AssertionError"} if is_test else set())):
            if not re.search(rf"\b{error}\b", text):
                yield f"{path.relative_to(ROOT)}:{function.lineno} {name}: raises {error}"


def test_many_parameters_are_explained():
    """A caller guesses shapes, units and order of four or more arguments, and learns them from wrong numbers."""
    assert [found for path in SOURCES for found in _short(path)] == []


def test_exceptions_are_named():
    """A caller cannot catch what a function raises, for its docstring does not say it."""
    assert [found for path in SOURCES for found in _unnamed(path)] == []


@pytest.mark.parametrize(
    ("source", "short", "unnamed"),
    [
        ('def f(a, b, c, d):\n    """Too short."""', 1, 0),
        ('def f(a, b, c):\n    """Too short."""', 0, 0),
        ('def _f(a, b, c, d):\n    """Too short."""', 0, 0),
        ('class A:\n    def f(self, a, b, c, *, d):\n        """Too short."""', 1, 0),
        ('class _A:\n    def f(self, a, b, c, *, d):\n        """Too short."""', 0, 0),
        ('def f(op, xs, parameters, extra):\n    """A row."""', 0, 0),
        ('def f():\n    """Nothing of it."""\n    if f:\n        raise x.ValueError("no")', 0, 1),
        ('def f():\n    """Raises ValueError."""\n    raise ValueError("no")', 0, 0),
        ('def f():\n    """Not its own."""\n    def g():\n        raise ValueError("no")', 0, 0),
        ('def f():\n    """For subclasses."""\n    raise NotImplementedError("no")', 0, 0),
        ('def test_f():\n    """Fails."""\n    raise AssertionError("no")', 0, 0),
    ],
)
def test_what_is_found(source, short, unnamed, tmp_path, monkeypatch):
    """The two tests above could pass because they find nothing."""
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert (len(list(_short(path))), len(list(_unnamed(path)))) == (short, unnamed)

"""The line of a backend's own file that is to blame, found by reading the file: nothing is imported."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from bpcompare.plan.path import Path as QuantityPath
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.verdict.comparison import Comparison

LARGEST_FILE = 2 * 2**20
"""Bytes of a file that is read."""
_FRAME = re.compile(r'File "([^"\n]+)", line (\d{1,9})')


def blamed_line(comparison: Comparison, backend: str, path: str = "") -> tuple[str, int] | None:
    """File (from here, if it lies below) and line of what made the number at `path`; without one, where the run failed.

    None for a backend that is no file, or whose file shows nothing.
    """
    found = re.fullmatch(r"(.+\.py):([\w.]+)(?:@.*)?", comparison.records[backend].provenance.address)
    if found is None:
        return None
    file = Path(found[1])
    line = _of(comparison, file, found[2], path) if path else _raised(comparison.certificates[backend].failure or "", file)
    return (_from_here(file), line) if line else None


def _from_here(file: Path) -> str:
    here = Path.cwd()
    return os.path.relpath(file, here).replace(os.sep, "/") if here in file.parents else str(file)


def _raised(failure: str, file: Path) -> int:
    lines = [int(line) for name, line in _FRAME.findall(failure) if Path(name) == file]
    return lines[-1] if lines else 1


def _of(comparison: Comparison, file: Path, attribute: str, path: str) -> int:
    tree, name = _parsed(file), attribute.rpartition(".")[2]
    found = [] if tree is None else [one for one in ast.walk(tree) if isinstance(one, ast.ClassDef) and one.name == name]
    if tree is None or not found:
        return 1
    cls = found[0]
    claim = question(comparison.plan).by_path.get(QuantityPath(path).bare)
    run = next((one.lineno for one in cls.body if isinstance(one, ast.FunctionDef) and one.name == "run"), 0)
    row = next(_rows(tree, cls, claim), 0) if claim is not None else 0
    # Who writes `run` does the backward pass there; who leaves it to a framework has rows only.
    forward = claim is not None and claim.statement in ("forward", "state")
    return (row or run if forward or not run else run) or cls.lineno


def _rows(tree: ast.Module, cls: ast.ClassDef, claim: Claim) -> Iterator[int]:
    """Lines of the functions in the class's table for the ops that a claim is about."""
    functions = {one.name: one.lineno for one in tree.body if isinstance(one, ast.FunctionDef)}
    ops = {type(op).__name__ for _, op in claim.owners}
    for statement in cls.body:
        named = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        table = getattr(statement, "value", None)
        if not isinstance(table, ast.Dict) or not any(isinstance(one, ast.Name) and one.id == "table" for one in named):
            continue
        for key, value in zip(table.keys, table.values, strict=True):
            if _name(key) in ops and (line := functions.get(_name(value), value.lineno if isinstance(value, ast.Lambda) else 0)):
                yield line


def _name(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes()) if file.is_file() and file.stat().st_size <= LARGEST_FILE else None
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None

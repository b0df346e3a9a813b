"""Terms of sums in the source of a backward, and the backward without one of them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

MOST = 12
"""Terms that are left out, one by one; those of a longer backward come in the order of its lines."""
_LENGTH = 24


def terms(function: Callable[..., Any]) -> list[str]:
    """Each term that can be left out, in words: `s in 1 - s, line 12`. None where there is no Python source."""
    found = _source(function)
    if found is None:
        return []
    tree, line, _ = found
    sums = [(node.left if left else node.right, node) for node, left in _sums(tree)]
    return [f"{_brief(term)} in {_brief(node)}, line {line + node.lineno - 1}" for term, node in sums]


def without(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """The function without its term number `at`, as `terms` counts. Raises ValueError where it cannot be made."""
    found = _source(function)
    if found is None:
        raise ValueError("it has no Python source")
    tree, line, plain = found
    node, left = list(_sums(tree))[at]
    kept: ast.expr = node.right if left else node.left
    if left and isinstance(node.op, ast.Sub):
        kept = ast.UnaryOp(ast.USub(), kept)
    tree = ast.fix_missing_locations(_Without(node, kept).visit(tree))
    ast.increment_lineno(tree, line - 1)
    free = plain.__code__.co_freevars
    # A function around it gives the free variables the places that they have in a closure.
    outer = ast.parse(f"def outer({', '.join(free)}):\n    pass")
    whole = outer.body[0]
    if not isinstance(whole, ast.FunctionDef):
        raise ValueError("it is no function")  # pragma: no cover
    whole.body = [tree]
    code = _code(compile(ast.fix_missing_locations(outer), plain.__code__.co_filename, "exec"), plain.__name__)
    if code is None or set(code.co_freevars) - set(free):
        raise ValueError("its source is not the whole of it")
    cells = dict(zip(free, plain.__closure__ or (), strict=True))
    new = FunctionType(
        code, plain.__globals__, plain.__name__, plain.__defaults__, tuple(cells[name] for name in code.co_freevars)
    )
    new.__kwdefaults__ = plain.__kwdefaults__
    return new


def _source(function: Callable[..., Any]) -> tuple[ast.FunctionDef, int, FunctionType] | None:
    """The definition without its decorators, the line where its text begins, and the function itself."""
    plain = inspect.unwrap(function)
    if not isinstance(plain, FunctionType):
        return None
    try:
        lines, line = inspect.getsourcelines(plain)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    node = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(node, ast.FunctionDef):
        return None
    node.decorator_list = []
    return node, line, plain


def _sums(tree: ast.AST) -> list[tuple[ast.BinOp, bool]]:
    """Sums and differences of what is returned or assigned, each with which of its sides to leave out."""
    found = [(node, left) for node in _outside_places(tree) for left in (True, False)]
    found = [
        (node, left) for node, left in found if not isinstance(node.left if left else node.right, ast.Constant) or _one(node)
    ]
    return found[:MOST]


def _one(node: ast.BinOp) -> bool:
    """Whether a number in a sum stands beside something that is none: 1 − s, but not 2 + 1."""
    return not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))


def _outside_places(tree: ast.AST) -> Iterator[ast.BinOp]:
    """Sums that are numbers of the gradient: not inside subscripts, shapes, axes and conditions."""
    for name, value in ast.iter_fields(tree):
        if isinstance(tree, ast.Subscript) and name == "slice":
            continue
        if name in ("test", "iter", "keywords", "args") and not (
            name == "args" and isinstance(tree, ast.Call) and _numbers(tree)
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.BinOp) and isinstance(child.op, ast.Add | ast.Sub) and not _text(child):
                yield child
            if isinstance(child, ast.AST):
                yield from _outside_places(child)


_PLACES = {
    "reshape",
    "view",
    "range",
    "zeros",
    "ones",
    "empty",
    "expand",
    "transpose",
    "permute",
    "arange",
    "unsqueeze",
    "squeeze",
    "sum",
    "mean",
}


def _numbers(call: ast.Call) -> bool:
    """Whether the arguments of a call are numbers rather than lengths and axes."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    return name not in _PLACES


def _text(node: ast.BinOp) -> bool:
    return any(isinstance(one, ast.JoinedStr | ast.Tuple | ast.List) or _is_text(one) for one in (node.left, node.right))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, int | float | complex)


def _brief(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"


def _code(code: CodeType, name: str) -> CodeType | None:
    """The code of the function of that name, inside another."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_name == name and code.co_name == "outer":
                return one
            if (inner := _code(one, name)) is not None:
                return inner
    return None


class _Without(ast.NodeTransformer):
    """Puts one expression in the place of another."""

    def __init__(self, gone: ast.BinOp, kept: ast.expr) -> None:
        self.gone, self.kept = gone, kept

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self.kept if node is self.gone else self.generic_visit(node)

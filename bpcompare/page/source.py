"""The lines of each backend that made a number: its row of the table, or its own way of differentiating."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcompare.backend import Backend
from bpcompare.backend.autodiff import AutodiffBackend
from bpcompare.ops.op import Op
from bpcompare.proof.claims import Claim

MOST_LINES = 60
"""Lines of a snippet."""


@dataclass(frozen=True)
class Snippet:
    """Source text of one backend, with the file and line it stands in. Lines are counted from 0."""

    backend: str
    what: str
    place: str
    text: str

    def makes(self, subject: str) -> tuple[int, ...]:
        """The lines that make the number of `subject`: that write it by name, else that write any entry, else that return."""
        try:
            tree = ast.parse(self.text)
        except SyntaxError:  # cut off, or the tail of an expression
            return ()
        nodes = list(ast.walk(tree))
        writes = [node for node in nodes if isinstance(node, ast.Assign | ast.AugAssign) and _into_table(node)]
        mine = [node for node in writes if any(isinstance(x, ast.Constant) and x.value == subject for x in ast.walk(node))]
        returns = [node for node in nodes if isinstance(node, ast.Return) and node.value is not None]
        lambdas = [node for node in nodes if isinstance(node, ast.Lambda)]
        chosen = mine or writes or returns or lambdas
        return tuple(sorted({line - 1 for node in chosen for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}))


def _into_table(node: ast.Assign | ast.AugAssign) -> bool:
    """Whether it writes an entry, as in `delta[name] = …`."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Subscript) for target in targets)


class SourceLines:
    """Looks up, and remembers, the source of what computed a claim. Backends whose class is not at hand have none."""

    def __init__(self, backends: Mapping[str, type[Backend]]) -> None:
        self._backends = backends
        self.snippets: list[Snippet] = []
        self._known: dict[tuple[str, str, int], int] = {}

    def of(self, backend: str, claim: Claim) -> list[int]:
        """Numbers of the snippets that made this claim's number, in `snippets`."""
        cls = self._backends.get(backend)
        if cls is None or not claim.owners:
            return []
        found = [self._snippet(backend, what, it) for what, it in (*_own(cls, claim), *_makers(cls, claim))]
        return list(dict.fromkeys(at for at in found if at is not None))

    def guilty(self, backend: str, claim: Claim) -> dict[int, tuple[int, ...]]:
        """By snippet, the lines that made a wrong number of this backend: in what is its own, else in what it calls."""
        cls = self._backends.get(backend)
        if cls is None or not claim.owners:
            return {}
        makers = _own(cls, claim) or _makers(cls, claim)
        found = {
            at: self.snippets[at].makes(claim.subject)
            for what, it in makers
            if (at := self._snippet(backend, what, it)) is not None
        }
        return {at: lines for at, lines in found.items() if lines}

    def _snippet(self, backend: str, what: str, it: Any) -> int | None:
        key = (backend, what, id(it))
        if key not in self._known:
            text = _source(it)
            if text is None:
                return None
            self._known[key] = len(self.snippets)
            self.snippets.append(Snippet(backend, what, *text))
        return self._known[key]


PHASES = {"forward": "forward", "base": "backward", "inductive": "backward", "gradient": "gradient", "update": "update"}
"""The methods of a backend, after the textbook's, that a subclass may write anew, by statement."""


def _own(cls: type[Backend], claim: Claim) -> list[tuple[str, Any]]:
    """Methods with which a backend replaces what the class that wrote its table does: they made its numbers, not the table."""
    origin = next(one for one in cls.__mro__ if "table" in vars(one))
    newer = cls.__mro__[: cls.__mro__.index(origin)]
    names = (PHASES.get(claim.statement, "update"), "differentiate", "step", "run")
    return [(name, vars(one)[name]) for name in names for one in newer if inspect.isfunction(vars(one).get(name))][:1]


def _makers(cls: type[Backend], claim: Claim) -> list[tuple[str, Any]]:
    ops = [op for _, op in claim.owners]
    rows = [(op.name, cls.table[type(op)]) for op in ops if type(op) in cls.table]
    if claim.statement == "update" or (claim.statement == "state" and ops[0].role == "update"):
        return [(name, _method(row, "parameter" if claim.statement == "update" else "slot")) for name, row in rows]
    if claim.statement in ("forward", "state"):
        return [(name, _method(row, "forward" if claim.statement == "forward" else "state")) for name, row in rows]
    if issubclass(cls, AutodiffBackend):
        return [("differentiate", cls.differentiate)]
    if all(_is_law(row) for _, row in rows):
        verb = "gradient" if claim.statement == "gradient" else "delta"
        return [(f"{name}: {verb}", _method(row, verb)) for name, row in rows]
    return [("run", cls.run)]


def _is_law(row: Any) -> bool:
    return hasattr(row, "delta") or hasattr(row, "parameter")


def _method(row: Any, verb: str) -> Any:
    """The law's method; or the row itself, where it is a function."""
    method = getattr(row, verb, None) if _is_law(row) else None
    if method is None:
        return row
    # σ and σ' say more than the method that multiplies them.
    prime = {"forward": "g", "delta": "g_prime"}.get(verb)
    return getattr(row, prime) if prime and hasattr(row, prime) else method


def _source(it: Callable[..., Any] | type[Op]) -> tuple[str, str] | None:
    try:
        target = inspect.unwrap(getattr(it, "func", it))
        lines, first = inspect.getsourcelines(target)
        name = inspect.getsourcefile(target) or ""
    except (TypeError, OSError):  # written in C, or without its file
        return None
    text = inspect.cleandoc("\n" + "".join(lines[:MOST_LINES])) + ("\n…" if len(lines) > MOST_LINES else "")
    parts = Path(name).parts[-2:]
    return f"{'/'.join(parts)}:{first}", text

"""`bpcompare ops`: what a spec may be made of."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.terminal import complain, say

if TYPE_CHECKING:
    from bpcompare.ops import Op


def ops(name: Annotated[str | None, Parameter(name="NAME", help="An op; by default all are listed.")] = None, /) -> int:
    """List the ops a spec may use, or explain one: fields, equations, conventions, and the backends that have it."""
    from bpcompare.ops import OPS
    from bpcompare.report.lines import joined
    from bpcompare.text.words import did_you_mean

    if name is None:
        say(lambda: joined(_table()))
        return 0
    if name not in OPS:
        complain(f"no op is called {name!r}; {did_you_mean(name, OPS) or '`bpcompare ops` lists them.'}")
        return USAGE
    say(lambda: joined(_page(OPS[name])))
    return 0


def _table() -> list[str]:
    from bpcompare.ops import OPS
    from bpcompare.report.columns import columns
    from bpcompare.report.lines import clipped, widest

    rows = [[op.name, op.role, op.equations[0] if op.equations else ""] for op in OPS.values()]
    return [clipped(line, widest()) for line in columns([["op", "role", "equation"], *rows])]


def _page(op: type[Op]) -> list[str]:
    doc = cleandoc(op.__doc__ or "").splitlines()
    lines = [f"{op.name}  ({op.role})", "", *(f"  {line}" for line in doc)]
    for title, rows in (
        ("equations", op.equations),
        ("fields", tuple(_field(one) for one in fields(op))),
        ("conventions", op.kinks),
        ("rounding", (_grant(op),)),
        ("backends", tuple(_backends(op))),
        ("written in", _modules(op)),
    ):
        if rows:
            lines += ["", title, *(f"  {row}" for row in rows)]
    return lines


def _grant(op: type[Op]) -> str:
    from bpcompare.laws import LAWS
    from bpcompare.numbers.ball.format import REARRANGED

    law: Any = LAWS.ops.get(op) or LAWS.updates[op]  # type: ignore[index]
    if law.rearranged:
        return f"a formula in another form is granted: {REARRANGED:g} u times all its terms"
    return "no other formula is granted, only its sums in any order"


def _modules(op: type[Op]) -> tuple[str, ...]:
    # Families have files of the same name; where an op stands, its law does, too.
    return op.__module__, f"{op.__module__.replace('.ops.', '.laws.')}  its law: formula and derivative, for every arithmetic"


def _field(one: Field[object]) -> str:
    kind = one.type if isinstance(one.type, str) else getattr(one.type, "__name__", str(one.type))
    return f"{one.name}: {kind}" + (", required" if one.default is MISSING else f", by default {one.default!r}")


def _backends(op: type[Op]) -> list[str]:
    from bpcompare.backend import gaps_of
    from bpcompare.engine.registry import Absent, Broken, statuses

    rows = []
    for status in statuses():
        if isinstance(status, Absent):
            says = "not installed"
        elif isinstance(status, Broken):
            says = "broken"
        else:
            gaps = gaps_of(status.backend)
            limit = status.backend.limits.get(op)
            says = f"no: {gaps[op]}" if op in gaps else f"yes, but not {limit[1]}" if limit else "yes"
        rows.append(f"{status.name}: {says}")
    return rows

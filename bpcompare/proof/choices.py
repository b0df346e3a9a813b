"""Laws of which each takes a side of its own at its kink: two functions with a kink at one number choose freely of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcompare.laws import Laws
from bpcompare.laws.law import At
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Num, Product, Side
from bpcompare.ops.op import Op

Sides = Mapping[tuple[str, Op], Side]
"""By a step's name and its op."""


class Chosen(Laws):
    """`laws`, where some steps take the side that is said for them."""

    def __init__(self, laws: Laws, sides: Sides) -> None:
        self._laws, self._sides = laws, sides

    def of(self, owner: str, op: Op) -> Any:
        """The law of a step."""
        law = self._laws.of(owner, op)
        side = self._sides.get((owner, op))
        return law if side is None else _Sided(law, side)

    def update(self, owner: str, op: Any) -> Any:
        """That of an update, which has no kinks."""
        return self._laws.update(owner, op)


class _Sided:
    """A law on one side of its kink."""

    def __init__(self, law: Any, side: Side) -> None:
        self._law, self._side = law, side

    def __getattr__(self, name: str) -> Any:
        return getattr(self._law, name)

    def delta(self, at: At[Any]) -> Num | Product:
        """Δ of a source."""
        found: Num | Product = self._law.delta(at.but(xs=[self._on(x) for x in at.xs], kept=None))
        return found

    def _on(self, x: Num) -> Num:
        if not isinstance(x, Ball):
            return x
        fmt = x.fmt
        sided = fmt(rearranged=fmt.rearranged, side=self._side, ties=fmt.ties, room=fmt.room, factors=fmt.factors)
        return Ball(x.mid, sided, x.rel, x.rad, x.n, x.bulk, x.major, x.slack)

"""Recorded numbers as wide as compiled code may have them, which computes cheap ones again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.number import Num
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate


class Recomputed(Balls):
    """A lookup for compiled code: the value that a step used may differ from the recorded value by one more rounding.

    XLA may recompute a cheap value inside each consumer, and that rounding may differ from the rounding of the recorded value.
    Both values lie in the ball of the step that computes them, so they are at most two radii of that ball apart. A value that is
    computed entry by entry may have been computed again from another that was, and so on up to a sum.
    """

    def __init__(self, balls: Balls, by_path: Mapping[str, Claim], laws: Laws) -> None:
        super().__init__(balls.values, balls.fmt, balls.algorithms, quick=False)
        self._balls, self._by_path, self._laws = balls, by_path, laws
        self._radii: dict[str, Array | float] = {}

    def lookup(self, fmt: Format) -> Any:
        """As `Balls.lookup`, with recorded values as wide as their own step allows."""
        get = super().lookup(fmt)

        def wider(path: str) -> Num:
            x = get(path)
            if path in self.values.given or path not in self._by_path:
                return x
            return Ball(x.mid, fmt, fmt.u, x.rad + 2 * self._radius(path))

        return wider

    def _radius(self, path: str) -> Array | float:
        if path not in self._radii:
            claim = self._by_path[path]
            self._radii[path] = evaluate(claim, self if self._cheap(claim) else self._balls, self._laws).final_radius()
        return self._radii[path]

    def _cheap(self, claim: Claim) -> bool:
        """Whether it is computed entry by entry: then what it is computed from may be computed again with it."""
        return claim.statement == "forward" and all(
            getattr(self._laws.of(owner, op), "entrywise", False) for owner, op in claim.owners
        )

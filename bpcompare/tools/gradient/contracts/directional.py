"""A derivative along a direction, as one number: beside another way to it, and beside differences where the two part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import raised, told
from bpcompare.tools.gradient.contracts.gap import Gap
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.derivative import Along, Derivative
from bpcompare.tools.gradient.tries import GRANTED, TRUSTED

DECIDES = 1e-3
"""Differences whose error is this share of the terms, or less, have something to say."""


@dataclass(frozen=True)
class Direction:
    """A sum of products, and the sum of their sizes."""

    value: float
    bulk: float

    def beside(
        self,
        asked: Asked,
        name: str,
        i: int,
        done: str,
        other: Direction | None,
        oracle: Callable[[], Derivative],
        advice: str,
        *,
        size: float = 0.0,
    ) -> Outcome | None:
        """What became of a contract by which this is the derivative along a direction of input `i`.

        Where `other`, another way to it, agrees, the `oracle` is not asked. `size`: what is large here, where all terms are 0.
        """
        units = [float(np.finfo(x.dtype).eps) / 2 for x in (asked.code.inputs[i], *asked.pullback.outputs)]
        u, bulk = max(*units, asked.pullback.unit), self.bulk if np.isfinite(self.bulk) else 0.0
        rounding = GRANTED * u * (bulk + (other.bulk if other else 0.0))
        if other is not None and abs(self.value - other.value) <= rounding:
            return None
        try:
            found = oracle()
        except Exception as error:  # noqa: BLE001 — the author's code at other numbers
            return Outcome(name, "not tried", f"it could not be held against differences: {raised(error)}")
        radius = 4 * (TRUSTED * found.error + rounding + GRANTED * u * found.bulk)

        def inside(x: float) -> bool:
            return found.low - radius <= x <= found.high + radius

        # Where the other way has neither's value, differences speak of another derivative: of a matrix that is symmetric, say.
        proved = not inside(self.value) and (other is None or inside(other.value))
        if not np.isfinite(self.value):  # nothing, where there is a derivative
            proved = not found.kink and radius <= DECIDES * max(found.bulk, size)
        gap = Gap(i, (), self.value, found.value, proved)
        if gap.proved:
            return told(asked, name, done, gap, advice)
        narrow = inside(self.value) and radius <= DECIDES * max(bulk + found.bulk, size)
        return None if narrow or found.kink else told(asked, name, done, gap, advice)


def forward_along(asked: Asked, i: int) -> Along:
    """⟨dy, f⟩ when input `i` moves, in float64."""
    code = asked.code
    wide = [x.astype(np.float64) if k in code.carrying else x for k, x in enumerate(code.inputs)]
    dy = np.concatenate([dy.ravel() for dy in asked.dys]).astype(np.float64)

    def moved(x: Array) -> Array:
        return np.asarray(code.forward([*wide[:i], x, *wide[i + 1 :]])).reshape(-1)

    return Along(moved, wide[i], dy, analytic=code.analytic)


def direction(x: Array, v: Array) -> Direction:
    """⟨x, v⟩."""
    terms = x.astype(np.float64) * v
    return Direction(float(terms.sum()), float(np.abs(terms).sum()))

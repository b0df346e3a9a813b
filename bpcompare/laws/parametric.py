"""Activations that learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, masked, positive, total
from bpcompare.ops import Op, PRelu


class PReluLaw(PlainLaw):
    """a where a > 0, slope · a elsewhere; Δ and slope · Δ; the gradient is Σ a Δ where a ≤ 0."""

    def slope(self, at: At[PRelu]) -> Num:
        """One for all, or one a channel."""
        return np.reshape(at.p["slope"], (1, -1, *(1,) * (at.x.ndim - 2))) if at.op.channels else at.p["slope"]

    def forward(self, at: At[PRelu]) -> Num:
        """Bent at 0."""
        return np.where(positive(at.x), at.x, self.slope(at) * at.x)

    def delta(self, at: At[PRelu]) -> Num:
        """At 0 the derivative is the slope."""
        return np.where(positive(at.x), at.dy, self.slope(at) * at.dy)

    def gradient(self, at: At[PRelu]) -> Num:
        """Over examples, and over the positions that share a slope."""
        x = at.x
        part = masked(~positive(x), x * at.dy)
        axes = (0, *range(2, x.ndim)) if at.op.channels else tuple(range(x.ndim))
        return np.reshape(total(part, axis=axes), at.p["slope"].shape)


TABLE: Mapping[type[Op], Law] = {PRelu: PReluLaw()}

"""Penalties on parameters. What they add to E stands beside the error, so that their gradients have no Δ in them, either."""

from __future__ import annotations

from collections.abc import Mapping

from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, hyperparameter, total
from bpcompare.ops import L2, Op


class L2Law(PlainLaw):
    """½ λ Σ w², −λ w."""

    def forward(self, at: At[L2]) -> Num:
        """One sum over the parameter."""
        w = at.p["w"]
        return 0.5 * (hyperparameter(at.op.factor, w) * total(w * w))

    def delta(self, at: At[L2]) -> Num:
        """None: it reads no source. Raises KeyError."""
        raise KeyError(at.slot)

    def gradient(self, at: At[L2]) -> Num:
        """−λ w."""
        w = at.p[at.role]
        return -(hyperparameter(at.op.factor, w) * w)


TABLE: Mapping[type[Op], Law] = {L2: L2Law()}

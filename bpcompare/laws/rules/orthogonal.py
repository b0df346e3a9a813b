"""Momentum that is made nearly orthogonal before it is a step."""

from __future__ import annotations

from typing import Any

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import drawn
from bpcompare.numbers.number import Num, beforehand


class MuonRule:
    """Jordan, https://kellerjordan.github.io/posts/muon/ as torch has it: the momentum has a law, the step itself has none.

    Its Newton–Schulz iteration runs in bfloat16 whatever the format of the parameter is, and blows roundings up by 3.4 each
    time: a ball around the result would hold any step.
    """

    def slot(self, at: UpdateAt[Any]) -> Num:
        """m + (1 − μ)(g − m)."""
        return drawn(at.slots["m"], at.g, beforehand(lambda mu: 1.0 - mu, at.op.momentum, like=at.w))

    def step(self, _at: UpdateAt[Any]) -> Num:
        """Raises LookupError."""
        raise LookupError("Newton–Schulz iterations in bfloat16, whose rounding would hide any mistake")

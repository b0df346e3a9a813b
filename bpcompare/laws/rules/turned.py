"""What all rules of own code share: the direction, the number of the step, and that the parameter itself is only added to."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.numbers.number import Num, apart

STEP = "step"
"""The state that counts the steps."""


class Stepping(Protocol):
    """A rule by the step that it takes."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The slot `name` after the step."""

    def step(self, at: UpdateAt[Any]) -> Num:
        """How far the parameter goes down."""


class Turned:
    """The law of a rule, uphill where it maximizes: −g in place of g. Where it counts its steps, the count is the step's number.

    However the step is worked out, at its end the parameter is added to: no other order of the formula rounds the parameter
    itself more often than that. So what rearranged formulas are granted is a part of the step, not of the parameter.
    """

    rearranged = True

    def __init__(self, law: Stepping) -> None:
        self._law = law

    @property
    def smooth(self) -> bool:
        """Whether nothing in the rule is decided by numbers."""
        return bool(getattr(self._law, "smooth", False))

    def least(self, op: Any) -> float:
        """How wide a ball of the parameter is at least, in u times it: one rounding, two more where it decays first."""
        return 3.0 if op.decoupled and op.weight_decay and hasattr(self._law, "kept") else 1.0

    def slot(self, at: UpdateAt[Any]) -> Num:
        """t, or what the law says."""
        return np.asarray(float(at.t)) if at.name == STEP else self._law.slot(_downhill(at))

    def parameter(self, at: UpdateAt[Any]) -> Num:
        """One step, or several one after the other; what decays beside the step does so first."""
        at, kept = _downhill(at), getattr(self._law, "kept", _whole)
        found = kept(at)
        for step in getattr(self._law, "steps", lambda at: [self._law.step(at)])(at):
            found = found - step
        return found


def _whole(at: UpdateAt[Any]) -> Num:
    return apart(at.w)


def _downhill(at: UpdateAt[Any]) -> UpdateAt[Any]:
    return at.but(g=-at.g) if at.op.maximize else at

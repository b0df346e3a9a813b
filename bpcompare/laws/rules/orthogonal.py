"""Momentum that is made nearly orthogonal before it is a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import drawn, less_decay
from bpcompare.numbers.number import Num, beforehand, dot, hyperparameter, total

STEP = "o"
"""The last stage: what the parameter is moved by."""


class MuonRule:
    """Jordan, https://kellerjordan.github.io/posts/muon/ as torch has it: w ← (1 − η λ) w − η s o, with o by `NewtonSchulz`.

    s is √max(1, rows/columns), or 0.2 √max(rows, columns) to "match_rms_adamw" (Liu et al., arXiv:2502.16982).
    """

    kept = staticmethod(less_decay)

    def slot(self, at: UpdateAt[Any]) -> Num:
        """m + (1 − μ)(g − m)."""
        return drawn(at.slots["m"], at.g, beforehand(lambda mu: 1.0 - mu, at.op.momentum, like=at.w))

    def step(self, at: UpdateAt[Any]) -> Num:
        """η s o, from o as it was recorded. Raises LookupError where it was not: it has a format of its own, mostly bfloat16."""
        if STEP not in at.after:
            raise LookupError("nobody saw by what the parameter is moved, which has a format of its own")
        rows, columns = at.w.shape
        adamw = at.op.adjust == "match_rms_adamw"
        scale = 0.2 * sqrt(max(rows, columns)) if adamw else sqrt(max(1.0, rows / columns))
        return beforehand(lambda eta: eta * scale, at.op.eta, like=at.w) * at.after[STEP]


class NewtonSchulz:
    """How Muon's o is made, stage by stage, in the format of each: the quintic iteration of Jordan's post.

    "fed" is the momentum, or Nesterov's; "narrow" the same, rounded; "norm" its Frobenius norm, or ε; x₀ the quotient, `turned`
    where the rows are too many. Then gramₖ = x xᵀ, polyₖ = b gramₖ + c gramₖ², xₖ = a x + polyₖ x, so many times; the last x is
    o. What was recorded of this is used; in between, the formulas go on through what was not.
    """

    rearranged = False

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The stage `name`. Raises KeyError for another name."""
        if at.name == STEP:
            last = _iterated(at, int(at.op.steps))
            return np.swapaxes(last, -1, -2) if at.op.turned else last
        kind = at.name.rstrip("0123456789")
        return STAGES[kind](at, int(at.name.removeprefix(kind) or 0))

    def parameter(self, _at: UpdateAt[Any]) -> Num:
        """Raises LookupError: that is the rule of the step."""
        raise LookupError("stages of a step, by which no parameter is moved")


def _known(at: UpdateAt[Any], name: str) -> Num:
    return at.after[name] if name in at.after else NewtonSchulz().slot(at.but(name=name))


def _fed(at: UpdateAt[Any], _number: int) -> Num:
    m = at.after["m"] if "m" in at.after else MuonRule().slot(at)
    if not at.op.nesterov:
        return 1.0 * m
    return drawn(m, at.g, hyperparameter(1.0 - hyperparameter(at.op.momentum, at.w), at.w))  # 1 − μ in the format of g


def _narrow(at: UpdateAt[Any], _number: int) -> Num:
    return 1.0 * _known(at, "fed")


def _norm(at: UpdateAt[Any], _number: int) -> Num:
    x = _known(at, "narrow")
    return np.maximum(np.sqrt(total(x * x)), hyperparameter(at.op.epsilon, at.w))


def _iterated(at: UpdateAt[Any], number: int) -> Num:
    if number == 0:
        x = _known(at, "narrow")
        return (np.swapaxes(x, -1, -2) if at.op.turned else x) / _known(at, "norm")
    x, poly = _known(at, f"x{number - 1}"), _known(at, f"poly{number}")
    return total([at.op.a * x, dot(poly, x)])


def _gram(at: UpdateAt[Any], number: int) -> Num:
    x = _known(at, f"x{number - 1}")
    return dot(x, np.swapaxes(x, -1, -2))


def _poly(at: UpdateAt[Any], number: int) -> Num:
    gram = _known(at, f"gram{number}")
    return total([at.op.b * gram, at.op.c * dot(gram, gram)])


STAGES: Mapping[str, Callable[[UpdateAt[Any], int], Num]] = {
    "fed": _fed,
    "narrow": _narrow,
    "norm": _norm,
    "x": _iterated,
    "gram": _gram,
    "poly": _poly,
}
"""The formula of each stage, by its name without its number."""

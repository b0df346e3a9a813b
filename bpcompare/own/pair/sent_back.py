"""Why two programs part on the way back, though all of their values are the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.pairing import Pairing
from bpcompare.own.pair.prints import apart
from bpcompare.own.pair.side import Side
from bpcompare.report.lines import named
from bpcompare.report.numbers import short

NAMES = ("the first", "the second")


def sent_back(pairing: Pairing, gradients: Sequence[Held]) -> tuple[str, ...]:
    """At most one cause, in words."""
    other = [held for held in gradients if held.outcome != "same"]
    if words := _tied(pairing, other):
        return (words,)
    for which, side in enumerate((pairing.first, pairing.second)):
        names = [name for held in other for name in (held.match.firsts, held.match.seconds)[which]]
        if names and not any(side.gradient(name).any() for name in names):
            return (f"no gradient arrives at {named(names)} in {NAMES[which]}: its way is cut (detach, stop_gradient)",)
    ratios = {short(held.ratio) for held in other}
    if len(ratios) == 1 and "nan" not in ratios:
        return (f"the gradients that differ are {ratios.pop()} times as large in the first",)
    return ()


def _tied(pairing: Pairing, other: Sequence[Held]) -> str:
    """A parameter of one program that the other keeps twice: there, the two gradients add up to the one here."""
    sides, alone = (pairing.first, pairing.second), (pairing.matched.first_alone, pairing.matched.second_alone)
    for which, side in enumerate(sides):
        for name in alone[which]:
            for held in other:
                mine = (held.match.firsts, held.match.seconds)[which]
                same = len(mine) == 1 and np.array_equal(side.parameters[mine[0]], side.parameters[name])
                if same and held.alignment is not None and _adds(sides, which, held, name):
                    return f"{mine[0]} and {name} are two parameters in {NAMES[which]}, one in {NAMES[1 - which]}: tied weights"
    return ""


def _adds(sides: tuple[Side, Side], which: int, held: Held, name: str) -> bool:
    rows = [
        [side.gradient(one) for one in names] for side, names in zip(sides, (held.match.firsts, held.match.seconds), strict=True)
    ]
    rows[which][0] = rows[which][0] + sides[which].gradient(name)
    assert held.alignment is not None  # noqa: S101 — as the caller has seen
    one, other = held.alignment.first(rows[0]), held.alignment.second(rows[1])
    return apart(one, other) <= held.allowed * float(np.abs(one).max(initial=0.0))

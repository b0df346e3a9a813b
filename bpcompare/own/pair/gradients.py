"""Gradients of matched parameters, element by element, whatever their layouts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.pair.fitting import fitting
from bpcompare.own.pair.layout import Alignment, alignments
from bpcompare.own.pair.pairing import tolerance
from bpcompare.own.pair.parameters import Match, Matched
from bpcompare.own.pair.prints import apart
from bpcompare.own.pair.side import Side

FARTHER = 32.0
"""So many times farther apart than rounding explains, two numbers are different. In between, nothing is decided."""
VAGUE = 0.01
"""A tolerance of that size shows nothing."""


@dataclass(frozen=True)
class Held:
    """One quantity of two programs, held against each other.

    `apart`: the largest difference, relative to the largest element; `allowed`: what rounding explains. `zero`: it is 0 in
    both, altogether. `ratio`: the first over the second, where that is the same in every element; NaN else. `moved`: they differ,
    but as a set the numbers are the same.
    """

    match: Match
    apart: float
    allowed: float
    alignment: Alignment | None = None
    zero: bool = False
    ratio: float = float("nan")
    moved: bool = False

    @property
    def layout(self) -> str:
        """How the second program keeps it; "" as the first does."""
        return "" if self.alignment is None else self.alignment.name

    @property
    def outcome(self) -> Literal["same", "differs", "undecided"]:
        """Whether it is the same."""
        return outcome(self.apart, self.allowed)


def outcome(apart: float, allowed: float) -> Literal["same", "differs", "undecided"]:
    """What is said of two numbers so far apart, where rounding explains so much. NaN differs from everything.

    The same bits are the same, however much rounding could explain.
    """
    if apart == 0:
        return "same"
    if apart <= allowed:
        return "same" if allowed <= VAGUE else "undecided"
    return "undecided" if apart <= FARTHER * allowed and apart <= VAGUE else "differs"


def gradients(first: Side, second: Side, matched: Matched) -> list[Held]:
    """Every matched parameter's gradient.

    Of parameters that hold the same numbers (all 0, say), any match is as good as another: those whose gradients fit are taken.
    """
    groups: dict[int, list[Match]] = {}
    for match in matched.matches:
        groups.setdefault(match.alike, []).append(match)
    found: list[Held] = []
    for group in groups.values():
        held = [_gradient(first, second, match) for match in group]
        if len(group) > 1 and any(one.outcome != "same" for one in held):
            held = _rematched(first, second, held)
        found += held
    return found


def _rematched(first: Side, second: Side, held: Sequence[Held]) -> list[Held]:
    """Those that differ, matched once more, by their gradients; as they were, where some of them find no partner in that way."""
    settled = [one for one in held if one.outcome == "same"]
    other = [one for one in held if one.outcome != "same"]
    names = [name for one in other for name in one.match.firsts], [name for one in other for name in one.match.seconds]
    numbers = {name: first.gradient(name) for name in names[0]}, {name: second.gradient(name) for name in names[1]}
    found = fitting(*numbers, max(one.allowed for one in other))
    if found is None:
        return list(held)
    return [*settled, *(_gradient(first, second, Match(*pair, other[0].match.alike)) for pair in found)]


def _gradient(first: Side, second: Side, match: Match) -> Held:
    values = [first.parameters[one] for one in match.firsts], [second.parameters[one] for one in match.seconds]
    numbers = [first.gradient(one) for one in match.firsts], [second.gradient(one) for one in match.seconds]
    terms = max(*(first.terms(one) for one in match.firsts), *(second.terms(one) for one in match.seconds))
    slack = tolerance(
        max(first.slack_back.get(one, 0.0) for one in match.firsts), max(second.slack_back.get(one, 0.0) for one in match.seconds)
    )
    found = [
        held(match, one, (one.first(numbers[0]), one.second(numbers[1])), slack, terms) for one in alignments(values, numbers)
    ]
    return min(found, key=lambda one: one.apart, default=Held(match, float("inf"), slack))


def held(match: Match, alignment: Alignment, rows: tuple[Array, Array], allowed: float, terms: float = 0.0) -> Held:
    """Numbers of a parameter, in rows that an alignment made, one against the other. `terms`: a size that they are held to."""
    scale = max(terms, *(_largest(row) for row in rows))
    if not rows[0].any() and not rows[1].any():
        return Held(match, 0.0, allowed, alignment, zero=True)
    gap = apart(*rows) / scale if scale else float("inf")
    moved = gap > allowed and apart(np.sort(rows[0]), np.sort(rows[1])) <= allowed * scale
    return Held(match, gap, allowed, alignment, ratio=_ratio(*rows, allowed * scale), moved=moved)


def _largest(x: Array) -> float:
    return float(np.abs(x[np.isfinite(x)]).max(initial=0.0))


def _ratio(a: Array, b: Array, radius: float) -> float:
    """a over b, where it is the same in every element, and known; NaN else."""
    if a.size < 2 or not (np.isfinite(a).all() and np.isfinite(b).all() and b.any()):
        return float("nan")
    at = int(np.argmax(np.abs(b)))
    factor = float(a.ravel()[at] / b.ravel()[at])
    return factor if factor and apart(a, factor * b) <= radius * (1 + abs(factor)) else float("nan")

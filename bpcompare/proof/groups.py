"""Entries that are equal, moved together: along such a direction there is one derivative, whoever receives Δ at a tie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Side
from bpcompare.proof.claims import Claim

Evaluate = Callable[[Side, Side], Ball]
CONVENTIONS: tuple[Side, ...] = ("even", "drawn", "split")
"""Ways to part Δ at ties and to stand at kinks, of which the last two agree with the first by chance alone."""


@dataclass(frozen=True, eq=False)
class Member:
    """A value with its recorded Δ, and what conventions make of it, the law's first; all of one shape."""

    values: Array
    recorded: Array
    conventions: tuple[Array, ...]
    radius: Array


def member(claim: Claim, x: Array, at: Evaluate, get: Callable[[str], Any]) -> Member | None:
    """The claim's value with its Δ `x`; None where nobody knows its numbers. `at`, `get`: see `bpcompare.proof.kinks.excused`."""
    try:
        values = get(claim.path.rpartition(".")[0]).mid
    except (LookupError, AttributeError):
        return None
    found = [at(side, None) for side in CONVENTIONS]
    radius = np.max([np.broadcast_to(one.final_radius(), x.shape) for one in found], axis=0)
    if np.shape(values) != x.shape or not np.isfinite(radius).all():
        return None
    return Member(np.asarray(values), x, tuple(np.broadcast_to(one.mid, x.shape) for one in found), radius)


def as_one(members: Sequence[Member]) -> bool:
    """Whether groups of equal entries have, each together, the Δ that every valid choice at ties gives them together.

    Groups are the equal entries of all members, of parts by leading axes, of each line along an axis, and of one place in members
    of one shape. A group counts if choice is no matter there: all conventions give it the same sum. For the sum is linear in
    the parts that tied entries have, and some of the conventions are drawn.
    """
    x, radius = (_joined(parts) for parts in ([one.recorded for one in members], [one.radius for one in members]))
    conventions = [_joined([one.conventions[number] for one in members]) for number in range(len(CONVENTIONS))]
    size = np.abs(x) + np.abs(conventions[0])
    for group in _groups([one.values for one in members]):
        there, room, sizes = (np.bincount(group, weights=part) for part in (x, radius, size))
        room = room + np.bincount(group) * 2.0**-52 * sizes
        sums = np.array([np.bincount(group, weights=part) for part in conventions])
        if ((np.ptp(sums, axis=0) <= room) & (np.abs(there - sums[0]) > 2.0 * room)).any():
            return False
    return True


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate([part.ravel() for part in parts]).astype(np.float64, copy=False)


def _groups(values: Sequence[Array]) -> Iterator[Array]:
    """For each way to group equal entries: the number of each entry's group."""
    first, whole = values[0], np.concatenate([one.ravel() for one in values])
    kinds = np.unique(whole, return_inverse=True)[1].ravel().astype(np.int64)
    yield kinds
    if any(one.shape != first.shape for one in values):
        return
    places = np.arange(first.size).reshape(first.shape)
    for axis in range(first.ndim):
        step = int(np.prod(first.shape[axis + 1 :]))
        lines = places - np.arange(first.shape[axis]).reshape(-1, *(1,) * (first.ndim - axis - 1)) * step
        for place in (lines, places // step):
            number = kinds * (first.size + 1) + np.tile(place.ravel(), len(values))
            yield np.unique(number, return_inverse=True)[1].ravel()

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


@dataclass(frozen=True, eq=False)
class Member:
    """A value with its recorded Δ, and what two conventions make of it, one of which is drawn; all of one shape."""

    values: Array
    recorded: Array
    conventions: tuple[Array, Array]
    radius: Array


def member(claim: Claim, x: Array, at: Evaluate, get: Callable[[str], Any]) -> Member | None:
    """The claim's value with its Δ `x`; None where nobody knows its numbers. `at`, `get`: see `bpcompare.proof.kinks.excused`."""
    try:
        values = get(claim.path.rpartition(".")[0]).mid
    except (LookupError, AttributeError):
        return None
    found = [at(side, None) for side in ("even", "drawn")]
    radius = np.maximum(*(np.broadcast_to(one.final_radius(), x.shape) for one in found))
    if np.shape(values) != x.shape or not np.isfinite(radius).all():
        return None
    even, drawn = (np.broadcast_to(one.mid, x.shape) for one in found)
    return Member(np.asarray(values), x, (even, drawn), radius)


def as_one(members: Sequence[Member]) -> bool:
    """Whether groups of equal entries have, each together, the Δ that every valid choice at ties gives them together.

    Groups are the equal entries of all members, of parts by leading axes, of each line along an axis, and of one place in members
    of one shape. A group counts if choice is no matter there: both conventions give it the same sum. For the sum is linear in
    the parts that tied entries have, and one of the conventions is drawn.
    """
    x, radius = (_joined(parts) for parts in ([one.recorded for one in members], [one.radius for one in members]))
    even, drawn = (_joined([one.conventions[number] for one in members]) for number in (0, 1))
    size = np.abs(x) + np.abs(even)
    for group in _groups([one.values for one in members]):
        sums = [np.bincount(group, weights=part) for part in (even, drawn, x, radius, size)]
        room = sums[3] + np.bincount(group) * 2.0**-52 * sums[4]
        if ((np.abs(sums[0] - sums[1]) <= room) & (np.abs(sums[2] - sums[0]) > 2.0 * room)).any():
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

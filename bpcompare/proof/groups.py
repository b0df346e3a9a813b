"""Entries that are equal, moved together: along such a direction there is one derivative, whoever receives Δ at a tie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Side
from bpcompare.proof.claims import Claim

Evaluate = Callable[[Side, Side], Ball]


def as_one(claim: Claim, x: Array, at: Evaluate, get: Callable[[str], Any]) -> bool:
    """Whether groups of equal entries have, each together, the Δ that every valid choice at ties gives them together.

    `x`: the recorded Δ; `at`, `get` as in `bpcompare.proof.kinks.excused`. Groups are the equal entries of the whole array, of
    its parts by leading axes, and of each line along an axis. A group counts if choice is no matter there: two conventions, one
    of which is drawn, give it the same sum. For the sum is linear in the parts that tied entries have.
    """
    try:
        values = get(claim.path.rpartition(".")[0]).mid
    except (LookupError, AttributeError):
        return True
    if np.shape(values) != x.shape:
        return True
    conventions = [at(side, None) for side in ("even", "drawn")]
    radius = np.maximum(*(np.broadcast_to(one.final_radius(), x.shape) for one in conventions))
    if not np.isfinite(radius).all():
        return True
    mids = [np.broadcast_to(one.mid, x.shape) for one in conventions]
    for group in _groups(values):
        even, drawn, there, room, size = (
            np.bincount(group, weights=part.ravel()) for part in (*mids, x, radius, np.abs(x) + np.abs(mids[0]))
        )
        room = room + np.bincount(group) * 2.0**-52 * size
        if ((np.abs(even - drawn) <= room) & (np.abs(there - even) > 2.0 * room)).any():
            return False
    return True


def _groups(values: Array) -> Iterator[Array]:
    """For each way to group equal entries: the number of each entry's group."""
    kinds = np.unique(values, return_inverse=True)[1].reshape(values.shape)
    places = np.arange(values.size).reshape(values.shape)
    yield kinds.ravel()
    for axis in range(values.ndim):
        lines = places - np.arange(values.shape[axis]).reshape(-1, *(1,) * (values.ndim - axis - 1)) * _step(values, axis)
        yield _numbered(kinds, lines)
        if axis:
            yield _numbered(kinds, places // _step(values, axis - 1))


def _step(values: Array, axis: int) -> int:
    return int(np.prod(values.shape[axis + 1 :]))


def _numbered(kinds: Array, places: Array) -> Array:
    return np.asarray(np.unique(kinds.astype(np.int64) * kinds.size + places, return_inverse=True)[1]).ravel()

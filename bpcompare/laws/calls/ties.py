"""Who receives Δ where several entries are equal: a convention. The law's own, and the ends of what others may choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.calls.called import plainly
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, Side, masked, positive, side_of
from bpcompare.numbers.number import total as summed

SEED = 20140
"""Of the weights that are drawn: the same ones each time."""


def equal(gap: Num) -> Array:
    """Where a difference may be 0, whichever side is taken at kinks."""
    if side_of(gap) == "split":  # by the sign of the zero, one of the two is positive
        return np.asarray(plainly(gap) == 0)
    # An infinite gap is none that may be 0, though its ball says nothing: −∞ around a window ties with no number in it.
    return np.asarray((positive(gap) == positive(-gap)) & ~np.isinf(plainly(gap)))


def parted(tied: Array, dy: Num, side: Side) -> Num:
    """Δ (…, n) of the entries of each row, of which those that are `tied` (…, n) are its maximum, whose Δ is `dy` (…).

    None, "even": in equal parts. "drawn": in parts that are drawn. "low" and "high": to each the least and the most that it may
    have, which is more than there is for all together.
    """
    spread = np.broadcast_to(np.expand_dims(dy, -1), tied.shape)
    count = np.maximum(tied.sum(axis=-1, keepdims=True), 1)
    if side in (None, "even"):
        part = dy / count[..., 0].astype(np.float64)
        return masked(tied, np.broadcast_to(np.expand_dims(part, -1), tied.shape))
    if side in ("drawn", "split"):
        return spread * _drawn(tied)
    return masked(tied & ((count == 1) | _wanted(dy, side)[..., None]), spread)


def ranked(tied: Array, own: Array, dy: Num, side: Side) -> Num:
    """The same for entries by rank: row k of `tied` (…, k, n) are the entries that equal the k-th, which stands at `own` (…, k).

    `dy` (…, k). An entry stands at one rank alone, so those that are equal share out among them what arrives at their ranks.
    """
    spread = np.broadcast_to(np.expand_dims(dy, -1), tied.shape)
    if side in (None, "even", "drawn", "split"):
        return summed(spread * _weights(tied, own, side), axis=-2)
    count = tied.sum(axis=-1, keepdims=True)
    ranks = np.take_along_axis(tied, own[..., None, :], -1).sum(axis=-1, keepdims=True)
    numbers = np.broadcast_to(plainly(dy)[..., None], tied.shape)
    sign = 1.0 if side == "low" else -1.0
    best = np.where(tied, sign * numbers, np.inf).argmin(axis=-2)
    chosen = tied & (np.arange(tied.shape[-2])[:, None] == best[..., None, :])
    chosen &= (count == ranks) | _wanted(dy, side)[..., None]  # where more are equal than there are ranks, one may go without
    return summed(masked(chosen, spread), axis=-2)


def _wanted(dy: Num, side: Side) -> Array:
    """Where Δ makes what has it smaller, or larger."""
    numbers = plainly(dy)
    return np.asarray(numbers < 0 if side == "low" else numbers > 0)


def _drawn(tied: Array) -> Array:
    """Weights of what is tied, which add up to 1."""
    drawn = np.where(tied, np.random.default_rng(SEED).uniform(0.1, 1.0, tied.shape), 0.0)
    whole = drawn.sum(axis=-1, keepdims=True)
    return np.asarray(drawn / np.where(whole > 0, whole, 1.0))


def _weights(tied: Array, own: Array, side: Side) -> Array:
    """(…, k, n) which part of Δ of each rank each entry has; no entry has more than one whole part in all."""
    even = tied / np.maximum(tied.sum(axis=-1, keepdims=True), 1)
    if side not in ("drawn", "split"):
        return np.asarray(even)
    same = np.take_along_axis(tied, own[..., None, :], -1)
    before = np.tril(same, -1).sum(axis=-1)[..., None]
    first, last = (_nth(tied[..., ::step], before)[..., ::step] for step in (1, -1))
    random: Any = np.random.default_rng(SEED)
    parts = random.dirichlet(np.ones(3), size=tied.shape[:-2])[..., None, None, :]
    return np.asarray(parts[..., 0] * first + parts[..., 1] * last + parts[..., 2] * even)


def _nth(tied: Array, number: Array) -> Array:
    return np.asarray(tied & (np.cumsum(tied, axis=-1) == number + 1))

"""Claims whose law speaks of each entry by itself: the law's plain value first, balls where that does not decide.

Every ball is at least one rounding of its result wide, u |m|; 8 u |m| where the law is granted rearrangements (of a parameter,
which rules only add to, fewer). So an entry that is as near to the law's value as that is inside: its ball need not be formed.
Before that it is evaluated in the record's own format: numbers with the same bits are inside, for balls cover that evaluation.
The others are gathered, and judged by their balls; and so is a sample, for the power: the least r/|scale| of some entries is no
less than the least of all, so that what is said of it is true, if a little weaker. An update rule is evaluated in the record's
own format, but for the parameter that it changes: what that rounds is in the ball beside the grant, or beside the last rounding.
Where anything at all is unusual (an entry outside, a number that is not finite, too little power), the claim is judged as all
others are.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, cast

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.ball.format import REARRANGED
from bpcompare.numbers.number import Num
from bpcompare.ops.op import UpdateOp
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entries import BLOCK, Entries, blocks, is_entrywise, is_update
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import least as needed

LARGE = 2**12
"""From so many entries on: balls of fewer cost less than the two ways do."""

SAMPLED = 2**9
"""Of so many entries, one is worked out as a ball in any case."""

SMALLEST = 1e-300

LESS = 1.0 - 2.0**-10
"""Less than the distance of any two numbers of a format, in units of u times the larger one."""


def held(claim: Claim, balls: Balls, laws: Laws, prefix: str = "") -> Finding | None:
    """That `claim` holds, found out as above; None where that does not decide."""
    x = balls.values.recorded[claim.path]
    if x.size < LARGE or x.dtype.kind != "f" or not is_entrywise(claim, balls, laws):
        return None
    fmt = format_for(claim, balls, laws)
    entries, flat = Entries(balls, x.shape), x.reshape(-1)
    narrow = fmt.rearranged and x.dtype.name == fmt.dtype and smooth(claim, laws)
    wide = claim.subject if claim.statement == "update" else ""
    sure = fmt.u * (GRANTED if narrow and not wide else narrowest(claim, fmt, laws))

    def before_of(among: slice) -> Array | None:
        before = entries.flat(claim.subject) if claim.statement == "update" else None
        return None if before is None else before[among]

    def point(path: str, among: slice) -> Num:
        return entries.points(path, among, x.dtype if narrow and path != wide else None)

    asked, alike = [], x.dtype.name == fmt.dtype and not narrow
    for among in blocks(x.size, BLOCK * 8 // x.itemsize):
        if alike and (m := _bits(claim, entries, laws, flat, among)) is not None:
            asked.append(among.start + _sample(m, before_of(among)))
            continue
        alike = False
        m = claim.value(lambda path, among=among: point(path, among), laws)  # type: ignore[misc]
        some = unsure(flat[among], m, sure)
        if some is None:
            return None
        asked.append(among.start + np.concatenate([some, _sample(m, before_of(among))]))
    at = np.concatenate(asked)
    return None if at.size > x.size // 2 else _by_balls(claim, entries, laws, fmt, prefix, x, at)


def _bits(claim: Claim, entries: Entries, laws: Laws, flat: Array, among: slice) -> Array | None:
    """The law in the record's own format, if the record has these very numbers, all of them finite.

    It is one of the evaluations that balls cover.
    """
    x = flat[among]
    m = claim.value(lambda path: entries.points(path, among, x.dtype), laws)
    same = isinstance(m, np.ndarray) and m.dtype == x.dtype and m.shape == x.shape and np.array_equal(m, x)
    return m if same and np.isfinite(x.sum()) else None


GRANTED = REARRANGED / 2
"""Of the grant for rearrangements in units of u times a number that is itself off by rounding."""


def smooth(claim: Claim, laws: Laws) -> bool:
    """Whether it is about an update rule in which nothing is decided by numbers."""
    return is_update(claim) and bool(
        getattr(laws.update(claim.owners[0][0], cast(UpdateOp, claim.owners[0][1])), "smooth", False)
    )


def narrowest(claim: Claim, fmt: Format, laws: Laws) -> float:
    """How wide every ball of the law is at least, in units of u times its value; what does not round at all must be equal."""
    if claim.statement != "update":
        return REARRANGED if fmt.rearranged else LESS
    owner, op = claim.owners[0][0], cast(UpdateOp, claim.owners[0][1])
    return float(getattr(laws.update(owner, op), "least", lambda _op: 1.0)(op))


def unsure(x: Array, m: Num, sure: float) -> Array | None:
    """The entries that are not within one rounding of the law's value."""
    if not isinstance(m, np.ndarray) or m.shape != x.shape:
        return None
    distance = np.subtract(x, m)
    np.abs(distance, out=distance)
    size = np.abs(m)
    size *= sure
    near = distance <= size  # NaN is not
    return np.flatnonzero(~near)


def _sample(m: Array, before: Array | None) -> Array:
    """Entries that show how sharp the claim is: some at equal distances; of an update, where most of the parameter moves."""
    some = np.arange(0, m.size, SAMPLED)
    if before is None:
        return some
    every = max(m.size // 2**12, 1)
    part, size = m[::every], np.abs(m[::every])
    moves = np.abs(part - before[::every]) / np.maximum(size, SMALLEST)
    return np.append(some, every * int(np.argmax(moves)))


def _by_balls(claim: Claim, entries: Entries, laws: Laws, fmt: Format, prefix: str, whole: Array, at: Array) -> Finding | None:
    """The finding, by the balls of the entries at `at`."""
    value = claim.value(lambda path: entries.ball(path, fmt, at), laws)
    if not isinstance(value, Ball) or value.shape != at.shape:
        return None
    x, m = whole.reshape(-1)[at].astype(np.float64), value.mid
    r = np.broadcast_to(np.asarray(value.final_radius(), np.float64), m.shape) + SMALLEST
    distance = np.abs(x - m)
    if not (distance <= r).all() or not np.isfinite(r).all():
        return None
    before = entries.flat(claim.subject) if claim.statement == "update" else None
    scale = np.abs(m if before is None else m - before[at])
    with np.errstate(divide="ignore", over="ignore"):
        sharp = 2 * float((r / scale).min())
    if not sharp <= needed(fmt.u):
        return None
    share = distance / r
    worst = int(np.argmax(share))
    facts: Mapping[str, Any] = {
        "worst": tuple(int(i) for i in np.unravel_index(int(at[worst]), whole.shape)),
        "recorded": float(x[worst]),
        "expected": float(m[worst]),
        "radius": float(r[worst]),
        "relative": float(distance[worst] / abs(m[worst])) if m[worst] else 0.0,
        "size": prod(whole.shape),
    }
    return Finding(prefix + claim.path, claim.statement, "holds", float(share[worst]), sharp, **facts)

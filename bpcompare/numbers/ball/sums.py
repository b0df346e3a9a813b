"""Sums and products of balls. One sum of n terms is off by at most γ_n Σ|terms|, in any order, with FMA or without."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.array import Ball, as_ball, format_in, spread, within
from bpcompare.numbers.number import Axes, Num, central_moments
from bpcompare.numbers.sums import along

NARROW = 200_000
"""From this many multiplications on, radii are formed in float32: they need two digits, not sixteen."""


def dot(x: Num, w: Num, plus: Num | None) -> Ball:
    """x @ w + plus: midpoint in float64, and one pending sum of n products (and one more term)."""
    fmt = format_in((x, w, plus))
    x, w = as_ball(x, fmt), as_ball(w, fmt)
    n = fmt.roundings(x.mid.shape[-1])
    mid = x.mid @ w.mid
    tops = _top(x.mid), _top(w.mid)
    bulk = majorant(x.mid, w.mid, tops)
    most = n * tops[0] * tops[1] * (1 + n * fmt.u)  # of all entries of `bulk`
    major = majorant(x.magnitude(), w.magnitude()) if fmt.rearranged else None
    slack = x.rel + w.rel + x.rel * w.rel
    rad: Array | float = n * fmt.tiny
    for this, other, transposed in ((x, w, False), (w, x, True)):
        own = this.rad + this.pending() if this.n and this.bulk is not None else this.rad
        if isinstance(own, np.ndarray) and own.ndim:
            bound = np.abs(other.mid) + other.radius()
            full = spread(own, this.mid.shape)
            rad = rad + (bound @ full if transposed else full @ bound)
        elif own:
            sums = np.abs(other.mid).sum(axis=-1 if transposed else -2, keepdims=True)
            rad = rad + 2 * float(own) * sums
    if fmt.factors:
        rad = (1.0 + fmt.product) * rad + fmt.product * bulk
    if plus is not None:
        plus = as_ball(plus, fmt)
        mid += plus.mid
        above = _top(plus.mid)
        most += above
        bulk = _with(bulk, np.abs(plus.mid), above)
        major = None if major is None else major + plus.magnitude()
        rad = rad + plus.radius()
        n += 1
    rad = rad * (1 + fmt.gamma(n))  # terms that are larger by their radius round by more
    if not 2 * most <= fmt.room * fmt.largest:  # else nothing comes near the largest number
        rad = within(mid, rad, fmt, bulk)
    return Ball(mid, fmt, 0.0, rad, n, bulk, major, slack)


def _with(bulk: Array, term: Array, top: float) -> Array:
    """The sum of a majorant and one more term. `majorant` has room for that term's two roundings in float32."""
    if bulk.dtype == np.float32 and top < 2.0**60 and np.broadcast_shapes(bulk.shape, term.shape) == bulk.shape:
        bulk += term.astype(np.float32)
        return bulk
    return np.asarray(bulk + term)


def majorant(x: Array, w: Array, tops: tuple[float, float] | None = None) -> Array:
    """|x| @ |w|, never less than the exact value. Large ones in float32, scaled so that nothing overflows.

    `tops`: the largest absolute values of both, where they are known.
    """
    shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-2]), x.shape[-2], w.shape[-1])
    if x.shape[-1] * prod(shape) < NARROW:
        return np.abs(x) @ np.abs(w)
    top_x, top_w = tops or (_top(x), _top(w))
    if not (np.isfinite(top_x) and np.isfinite(top_w)):
        return np.full(shape, np.inf)
    n = x.shape[-1]
    scale = top_x * top_w
    # float32 rounding of n products, of one more term, and of conversions
    wider = 1 + 4 * (n + 4) * 2.0**-24
    # Below 2⁻⁶ the least entry, 2⁻¹²⁰, would leave the normal numbers of float32, and be rounded down to nothing.
    narrow = 2.0**-6 < scale < 2.0**60
    wider *= scale * (1 + 2.0**-20) if narrow else 1.0
    a, b = _scaled(x, top_x), _scaled(w, top_w)
    smaller = a if a.size < b.size else b
    smaller *= np.float32(wider)
    product = np.asarray(a @ b)
    product += np.float32(n * 2.0**-120 * max(1.0, wider))  # for entries that fell below the smallest number
    return product if narrow else product.astype(np.float64) * scale


def _top(x: Array) -> float:
    low, high = np.minimum.reduce(x, axis=None, initial=0.0), np.maximum.reduce(x, axis=None, initial=0.0)
    return float(max(high, -low)) or 1.0


def _scaled(x: Array, top: float) -> Array:
    narrow = np.multiply(x, 1.0 / top, dtype=np.float64) if not 2.0**-60 < top < 2.0**60 else x
    result = narrow.astype(np.float32)
    np.abs(result, out=result)
    if narrow is x:
        result *= np.float32(1.0 / top)
    return result


def total(terms: Sequence[Num]) -> Ball:
    """All terms as one sum; what is still pending in a term joins it."""
    fmt = format_in(terms)
    balls = [as_ball(term, fmt) for term in terms]
    mid: Array = balls[0].mid
    for ball in balls[1:]:
        mid = mid + ball.mid
    n = sum(ball.n for ball in balls) + len(balls)
    rad: Array | float = len(balls) * fmt.tiny
    slack = 0.0
    bulk: Array | float = 0.0
    major: Array | float = 0.0
    for ball in balls:
        rad = rad + ball.rad
        slack = max(slack, ball.slack)
        if ball.rel:
            rad = rad + ball.rel * np.abs(ball.mid)
        bulk = bulk + ball.absolute()
        if fmt.rearranged:
            major = major + ball.magnitude()
    # Two numbers are rounded once: a mask at the format's lowest number, added to a score, stays where it is.
    room = 1.0 if n == 2 and not fmt.rearranged else fmt.room
    rad = within(mid, rad * (1 + fmt.gamma(n)), fmt, np.asarray(bulk), room)
    return Ball(mid, fmt, 0.0, rad, n, np.asarray(bulk), np.asarray(major) if fmt.rearranged else None, slack)


def total_along(x: Ball, axis: Axes, keepdims: bool) -> Ball:
    """One sum along axes."""
    axes = (axis,) if isinstance(axis, int) else axis
    count = prod(x.mid.shape[a] for a in axes)
    n = x.fmt.roundings(count)
    mid = along(x.mid, axes, keepdims)
    bulk = along(x.absolute(), axes, keepdims)
    major = None
    if x.fmt.rearranged:
        major = bulk if x.major is None else along(x.major, axes, keepdims)
    rad: Array | float = n * x.fmt.tiny
    if isinstance(x.rad, np.ndarray) and x.rad.ndim:
        rad = rad + along(spread(x.rad, x.mid.shape), axes, keepdims)
    elif x.rad:
        rad = rad + float(x.rad) * count * (1 + 2.0**-50)
    if x.rel:
        rad = rad + x.rel * (bulk if x.bulk is None else along(np.abs(x.mid), axes, keepdims))
    rad = within(mid, rad * (1 + x.fmt.gamma(x.n + n)), x.fmt, bulk)
    return Ball(np.asarray(mid), x.fmt, 0.0, rad, x.n + n, bulk, major, x.slack)


def moments(x: Ball, axes: tuple[int, ...]) -> tuple[Ball, Ball]:
    """x − μ and σ². An error δ of μ is common to all deviations c, and Σc = 0: it moves σ² by δ², not by 2 δ mean|c|.

    Errors e of the entries themselves move σ² by 2 mean(c e): Chan, Golub, LeVeque, Am. Stat. 37 (1983), on the two-pass formula.
    """
    centred, variance = central_moments(x, axes)
    fmt, c = x.fmt, centred.mid
    count = prod(c.shape[axis] for axis in axes)

    def mean(part: Array) -> Array:
        return np.asarray(np.add.reduce(part, axis=axes, keepdims=True) / count)

    common = (total_along(x, axes, keepdims=True) / float(count)).radius()
    entries = x.radius()
    if isinstance(entries, np.ndarray) and entries.ndim:
        size = np.abs(c)
        own = entries + fmt.unit * size + fmt.tiny
        moved = 2 * mean(size * own) + 2 * common * np.abs(mean(c)) + mean((own + common) ** 2)
    else:
        # Errors of u|c| + e, with mean(c²) = σ²: then mean|c| ≤ σ, and the root mean square of a sum is at most its parts'.
        more, deviation = float(entries) + fmt.tiny, np.sqrt(variance.mid) * (1 + 2.0**-40)
        moved = 2 * deviation * (fmt.unit * deviation + more) + 2 * common * np.abs(mean(c))
        moved = moved + (fmt.unit * deviation + more + common) ** 2
    sharp = moved + (fmt.gamma(fmt.roundings(count) + 2)) * (variance.mid + moved) + fmt.tiny
    loose = np.asarray(variance.radius())
    rad = np.where(np.isfinite(loose), np.minimum(loose, sharp), loose)  # what overflowed stays infinite
    return centred, Ball(variance.mid, fmt, 0.0, rad, major=variance.major)


def scatter(x: Ball, index: Array, rows: int) -> Ball:
    """Rows added up where the index repeats: one sum of as many terms as an index was met. Met once at most, they only move."""
    shape = (rows, *x.mid.shape[index.ndim :])

    def added(part: Array) -> Array:
        y = np.zeros(shape)
        np.add.at(y, index, part)
        return y

    most = int(np.bincount(index.ravel(), minlength=1).max()) if index.size else 0
    if most <= 1:
        full = np.broadcast_to(np.asarray(x.rad + x.fmt.tiny), x.mid.shape)  # 0 + x may be flushed
        mid = added(x.mid)
        bulk, major = (None if part is None else added(part) for part in (x.bulk, x.major))
        return Ball(mid, x.fmt, x.rel, within(mid, added(full), x.fmt), x.n, bulk, major, x.slack)
    radius = np.broadcast_to(np.asarray(x.rad + x.rel * np.abs(x.mid) + x.fmt.tiny), x.mid.shape)
    major = added(x.magnitude()) if x.fmt.rearranged else None
    mid, bulk, most = added(x.mid), added(x.absolute()), most * (x.n + 1)
    radius = added(radius) * (1 + x.fmt.gamma(most))
    return Ball(mid, x.fmt, 0.0, within(mid, radius, x.fmt, bulk), most, bulk, major, x.slack)

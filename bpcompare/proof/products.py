"""Claims about sums of products: first in the record's own format, without the product of absolute values that a ball needs.

`bpcompare.numbers.inner` says why a number that is near enough to such a sum lies in the law's ball. Where one is not, or the law
does anything but adding up products, or too little could have shown, nothing is said, and balls decide.
"""

from __future__ import annotations

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.numbers.ball.format import WIDE
from bpcompare.numbers.inner import Inner
from bpcompare.numbers.number import Num
from bpcompare.numbers.parts import index_from
from bpcompare.numbers.sums import ROWS
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entrywise import LARGE
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import least as needed

SMALLEST = 1e-300
"""Added to radii before dividing by them."""

FEW = 2**20
"""So many products are worked out one by one for the numbers that are not near enough; if there are more, balls are quicker."""

MOST = 0.25
"""Beyond this γ_n, terms of second order count."""

NARROWED = 1.0 - 2.0**-10
"""For the roundings of the comparison itself, and of what is compared with."""


def summed(claim: Claim, balls: Balls, laws: Laws, prefix: str = "", value: Inner | None = None) -> Finding | None:
    """That `claim` holds, found out as above; None where that does not decide. `value` are its `sums`, if they are there."""
    value = sums(claim, balls, laws) if value is None else value
    x = balls.values.recorded[claim.path]
    return None if value is None else near(claim, x, value, format_for(claim, balls, laws), prefix)


def sums(claim: Claim, balls: Balls, laws: Laws) -> Inner | None:
    """What the laws make of a claim, if these are sums of products, or moves, and none comes near the format's largest number."""
    x = balls.values.recorded[claim.path]
    if not x.ndim or x.dtype.name != balls.fmt.dtype or claim.statement in ("update", "state") or balls.algorithms:
        return None
    if max([x.size, *(np.size(balls.number(path)) for path in claim.premises)]) < LARGE:
        return None
    fmt = format_for(claim, balls, laws)
    if fmt.rearranged or fmt.u > WIDE:  # 16 bits are added up in 32
        return None

    def get(path: str) -> Num:
        y = balls.number(path)
        if not (isinstance(y, np.ndarray) and y.dtype.kind == "f"):
            return y
        rel, rad = balls.widths(path, fmt)
        return Inner(y, rel=rel, rad=rad, most=balls.most(path, y))

    try:
        value = claim.value(get, laws)
    except Exception:  # noqa: BLE001 — whatever it is, it is found again where balls are asked
        return None
    if not isinstance(value, Inner) or value.shape != x.shape or value.dtype != x.dtype or value.n == 1:
        return None
    return value if 2 * value.most * (1 + value.n * fmt.u) <= fmt.room * fmt.largest else None


LEFT = 0.25
"""So much of what a sum may be off must be left over from what it is off here."""


def near(claim: Claim, x: Array, value: Inner, fmt: Format, prefix: str = "") -> Finding | None:
    """That all of `x` is within what rounding may do to `value`; None where that does not decide."""
    if value.n == 0:
        return _moved(claim, x, value, fmt, prefix)
    sure = allowed(value, fmt)
    at = None if sure is None else _asked(x, value, sure, fmt.tiny)
    if at is None or (found := worked_out(x, value, fmt, at)) is None:
        return None
    return _by(at, claim, x, fmt, prefix, found)


def alike(claim: Claim, balls: Balls, laws: Laws, value: Inner, prefix: str = "") -> Finding | None:
    """That `claim` holds, for it has the bits that the laws give in its own format; None where that does not decide.

    That is one of the evaluations that balls cover. Sums of few products are most often added up in one order everywhere.
    """
    x = balls.values.recorded[claim.path]
    if not 0 < value.n <= FEW_TERMS or not _first_alike(x, value) or not np.isfinite(x.sum()):
        return None
    m = claim.value(balls.number, laws)
    if not (isinstance(m, np.ndarray) and m.dtype == x.dtype and m.shape == x.shape and np.array_equal(m, x)):
        return None
    flat = x.reshape(-1)
    at = [start + SAMPLED * int(np.abs(flat[start : start + PART : SAMPLED]).argmax()) for start in range(0, x.size, PART)]
    fmt = format_for(claim, balls, laws)
    found = worked_out(x, value, fmt, np.array(at))
    return None if found is None else _by(np.array(at), claim, x, fmt, prefix, found)


def _first_alike(x: Array, value: Inner) -> bool:
    """Whether it is worth while to work out all of a product: not if the first rows have other bits."""
    if value.factors is None or len(x) <= ROWS:
        return True
    some = value.factors.x.mid[:ROWS] @ value.factors.w.mid
    some = some if value.factors.plus is None else some + value.factors.plus
    some = some if value.factors.kept is None else np.where(value.factors.kept[:ROWS], some, 0)
    return bool(np.array_equal(-some if value.factors.negative else some, x[:ROWS]))


FEW_TERMS = 80
"""Of so many terms at most, a sum is first worked out as the record may have it: then that costs less than all else."""

PART = 2**16
"""Of so many entries, a large one is worked out exactly, to show how sharp the claim is."""


def _by(at: Array, claim: Claim, x: Array, fmt: Format, prefix: str, found: tuple[Array, Array, Array]) -> Finding | None:
    """The finding, by what was `worked_out` of the entries at `at`; None where too little could have shown."""
    off, radius, exact = found
    with np.errstate(divide="ignore", over="ignore"):
        sharpest = 2 * float((radius / np.abs(exact)).min())
    if not sharpest <= needed(fmt.u):
        return None
    taken = off / radius
    most = int(taken.argmax())
    worst = tuple(int(i) for i in np.unravel_index(int(at[most]), x.shape))
    relative = float(off[most] / abs(exact[most])) if exact[most] else np.inf if off[most] else 0.0
    return Finding(
        prefix + claim.path,
        claim.statement,
        "holds",
        float(taken[most]),
        sharpest,
        worst,
        float(x[worst]),
        float(exact[most]),
        float(radius[most]),
        relative,
        size=x.size,
    )


def allowed(value: Inner, fmt: Format) -> float | None:
    """So near to a sum of this format, as a part of its Σ|terms|, a number lies in the ball; None where that is too near."""
    granted, mine = fmt.gamma(value.n), value.own * value.roundoff / (1 - value.own * value.roundoff)
    if not (granted < MOST and mine < (1 - LEFT) * granted):
        return None
    return (granted - mine) * NARROWED * (1 - 2 * mine)


def worked_out(x: Array, value: Inner, fmt: Format, at: Array) -> tuple[Array, Array, Array] | None:
    """How far the entries `at` are off, their balls' radii, and the law's numbers; None if one is off by more than rounding."""
    granted = fmt.gamma(value.n)
    exact, terms = value.exact(at + 1)
    off = np.abs(x.reshape(-1)[at] - exact)
    if not (off <= granted * terms).all():
        return None
    # What its ball grants beside that decides nothing here, but a mistake may hide in it.
    radius = (granted + value.rel + granted * value.rel) * terms + (value.rad + value.n * fmt.tiny) * (1 + granted) + SMALLEST
    return off, radius, exact


def _moved(claim: Claim, x: Array, value: Inner, fmt: Format, prefix: str) -> Finding | None:
    """That `x` has the very numbers of what is only moved. All of them are finite: none comes near the format's largest."""
    at = int(np.abs(x).argmax())
    size = abs(float(x.reshape(-1)[at]))
    if not size or not np.array_equal(x, value.mid):
        return None
    radius = max(value.rel, fmt.u) * size + value.rad + fmt.tiny
    worst = tuple(int(i) for i in np.unravel_index(at, x.shape))
    number = float(x[worst])
    return Finding(
        prefix + claim.path, claim.statement, "holds", 0.0, 2 * radius / size, worst, number, number, radius, 0.0, size=x.size
    )


def _asked(x: Array, value: Inner, sure: float, tiny: float) -> Array | None:
    """Which entries are to be worked out: those that are not near enough, the one that is least near, and large ones.

    None if there are too many of them. `tiny`, of the n that a ball grants for underflow, is left to each entry, too.
    """
    unsure: list[Array] = []
    large: list[int] = []
    nearest: list[int] = []
    largest, count, most = -1.0, 0, max(1, FEW // value.n)
    for part, start, m, low in value.blocks():
        distance = np.asarray(np.subtract(m, x[part]))
        np.abs(distance, out=distance)
        room = np.multiply(low, low.dtype.type(sure))
        room += low.dtype.type(tiny)
        np.divide(distance, room, out=distance)
        index = int(distance.argmax())  # NaN is the largest
        here = float(distance.flat[index])

        def place(index: int, shape: tuple[int, ...] = m.shape, start: tuple[int, ...] = start) -> int:
            return int(np.ravel_multi_index(index_from(index, shape, start), x.shape))

        if not here <= 1:
            far = np.flatnonzero(~(distance <= 1))
            count += far.size
            if count > most:
                return None
            moved = tuple(at + first for at, first in zip(np.unravel_index(far, m.shape), start, strict=True))
            unsure.append(np.ravel_multi_index(moved, x.shape))
        elif here > largest:
            largest, nearest = here, [place(index)]
        some = m.reshape(-1)[::SAMPLED] if m.flags.c_contiguous else np.asarray(m.flat[::SAMPLED])
        large.append(place(SAMPLED * int(np.abs(some).argmax())))
    return np.concatenate([*unsure, np.array([*nearest, *large])]).astype(np.int64)


SAMPLED = 16
"""Of so many entries one is looked at, for large ones: they show how sharp the claim is."""

"""Claims about sums of products: first in the record's own format, without the product of absolute values that a ball needs.

`bpcompare.numbers.inner` says why a number that is near enough to such a sum lies in the law's ball. Where one is not, or the law
does anything but adding up products, or too little could have shown, nothing is said, and balls decide.
"""

from __future__ import annotations

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.numbers.inner import Inner
from bpcompare.numbers.number import Num
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entrywise import LARGE
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.finding import Finding
from bpcompare.proof.inside import index_from, parts
from bpcompare.proof.power import least as needed

SMALLEST = 1e-300
"""Added to radii before dividing by them."""

FEW = 2**20
"""So many products are worked out one by one for the numbers that are not near enough; if there are more, balls are quicker."""

MOST = 0.25
"""Beyond this γ_n, terms of second order count."""

NARROWED = 1.0 - 2.0**-10
"""For the roundings of the comparison itself, and of what is compared with."""


def summed(claim: Claim, balls: Balls, laws: Laws, prefix: str = "") -> Finding | None:
    """That `claim` holds, found out as above; None where that does not decide."""
    x = balls.values.recorded[claim.path]
    if x.size < LARGE or x.dtype.name != balls.fmt.dtype or claim.statement in ("update", "state") or balls.algorithms:
        return None
    fmt = format_for(claim, balls, laws)
    if fmt.rearranged or fmt.flushes:
        return None

    def get(path: str) -> Num:
        y = balls.number(path)
        return Inner(y) if isinstance(y, np.ndarray) and y.dtype.kind == "f" else y

    try:
        value = claim.value(get, laws)
    except Exception:  # noqa: BLE001 — whatever it is, it is found again where balls are asked
        return None
    if not isinstance(value, Inner) or value.shape != x.shape or value.mid.dtype != x.dtype or value.n <= value.own:
        return None
    if not 2 * value.most * (1 + value.n * fmt.u) <= fmt.room * fmt.largest:
        return None
    return _finding(claim, x, value, fmt, prefix)


def _rounded(n: int, x: Array) -> float:
    """γ_n of the format in which x is computed here."""
    nu = n * float(np.finfo(x.dtype).eps) / 2
    return nu / (1 - nu)


def _finding(claim: Claim, x: Array, value: Inner, fmt: Format, prefix: str) -> Finding | None:
    granted, mine = fmt.gamma(value.n), _rounded(value.own, x)
    if not granted < MOST:
        return None
    at = _asked(x, value, x.dtype.type((granted - mine) * NARROWED * (1 - 2 * mine)))
    if at is None:
        return None
    exact, terms = value.exact(at + 1)
    radius = granted * terms + SMALLEST
    off = np.abs(x.reshape(-1)[at] - exact)
    if not (off <= radius).all():
        return None
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


def _asked(x: Array, value: Inner, sure: float) -> Array | None:
    """Which entries are to be worked out: those that are not near enough, the one that is least near, and large ones.

    None if there are too many of them.
    """
    unsure: list[Array] = []
    others: list[int] = []
    largest, count = -1.0, 0
    for part, start in parts(value.mid):
        m = value.mid[part]
        distance, room = np.subtract(m, x[part]), value.low[part] * sure
        np.abs(distance, out=distance)
        near = distance <= room  # NaN is not

        def place(index: int, shape: tuple[int, ...] = m.shape, start: tuple[int, ...] = start) -> int:
            return int(np.ravel_multi_index(index_from(index, shape, start), x.shape))

        if not near.all():
            places = [place(int(index)) for index in np.flatnonzero(~near)[: FEW // value.n]]
            count += len(places)
            unsure.append(np.array(places))
            if count >= FEW // value.n:
                return None
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(distance, room, out=distance)
        distance[~near | (room == 0)] = 0.0
        index = int(distance.argmax())
        here = float(distance.reshape(-1)[index]) if distance.flags.c_contiguous else float(distance.flat[index])
        others += [place(int(np.abs(m, out=room).argmax()))]
        if here > largest:
            largest, nearest = here, place(index)
    return np.concatenate([*unsure, np.array([nearest, *others])]).astype(np.int64)

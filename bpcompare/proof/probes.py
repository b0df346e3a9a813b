"""Large products, tried along random vectors first (Freivalds): Y v against X (W v), a few vectors in place of all columns.

A wrong entry moves its row's Y v by itself times v. The vectors are drawn when the record is in, from the system's entropy, so
that no record can be made to fit them. A row that is off by more than its threshold is judged entry by entry, as all others are:
nothing is refuted here, and what balls would refute is held with a small probability only, which docs/mathematics.md states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.numbers.inner import Factors, Inner
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import least as needed
from bpcompare.proof.products import near, sums

PROBES = 8
"""Random vectors."""

TIMES = 6.0
"""What is so many times its threshold escapes all of them with a probability of at most TIMES^-PROBES: one in a million."""

MARGIN, HONEST = 0.25, 3.0
"""A threshold is this share of the mean radius of a row's balls, or so many √m/n of it where honest rounding needs more."""

PAYS = 40
"""So many multiplications for each number that is visited make a product dearer than its probes."""

BLOCK = 2**16
"""So many numbers are widened at a time."""

ROWS = 4
"""So many rows are judged entry by entry in any case: those nearest to their thresholds, and as many in which most would show."""

SEEN = 64
"""By so many rows the scale of each column is estimated."""


def probed(
    claim: Claim, balls: Balls, laws: Laws, random: np.random.Generator, prefix: str = "", value: Inner | None = None
) -> Finding | None:
    """That `claim` holds, as far as probes and the rows that they point at can say; None where that does not decide.

    `value` are its `sums`, if they are there.
    """
    value = sums(claim, balls, laws) if value is None else value
    fmt = format_for(claim, balls, laws)
    # In float64 nobody works a sum out more exactly than the record does.
    if value is None or value.factors is None or value.factors.kept is not None or fmt.u < 2.0**-40:
        return None
    (rows, n), m = value.factors.x.shape, value.shape[1]
    unit = max(MARGIN, HONEST * np.sqrt(m) / n) * fmt.gamma(value.n)
    if rows <= ROWS or rows * n * m < PAYS * (rows * m + rows * n + n * m) or unit > fmt.gamma(value.n):
        return None
    if 3 * 2.0**-53 * m * (m + n) > unit / 16:  # what is worked out here rounds, too
        return None
    x = balls.values.recorded[claim.path]
    rest = _residuals(x, value.factors, unit, n * fmt.tiny, random)
    taken = rest.off / rest.threshold
    fired = ~(taken <= 1)  # NaN is not
    if np.count_nonzero(fired) > rows // 8:
        return None
    nearest = np.argpartition(np.where(fired, 0.0, -taken), ROWS)[:ROWS]
    largest = np.argpartition(np.where(fired, 0.0, -rest.size / rest.threshold), ROWS)[:ROWS]
    asked = np.union1d(np.flatnonzero(fired), np.append(nearest, largest))
    return _finding(claim, x, value.factors, fmt, asked, np.outer(rest.threshold[asked], rest.scale), prefix)


def _finding(
    claim: Claim, x: Array, factors: Factors, fmt: Format, asked: Array, thresholds: Array, prefix: str
) -> Finding | None:
    """The finding, by the entries of the rows that are `asked`, and by their `thresholds`."""
    these = _some(factors, asked)
    found = near(claim, x[asked], these, fmt, prefix)
    if found is None:
        return None
    with np.errstate(divide="ignore"):
        shows = TIMES * float((thresholds / np.abs(these.mid)).min())
    if not shows <= needed(fmt.u):
        return None
    worst = (int(asked[found.worst[0]]), *found.worst[1:])
    unjudged = x.size - asked.size * x.shape[1]
    return replace(found, power=max(found.power, shows), worst=worst, size=x.size, probed=unjudged)


def _some(factors: Factors, rows: Array) -> Inner:
    """Some rows of a product, worked out: they are read more than once."""
    found = Inner.dot(factors.x[rows], factors.w, None if factors.plus is None else Inner(factors.plus))
    found.work_out()
    return found.turned() if factors.negative else found


@dataclass(frozen=True, eq=False)
class Residuals:
    """Of each row |Y v − X W v| and |Y v|, the largest of all probes, and its threshold; what each column is divided by in v."""

    off: Array
    size: Array
    threshold: Array
    scale: Array


def _residuals(y: Array, factors: Factors, unit: float, tiny: float, random: np.random.Generator) -> Residuals:
    """`unit`, of Σ|terms|, is what a threshold allows, and `tiny` what any sum may lose."""
    x, w = factors.x.mid, factors.w.mid
    m = w.shape[1]
    plus = np.zeros(m) if factors.plus is None else factors.plus.astype(np.float64)
    scale = _scale(x, w) + np.abs(plus)
    scale = np.maximum(scale, max(float(scale.max()) * 2.0**-20, float(np.finfo(y.dtype).smallest_normal)))
    v = random.uniform(0.5, 1.5, (m, PROBES)) * random.choice((-1.0, 1.0), (m, PROBES)) / scale[:, None]
    wv, q = along(w, v, 1.0 / (m * scale))
    xwv, terms = along(x, wv, q)
    yv, _ = along(y, v)
    off = np.abs((-yv if factors.negative else yv) - xwv - plus @ v).max(axis=1)
    threshold = unit * (terms + float((np.abs(plus) / scale).mean())) + tiny * float((1.0 / scale).mean())
    return Residuals(off, np.abs(yv).max(axis=1), threshold, scale)


def _scale(x: Array, w: Array) -> Array:
    """How large a column's Σ|terms| are, by some rows. Whatever it is, thresholds hold for it."""
    size = np.abs(x[:: max(len(x) // SEEN, 1)]).mean(axis=0)
    found = np.zeros(w.shape[1])
    turned = w.flags.f_contiguous and not w.flags.c_contiguous
    lying = w.T if turned else w
    step = max(BLOCK // max(lying.shape[1], 1), 1)
    for start in range(0, len(lying), step):
        some = slice(start, start + step)
        if turned:
            found[some] = np.abs(lying[some]) @ size
        else:
            found += size[some] @ np.abs(lying[some])
    return found


def along(x: Array, v: Array, q: Array | None = None) -> tuple[Array, Array]:
    """x @ v, and |x| @ q, in float64: x is visited once, in the order in which it lies in memory."""
    one, other = np.zeros((len(x), v.shape[1])), np.zeros(len(x))
    turned = x.flags.f_contiguous and not x.flags.c_contiguous
    lying = x.T if turned else x
    step = max(BLOCK // max(lying.shape[1], 1), 1)
    for start in range(0, len(lying), step):
        some = slice(start, start + step)
        wide = lying[some].astype(np.float64)
        if turned:
            one += wide.T @ v[some]
        else:
            one[some] = wide @ v
        if q is not None:
            np.abs(wide, out=wide)
            if turned:
                other += q[some] @ wide
            else:
                other[some] = wide @ q
    return one, other

"""What kind of mistake it is, where all elements together show it: a constant factor, nothing at all, rows for columns."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from bpcompare.mistakes.diagnosis import Ratio, among
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.judged import Judged
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate

LEAST = 2
"""Elements that must agree on a constant nobody knows before it is one."""
TOLD_APART = 0.01
"""Relative size from which on a factor is not 1 for sure, however wide the balls are."""


def constant(one: Judged, claim: Claim) -> str:
    """In words; "" where the elements have nothing in common that is known."""
    balls = Balls(one.values, format_of("float64"))
    balls = balls.of(claim) if claim.dtype else balls
    x = balls.values.recorded[claim.path].astype(np.float64)
    with np.errstate(all="ignore"):
        law = evaluate(claim, balls, one.laws)
        if not np.isfinite(x).all() or not np.isfinite(law.mid).all() or x.shape != law.mid.shape:
            return ""
        if not x.any() and claim.statement != "update":
            return "every element is 0: nothing was given back"
        before = balls.values.given[claim.subject].astype(np.float64) if claim.statement == "update" else np.zeros(())
        if before.shape and np.array_equal(x, before):
            return "no element moved: it is what it was before the step"
        found = among(claim, balls, _constants(one, x.shape), one.laws)
        if found is not None:
            return f"exactly {found.name} times the law in every element, within rounding: {found.hint}"
        return _factor(x - before, law, before) or _turned(x, law)


def _factor(x: Array, law: Ball, before: Array) -> str:
    """The same factor everywhere, whatever it is."""
    m, radius = law.mid - before, np.broadcast_to(np.asarray(law.final_radius(), np.float64), law.mid.shape)
    if np.count_nonzero(m) < LEAST:
        return ""
    at = np.unravel_index(int(np.argmax(np.abs(m))), m.shape)
    factor = float(x[at] / m[at])
    loose = float(radius[at] / abs(m[at])) * np.abs(m)
    alike = bool((np.abs(x - factor * m) <= max(1.0, abs(factor)) * (radius + loose)).all())
    what = "the law's change" if before.shape else "the law"
    return f"{factor:.6g} times {what} in every element, within rounding" if alike and abs(factor - 1) > TOLD_APART else ""


def _turned(x: Array, law: Ball) -> str:
    """A square matrix with rows for columns."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return ""
    m = np.swapaxes(law.mid, -1, -2)
    radius = np.swapaxes(np.broadcast_to(np.asarray(law.final_radius(), np.float64), law.mid.shape), -1, -2)
    return "the law's numbers with rows for columns: it is transposed" if bool((np.abs(x - m) <= radius).all()) else ""


def _constants(one: Judged, shape: tuple[int, ...]) -> Iterator[tuple[float, Ratio]]:
    """Constants that people forget or write twice, in the order in which they are believed."""
    yield -1.0, Ratio("−1", "the sign is turned")
    for value, name in ((2.0, "2"), (0.5, "½")):
        yield value, Ratio(name, "a ½ is missing, or one too many; or a part of it counts twice")
    sizes = {size: None for size in (*shape[:1], *shape[-1:], prod(shape), *_first(one)) if size > 2}
    for size in sizes:
        hint = f"a sum over {size:,} where their mean is meant, or the other way round"
        yield float(size), Ratio(f"{size:,}", hint)
        yield 1.0 / size, Ratio(f"1/{size:,}", hint)


def _first(one: Judged) -> Iterator[int]:
    """Sizes of first axes: batches."""
    for value in one.recording.program.values.values():
        if value.given and not value.parameter and value.path in one.recording.given:
            yield from np.shape(one.recording.given[value.path])[:1]

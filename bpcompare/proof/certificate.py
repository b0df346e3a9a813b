"""The proof, carried out on one record: every claim's law in ball arithmetic, on the record's own inputs of that step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import isfinite
from typing import Any, Literal

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.array import spread
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.number import Side
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.record import Record
from bpcompare.proof.balls import Balls
from bpcompare.proof.bits import moved
from bpcompare.proof.choices import Chosen, Sides
from bpcompare.proof.claims import Claim, Claims
from bpcompare.proof.entrywise import LARGE
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Certificate, Doubt, Finding
from bpcompare.proof.findings import Findings
from bpcompare.proof.infinities import handed_on
from bpcompare.proof.inside import NEARLY_ONE, SMALLEST, inside
from bpcompare.proof.kinks import excused
from bpcompare.proof.latitude import latitude, named
from bpcompare.proof.nodes import SideBySide
from bpcompare.proof.power import least as needed
from bpcompare.proof.power import power
from bpcompare.proof.question import question
from bpcompare.proof.quick import quickly
from bpcompare.proof.recomputed import Recomputed
from bpcompare.proof.reduced import reduced, whole_first
from bpcompare.proof.stacked import Stacked
from bpcompare.proof.structure import settled
from bpcompare.proof.together import together
from bpcompare.proof.values import StepValues, step_values
from bpcompare.proof.vanishing import vanishes

INFINITE = float("inf")

Means = Literal["probes", "full", "balls"]
"""How claims are judged: large products along random vectors; every element, most without a ball; every element by its ball."""


def certify(
    plan: Plan, record: Record, laws: Laws = LAWS, steps: Sequence[int] | None = None, means: Means = "full"
) -> Certificate:
    """Judge every claim of every step of `record`.

    `steps`: numbers of the steps that are judged, from 1; None for all. The record must fit the plan (`engine.worker.answer`).
    Random vectors are drawn from the system's entropy now that the record is there.

    Never raises on what a record holds: NaN, infinities and overflow are findings. A record with a failure gives a
    certificate with that failure and no findings.
    """
    if record.failure is not None:
        return Certificate(record.provenance, (), failure=record.failure)
    fmt = format_of(plan.dtype, record.provenance.flushes)
    listed = question(plan).claims
    random = np.random.default_rng() if means == "probes" else None
    with np.errstate(all="ignore"):
        asked = {
            number: Balls(values, fmt, record.provenance.algorithms, quick=means != "balls", random=random)
            for number, values in enumerate(step_values(plan, record), 1)
            if steps is None or number in steps
        }
        sure = Stacked(plan, listed, list(asked.values()), laws)
        findings = [
            _step_judged(
                plan, listed, balls, laws, record.provenance.mode, step_prefix(number), sure.shares[row], sure.powers[row]
            )
            for row, (number, balls) in enumerate(asked.items())
        ]
        joined = Findings.joined(findings)
        for balls in asked.values():
            balls.rest()
        return Certificate(record.provenance, joined.with_judged(settled(plan, listed, laws, joined.judged)))


def _step_judged(
    plan: Plan, listed: Claims, balls: Balls, laws: Laws, mode: str, prefix: str, shares: Array, powers: Array
) -> Findings:
    """The findings of one step: those of nodes side by side, the others one by one. What has a share already holds."""
    together, sure = SideBySide(plan, listed, balls, laws), ~np.isnan(shares)
    left = [place for place in together.left if not sure[place]]
    judged = dict(zip(left, _one_by_one([listed[place] for place in left], balls, laws, prefix), strict=True))
    if mode != "eager":
        judged = _reconsidered(listed, judged, balls, laws, prefix)

    def made(place: int) -> Finding:
        claim, before = listed[place], None
        if sure[place]:
            with np.errstate(all="ignore"):
                return judge(claim, balls, laws, prefix)
        if claim.statement == "update":
            before = balls.values.given[claim.subject]
        with np.errstate(all="ignore"):
            return _judged(claim, prefix, balls.recorded(claim.path), together.law(place), balls, laws, before, {})

    statements = np.where(sure, listed.statements if sure.any() else "", together.statements)
    shares, powers = np.where(sure, shares, together.shares), np.where(sure, powers, together.powers)
    return Findings(statements, shares, powers, judged, made)


def _one_by_one(claims: Sequence[Claim], balls: Balls, laws: Laws, prefix: str) -> list[Finding]:
    zeros: dict[str, float] = {}
    judged = []
    sure = together(claims, balls, laws, prefix) if balls.quick else {}
    for place, claim in enumerate(claims):
        finding = sure.get(place) or judge(claim, balls, laws, prefix, zeros)
        if finding.terms and claim.statement == "gradient":
            zeros[claim.path] = finding.terms
        judged.append(finding)
    return judged


def _reconsidered(listed: Claims, judged: dict[int, Finding], balls: Balls, laws: Laws, prefix: str) -> dict[int, Finding]:
    """Refuted claims of compiled code once more, on premises that may have been computed again."""
    if not any(finding.outcome == "refuted" for finding in judged.values()):
        return judged
    wider = Recomputed(balls, {claim.path: claim for claim in listed if claim.owners}, laws)
    zeros = {listed.paths[place]: finding.terms for place, finding in judged.items() if finding.terms}
    found = {}
    for place, finding in judged.items():
        claim = listed[place]
        again = judge(claim, wider, laws, prefix, zeros) if finding.outcome == "refuted" and claim.owners else finding
        found[place] = finding if again.outcome == "refuted" else again
    return found


def judge(claim: Claim, balls: Balls, laws: Laws, prefix: str = "", zeros: Mapping[str, float] | None = None) -> Finding:
    """One claim on one record, element by element: what leaves a finite ball is refuted, whatever its neighbours are.

    `prefix` is put before the claim's path in the finding ("step2/"). `zeros`: the gradients of this step that are 0 up to
    rounding, by path, with the size of the terms that cancelled. Raises AssertionError if the law has another shape than the
    record, which is a defect of the law and not of the record.
    """
    balls = balls.of(claim) if claim.dtype else balls
    if not reduced(claim):
        return _judge(claim, balls, laws, prefix, zeros)
    return whole_first(balls, lambda on: _judge(claim, on, laws, prefix, zeros))


def _judge(claim: Claim, balls: Balls, laws: Laws, prefix: str, zeros: Mapping[str, float] | None) -> Finding:
    if (found := moved(claim, balls.values, balls.fmt, laws, prefix)) is not None:
        return found
    if not claim.owners:  # frozen: no arithmetic, so no rounding
        return _frozen(claim, prefix, balls.recorded(claim.path), balls.values.given[claim.subject])
    if balls.quick and (found := quickly(claim, balls, laws, prefix)) is not None:
        return found
    ball = evaluate(claim, balls, laws)
    before = balls.values.given.get(claim.subject) if claim.statement == "update" else None
    if balls.quick and (balls.exact or ball.mid.size >= LARGE):
        found = inside(claim, balls.values.recorded[claim.path], ball, balls.fmt.u, before, prefix)
        if found is not None:
            return found
    x = balls.recorded(claim.path)
    if ball.mid.shape != x.shape:
        raise AssertionError(f"the law of {claim.path} has shape {ball.mid.shape}, the record {x.shape}")
    return _judged(claim, prefix, x, ball, balls, laws, before, zeros or {})


def _judged(
    claim: Claim, prefix: str, x: Array, ball: Ball, balls: Balls, laws: Laws, before: Array | None, zeros: Mapping[str, float]
) -> Finding:
    m = ball.mid
    if not m.size:
        return _undecided(claim, prefix, x, m, (), "there is nothing in it")
    r = spread(ball.final_radius(), m.shape)
    if balls.algorithms:
        r = r + latitude(claim, balls.algorithms, m.shape, balls.fmt, balls.lookup, laws)
    x, m, r = handed_on(claim, x, m, r, balls, laws)
    distance = np.asarray(np.subtract(x, m))
    np.abs(distance, out=distance)
    # NaN and infinity, of the record, of the radius or of the midpoint, are found in the extremes.
    decided: Array | None = None
    if not (isfinite(_most(r)) and isfinite(_most(distance)) and np.minimum.reduce(r, axis=None) >= 0):
        decided = _decidable(claim, x, m, r, balls)
        distance = np.where(decided, np.where(np.isfinite(distance), distance, np.inf), 0.0)
    floored = np.asarray(np.add(r, SMALLEST, dtype=np.float64))
    share = np.asarray(distance / floored)
    if decided is not None:
        share[~decided] = 0.0
    at = np.unravel_index(int(np.argmax(share)), share.shape)
    index = tuple(int(i) for i in at)
    largest = float(share[at])
    facts: dict[str, Any] = {
        "worst": index,
        "recorded": float(x[at]),
        "expected": float(m[at]),
        "radius": float(r[at]),
        "relative": float(distance[at] / abs(m[at])) if m[at] else float("inf") if distance[at] else 0.0,
        "size": m.size,
    }
    outside = distance > r if largest > NEARLY_ONE else None
    if outside is not None and decided is not None:
        outside &= decided
    if outside is not None and outside.any():
        facts["off"] = int(outside.sum())
        if not np.isfinite(x[outside]).all():
            note = _not_finite(x)
            return Finding(prefix + claim.path, claim.statement, "refuted", largest, 0.0, **facts, note=note)
        outcome, note = _at_a_kink(claim, balls, laws, x, outside)
        least, blurred = power(floored, _step(m, before))
        return Finding(
            prefix + claim.path,
            claim.statement,
            outcome,
            largest,
            least,
            blurred=blurred,
            **facts,
            note=note,
        )
    if decided is not None:
        return _unbounded(claim, prefix, x, m, ~decided, balls)
    least, blurred = power(floored, _step(m, before), out=share)
    if least <= needed(balls.fmt.u):
        return Finding(prefix + claim.path, claim.statement, "holds", largest, least, blurred=blurred, **facts)
    facts |= {"share": largest, "blurred": blurred}
    terms = cache(partial(_terms, claim, balls, laws, ball))
    return _weak(claim, prefix, floored, m, before, least, balls, laws, zeros, terms, facts)


def _most(x: Array) -> float:
    """The largest number; NaN where there is one."""
    return float(np.maximum.reduce(x, axis=None))


def _step(m: Array, before: Array | None) -> Array:
    """What a mistake is measured against: the law's value, of an update its change."""
    return m if before is None else np.asarray(m - before)


def _decidable(claim: Claim, x: Array, m: Array, r: Array, balls: Balls) -> Array:
    """Where the law gives a finite ball, and an infinity or NaN in the record cannot come from an overflow in the format."""
    decided = np.isfinite(r) & np.isfinite(m) & (r >= 0)
    broken = ~np.isfinite(x)
    if broken.any():
        # Frameworks order products otherwise than the law: where two inputs could overflow together, so could they.
        read = [balls.values.recorded[path] for path in claim.premises if path in balls.values.recorded]
        near = any(not float(np.abs(y).max(initial=0.0)) <= np.sqrt(balls.fmt.largest) for y in read if y.dtype.kind == "f")
        if near:
            decided &= ~broken
        else:
            decided &= ~(broken & (np.abs(m) + r >= balls.fmt.largest))
    return np.asarray(decided)


def _not_finite(x: Array) -> str:
    broken = ~np.isfinite(x)
    at = [int(i) for i in np.unravel_index(int(np.argmax(broken)), broken.shape)] if broken.ndim else []
    if not at:
        return "it is NaN or infinite"
    return f"{int(broken.sum())} of {broken.size} elements are NaN or infinite, the first at {at}"


def _unbounded(claim: Claim, prefix: str, x: Array, m: Array, open_: Array, balls: Balls) -> Finding:
    """Some elements have no finite ball, and none of the others is outside its own."""
    broken = ~np.isfinite(x)
    shown = broken if broken.any() else open_
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(shown)), shown.shape)) if shown.ndim else ()
    doubt: Doubt = "infinite" if broken.any() else "unbounded"
    if broken.any():
        cause = (
            "products of what it is computed from overflow"
            if np.isfinite(m[broken]).any()
            else "so is the law's value: it overflows, or is computed from such numbers"
        )
        note = f"{_not_finite(x)}; {cause}"
    else:
        count = f"in {int(open_.sum())} of {open_.size} elements"
        cause = f"a divisor or logarithm near 0, or a number near {balls.fmt.largest:.2g}, the largest"
        note = f"the rounding bound is infinite {count}: {cause}"
    return _undecided(claim, prefix, x, m, at, note, doubt, off=int(shown.sum()))


def _weak(
    claim: Claim,
    prefix: str,
    r: Array,
    m: Array,
    before: Array | None,
    least: float,
    balls: Balls,
    laws: Laws,
    zeros: Mapping[str, float],
    terms: Callable[[], Array],
    facts: Mapping[str, Any],
) -> Finding:
    """No element is outside, but none is sharp either: 0 up to rounding, 0 by structure, or too little precision."""
    step = _step(m, before)
    inside = np.abs(step) <= r
    if inside.any():
        if before is not None and inside.all() and (size := zeros.get(f"{claim.subject}.gradient", 0.0)):
            note = f"nothing moves: its gradient is 0 up to rounding, what is left of terms of size {size:.2g}"
            return Finding(prefix + claim.path, claim.statement, "holds", power=0.0, terms=size, note=note, **facts)
        sharp, _ = power(r, np.where(inside, terms(), np.abs(step)))
        size = float(terms()[inside].max())  # beside terms without a bound, any number is small
        if before is None and np.isfinite(size) and sharp <= needed(balls.fmt.u) and vanishes(claim, balls, laws, inside):
            note = f"0 up to rounding: what is left of terms of size {size:.2g}"
            return Finding(prefix + claim.path, claim.statement, "holds", power=sharp, terms=size, note=note, **facts)
    left = None
    if before is None and np.isfinite(least):
        left = float(np.max(np.abs(m) / np.where(terms() > 0, terms(), np.inf)))
    doubt, note = _doubt(claim, least, before, bool(inside.all()), balls, left)
    return Finding(prefix + claim.path, claim.statement, "undecided", power=least, note=note, doubt=doubt, **facts)


def _doubt(claim: Claim, least: float, before: Array | None, inside: bool, balls: Balls, left: float | None) -> tuple[Doubt, str]:
    """Why nothing could show here, as a word and in words. `left`: what of the size of its terms is left, at most."""
    if before is not None and not _gradient(claim, balls.values).any() and (inside or not np.isfinite(least)):
        return "zero", "its gradient is 0 in every element, so nothing moves and no mistake could show"
    if before is not None and inside:
        return (
            "still",
            "the step is lost in the rounding of the parameter, so no mistake could show; a larger learning rate would help",
        )
    if not np.isfinite(least):
        return "zero", "the law gives zero in every element, so no mistake could show; other data or initial weights would help"
    if how := named(claim, balls.algorithms, balls.fmt):
        return "algorithm", f"computed as {how}, whose rounding bound is weaker than a direct sum's; switch it off to decide"
    cure = "a wider dtype" if balls.fmt.u > 2.0**-53 else "other data or initial weights"
    rounding = f"rounding alone could move every element by more than {needed(balls.fmt.u):.0%}"
    return "blurred", f"{rounding}{'' if left is None or left >= CANCELLED else _cancels(left)}; {cure} would decide it"


CANCELLED = 0.1
"""Below this share of Σ|terms| it is said that terms cancel."""


def _cancels(left: float) -> str:
    return f", for its terms cancel: at most {left:.1g} of their size is left"


def _gradient(claim: Claim, values: StepValues) -> Array:
    path = f"{claim.subject}.gradient"
    found: Array = values.recorded[path] if path in values.recorded else values.given[path]
    return found


def _terms(claim: Claim, balls: Balls, laws: Laws, ball: Ball) -> Array:
    """Σ|terms|: the law evaluated with absolute values, as the ball of a law that is granted rearrangements has been."""
    wide = ball if ball.fmt.rearranged else evaluate(claim, balls, laws, majorant=True)
    return spread(wide.magnitude(), ball.shape)


def _at_a_kink(
    claim: Claim, balls: Balls, laws: Laws, x: Array, outside: Array
) -> tuple[Literal["convention", "refuted", "undecided"], str]:
    """Whether the elements outside their balls are valid after all, because they sit on a kink."""

    def at(side: Side, ties: Side) -> Ball:
        return evaluate(claim, balls, laws, side=side, ties=ties)

    def chosen(sides: Sides) -> Ball:
        return evaluate(claim, balls, Chosen(laws, sides))

    return excused(claim, laws, x, outside, at, balls.lookup(balls.fmt(ties="high")), chosen)


def _frozen(claim: Claim, prefix: str, x: Array, before: Array) -> Finding:
    off = x != before
    if not off.any():
        return Finding(prefix + claim.path, claim.statement, "holds", 0.0, 0.0, size=x.size, note="frozen: must not change")
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape)) if off.ndim else ()
    relative = float(abs(x[at] - before[at]) / abs(before[at])) if before[at] else float("inf")
    return Finding(
        prefix + claim.path, claim.statement, "refuted", INFINITE, 0.0, at, float(x[at]), float(before[at]), 0.0, relative, None,
        int(off.sum()), x.size, note="frozen, yet it changed",
    )  # fmt: skip


def _undecided(
    claim: Claim, prefix: str, x: Array, m: Array, at: tuple[int, ...], note: str, doubt: Doubt = "empty", off: int = 0
) -> Finding:
    value, law = (float(x[at]), float(m[at])) if m.size else (0.0, 0.0)
    return Finding(
        prefix + claim.path, claim.statement, "undecided", 0.0, INFINITE, at, value, law, INFINITE,
        off=off, size=m.size, note=note, doubt=doubt,
    )  # fmt: skip

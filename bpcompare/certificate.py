"""The proof, carried out on one record: every claim's law in ball arithmetic, on the record's own inputs of that step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Literal

import numpy as np

from bpcompare.arithmetic import Num
from bpcompare.ball import Ball, Format
from bpcompare.ball.format import format_of
from bpcompare.claims import Claim, claims
from bpcompare.finding import Certificate, Finding
from bpcompare.laws import LAWS, Laws
from bpcompare.parameter import Array
from bpcompare.plan import Plan, step_prefix
from bpcompare.power import LEAST, power
from bpcompare.record import Record
from bpcompare.values import StepValues, step_values

INFINITE = float("inf")
SMALLEST = 1e-300
"""Added to radii before dividing by them. Only what is reported is divided; what decides is |recorded − law| ≤ r itself."""
NEARLY_ONE = 0.999
"""Below this largest share, no element can be outside its ball, and the exact comparison is left out."""


class Balls:
    """Looks quantities up as balls. Given ones are exact; recorded ones carry the rounding they were recorded with."""

    def __init__(self, values: StepValues, fmt: Format, algorithms: Mapping[str, str] | None = None) -> None:
        self.values = values
        self.fmt = fmt
        self.algorithms = algorithms or {}
        self._wide: dict[str, Any] = {}

    def lookup(self, fmt: Format) -> Any:
        """A lookup whose balls have the format `fmt`."""
        values, wide = self.values, self._wide
        rad = fmt.tiny if fmt.flushes else 0.0

        def get(path: str) -> Num:
            if path in values.given:
                x = values.given[path]
                if isinstance(x, int) or x.dtype.kind != "f":
                    return x
                return Ball(self._widened(path, x), fmt)
            return Ball(wide[path] if path in wide else self._widened(path, values.recorded[path]), fmt, fmt.u, rad)

        return get

    def on(self, values: StepValues) -> Balls:
        """The same lookup of other numbers."""
        other = copy(self)
        vars(other).update(values=values, _wide={})
        return other

    def _widened(self, path: str, x: Array) -> Array:
        if path not in self._wide:
            self._wide[path] = x.astype(np.float64, copy=False)
        wide: Array = self._wide[path]
        return wide


class Recomputed(Balls):
    """A lookup for compiled code, which may compute a number again where it uses it, and round it otherwise than it stored it.

    Compilers fuse a cheap step into each of its consumers. What the consumer used then lies in the ball of that step, as the
    stored value does: up to two radii apart.
    """

    def __init__(self, balls: Balls, by_path: Mapping[str, Claim], laws: Laws) -> None:
        super().__init__(balls.values, balls.fmt, balls.algorithms)
        self._balls, self._by_path, self._laws = balls, by_path, laws
        self._radii: dict[str, Array | float] = {}

    def lookup(self, fmt: Format) -> Any:
        """As `Balls.lookup`, with recorded values as wide as their own step allows."""
        get = super().lookup(fmt)

        def wider(path: str) -> Num:
            x = get(path)
            if path in self.values.given or path not in self._by_path:
                return x
            return Ball(x.mid, fmt, fmt.u, x.rad + 2 * self._radius(path))

        return wider

    def _radius(self, path: str) -> Array | float:
        if path not in self._radii:
            self._radii[path] = evaluate(self._by_path[path], self._balls, self._laws).final_radius()
        return self._radii[path]


def certify(plan: Plan, record: Record, laws: Laws = LAWS, steps: Sequence[int] | None = None) -> Certificate:
    """Judge every claim of every step of `record`.

    Never raises on what a record holds: NaN, infinities and overflow are findings. A record with a failure gives a
    certificate with that failure and no findings.
    """
    if record.failure is not None:
        return Certificate(record.provenance, (), failure=record.failure)
    fmt = format_of(plan.dtype, record.provenance.flushes)
    listed = claims(plan)
    findings = []
    with np.errstate(all="ignore"):
        for number, values in enumerate(step_values(plan, record), 1):
            if steps is None or number in steps:
                balls = Balls(values, fmt, record.provenance.algorithms)
                judged = [judge(claim, balls, laws, step_prefix(number)) for claim in listed]
                if record.provenance.mode != "eager":
                    judged = _reconsidered(listed, judged, balls, laws, step_prefix(number))
                findings += judged
    return Certificate(record.provenance, tuple(findings), accumulated=_accumulated(findings))


def _reconsidered(listed: Sequence[Claim], judged: Sequence[Finding], balls: Balls, laws: Laws, prefix: str) -> list[Finding]:
    """Refuted claims of compiled code once more, on premises that may have been computed again."""
    if not any(finding.outcome == "refuted" for finding in judged):
        return list(judged)
    wider = Recomputed(balls, {claim.path: claim for claim in listed if claim.owners}, laws)
    found = []
    for claim, finding in zip(listed, judged, strict=True):
        again = judge(claim, wider, laws, prefix) if finding.outcome == "refuted" and claim.owners else finding
        found.append(finding if again.outcome == "refuted" else again)
    return found


def judge(claim: Claim, balls: Balls, laws: Laws, prefix: str = "") -> Finding:
    """One claim on one record."""
    recorded = balls.values.recorded[claim.path]
    x = recorded.astype(np.float64, copy=False)
    broken = ~np.isfinite(x)
    if not claim.owners:  # frozen: no arithmetic, so no rounding
        return _frozen(claim, prefix, x, balls.values.given[claim.subject])
    ball = evaluate(claim, balls, laws)
    if broken.any():
        return _not_finite(claim, prefix, recorded, broken, ball, balls)
    if ball.mid.shape != x.shape:
        raise AssertionError(f"the law of {claim.path} has shape {ball.mid.shape}, the record {x.shape}")
    before = balls.values.given.get(claim.subject) if claim.statement == "update" else None
    return _judged(claim, prefix, x, ball, balls, laws, before)


def evaluate(claim: Claim, balls: Balls, laws: Laws, side: Literal["low", "high"] | None = None) -> Ball:
    """The law of a claim as a ball; `side` decides kinks."""
    rearranged = any(_rearranged(owner, op, laws, claim) for owner, op in claim.owners)
    fmt = balls.fmt(rearranged=rearranged, side=side) if rearranged or side else balls.fmt
    value = claim.value(balls.lookup(fmt), laws)
    return value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), fmt)


def _rearranged(owner: str, op: Any, laws: Laws, claim: Claim) -> bool:
    law = laws.update(owner, op) if op.role == "update" else laws.of(owner, op)
    return law.rearranged


def _judged(claim: Claim, prefix: str, x: Array, ball: Ball, balls: Balls, laws: Laws, before: Array | None) -> Finding:
    m = ball.mid
    if not m.size:
        return _undecided(claim, prefix, x, m, (), "there is nothing in it")
    given = ball.final_radius()
    r = np.broadcast_to(np.asarray(given), m.shape)
    distance = np.asarray(np.subtract(x, m))
    np.abs(distance, out=distance)
    # NaN and infinity, of the radius or of the midpoint, are found in the extremes.
    if not (np.isfinite(r.max()) and np.isfinite(distance.max()) and r.min() >= 0):
        broken = int(np.argmax(~(np.isfinite(r) & np.isfinite(m) & (r >= 0))))
        where = np.unravel_index(broken, m.shape) if m.ndim else ()
        note = "the rounding bound is infinite here (a divisor or logarithm near 0, or overflow)"
        return _undecided(claim, prefix, x, m, tuple(int(i) for i in where), note)
    floored = np.asarray(np.add(r, SMALLEST, dtype=np.float64))
    share = np.asarray(distance / floored)
    at = np.unravel_index(int(np.argmax(share)), share.shape)
    index = tuple(int(i) for i in at)
    largest = float(share[at])
    spread = _norm_ratio(floored, m)
    least, blurred = power(floored, m if before is None else m - before, out=share)
    facts: dict[str, Any] = {
        "worst": index,
        "recorded": float(x[at]),
        "expected": float(m[at]),
        "radius": float(r[at]),
        "relative": float(distance[at] / abs(m[at])) if m[at] else float("inf") if distance[at] else 0.0,
        "blurred": blurred,
        "size": m.size,
        "spread": spread,
    }
    outside = distance > r if largest > NEARLY_ONE else None
    if outside is not None and outside.any():
        facts["off"] = int(outside.sum())
        if fast := [f"{op.name} by {balls.algorithms[op.name]}" for _, op in claim.owners if op.name in balls.algorithms]:
            note = f"computed as {fast[0]}, whose rounding bound is weaker than a direct sum's; switch it off to decide"
            return Finding(prefix + claim.path, claim.statement, "undecided", largest, float("inf"), **facts, note=note)
        note = _kink_note(claim, balls, laws, x, outside)
        return Finding(
            prefix + claim.path, claim.statement, "convention" if note else "refuted", largest, least, **facts, note=note
        )
    if not np.isfinite(least):
        note = (
            "the law gives zero in every element, so no mistake could show"
            if before is None
            else "nothing moves, so no mistake could show"
        )
        return Finding(prefix + claim.path, claim.statement, "undecided", largest, least, **facts, note=note)
    if least > LEAST:
        note = f"rounding alone could move every element by more than {LEAST:.0%}; a wider dtype would decide it"
        return Finding(prefix + claim.path, claim.statement, "undecided", largest, least, **facts, note=note)
    return Finding(prefix + claim.path, claim.statement, "holds", largest, least, **facts)


def _norm_ratio(r: Array, m: Array) -> float:
    r, m = r.ravel(), m.ravel()
    norm = float(np.sqrt(np.dot(m, m)))
    return float(np.sqrt(np.dot(r, r))) / norm if norm else 0.0


def _kink_note(claim: Claim, balls: Balls, laws: Laws, x: Array, outside: Array) -> str:
    """Why the elements outside their balls are valid after all: they sit on a kink, between its two extremes. Else nothing."""
    kinked = [op for _, op in claim.owners if op.kinks]
    if not kinked or claim.statement not in ("base", "inductive"):
        return ""
    low, high = (evaluate(claim, balls, laws, side=side) for side in ("low", "high"))
    r_low, r_high = low.final_radius(), high.final_radius()
    floor = np.minimum(low.mid - r_low, high.mid - r_high)
    ceiling = np.maximum(low.mid + r_low, high.mid + r_high)
    if not ((floor <= x) & (x <= ceiling))[outside].all():
        return ""
    named = "; ".join(f"{op.name}, {kink}" for op in dict.fromkeys(kinked) for kink in op.kinks)
    return f"on a kink, where the backend takes another valid derivative than the law's convention ({named})"


def _not_finite(claim: Claim, prefix: str, recorded: Array, broken: Array, ball: Ball, balls: Balls) -> Finding:
    """NaN and infinity agree with nothing. The backend is wrong where its inputs and the law's result are finite and in range."""
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(broken)), broken.shape)) if broken.ndim else ()
    value = float(recorded[at])
    count = f"{int(broken.sum())} of {broken.size} elements are NaN or infinite, the first at {list(at)}"
    reach = np.abs(ball.mid) + np.asarray(ball.final_radius())
    largest = float(np.finfo(recorded.dtype).max)
    innocent = ~(np.broadcast_to(reach, broken.shape)[broken] < largest)
    # Frameworks order products otherwise than the law: where two inputs could overflow together, so could they.
    read = [balls.values.recorded[path] for path in claim.premises if path in balls.values.recorded]
    near = any(float(np.abs(x).max(initial=0.0)) > np.sqrt(largest) for x in read)
    if innocent.all() or near:
        cause = "so are numbers it is computed from"
        if np.isfinite(ball.mid[broken]).any():
            cause = "the law overflows here too" if innocent.all() else "products of what it is computed from overflow"
        return Finding(
            prefix + claim.path, claim.statement, "undecided", 0.0, float("inf"), at, value, float(ball.mid[at]), float("inf"),
            off=int(broken.sum()), size=broken.size, note=f"{count}; {cause}",
        )  # fmt: skip
    return Finding(
        prefix + claim.path, claim.statement, "refuted", INFINITE, 0.0, at, value, float(ball.mid[at]), 0.0, INFINITE, None,
        int(broken.sum()), broken.size, 0.0, count,
    )  # fmt: skip


def _frozen(claim: Claim, prefix: str, x: Array, before: Array) -> Finding:
    off = x != before
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape)) if off.ndim else ()
    if not off.any():
        return Finding(prefix + claim.path, claim.statement, "holds", 0.0, 0.0, size=x.size, note="frozen: must not change")
    relative = float(abs(x[at] - before[at]) / abs(before[at])) if before[at] else float("inf")
    return Finding(
        prefix + claim.path, claim.statement, "refuted", INFINITE, 0.0, at, float(x[at]), float(before[at]), 0.0, relative, None,
        int(off.sum()), x.size, 0.0, "frozen, yet it changed",
    )  # fmt: skip


def _undecided(claim: Claim, prefix: str, x: Array, m: Array, at: tuple[int, ...], note: str) -> Finding:
    value, law = (float(x[at]), float(m[at])) if m.size else (0.0, 0.0)
    return Finding(
        prefix + claim.path,
        claim.statement,
        "undecided",
        0.0,
        float("inf"),
        at,
        value,
        law,
        float("inf"),
        0.0,
        None,
        0,
        m.size,
        0.0,
        note,
    )


def _accumulated(findings: Sequence[Finding]) -> float:
    """Σ of ‖r‖/‖m‖ over every forward and Δ claim: each error carried through to the end, undamped."""
    return sum(finding.spread for finding in findings if finding.statement in ("forward", "base", "inductive"))

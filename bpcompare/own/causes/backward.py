"""Why a Δ or a gradient is wrong, in words: what it looks like beside the right one, or the slip that gives it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcompare.mistakes.precision import representable
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.causes.catalogue import slip
from bpcompare.own.causes.factor import Factors
from bpcompare.own.causes.likely import formed
from bpcompare.own.causes.outputs import Outputs
from bpcompare.own.causes.same import Same
from bpcompare.own.causes.trial import Trial, function
from bpcompare.own.judged import Judged
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate

BACK = frozenset({"base", "inductive", "gradient"})
"""Statements about what is sent back."""
BITS = 8
"""Significant bits of bfloat16."""


def backward(one: Judged, claim: Claim) -> str:
    """What gives the recorded numbers, and the law does not; "" where nothing that is known gives them."""
    got, right = one.values.recorded[claim.path].astype(np.float64), law(one, claim)
    radius = np.broadcast_to(np.asarray(right.final_radius(), np.float64), right.mid.shape)
    if got.shape != right.mid.shape or not np.isfinite(right.mid).all():
        return ""
    same = Same(right.mid, radius, format_of(claim.dtype or "float64").u)
    if np.isfinite(got).any() and same(got, right.mid):
        return ""  # only what is not finite is wrong
    others = list(_others(one, claim, got.shape))
    return (
        formed(got, right.mid, others, same)
        or slip(one, claim, got, same, _factors(one, claim))
        or _rounded(one, claim, got, radius)
    )


def law(one: Judged, claim: Claim) -> Ball:
    """What the law says of a claim."""
    balls = Balls(one.values, format_of("float64"))
    with np.errstate(all="ignore"):
        return evaluate(claim, balls.of(claim) if claim.dtype else balls, one.laws)


def _others(one: Judged, claim: Claim, shape: tuple[int, ...]) -> Iterator[Array]:
    """What the same steps send back to values of the same shape, as this claim would have it."""
    mine = {name for name, _ in claim.owners}
    paths = {path for name in mine for path in _claimed(one, name)}
    for path in sorted(paths - {claim.path}):
        other = one.question.by_path[path]
        if other.statement in BACK and np.shape(one.values.recorded[path]) == shape:
            signs_agree = (other.statement == "gradient") == (claim.statement == "gradient")
            yield law(one, other).mid if signs_agree else -law(one, other).mid


def _claimed(one: Judged, owner: str) -> Iterator[str]:
    claims = one.question.claims
    yield from (claims.paths[number] for number in claims.about(owner))


def _factors(one: Judged, claim: Claim) -> Factors:
    """What a factor too much may be made of."""
    trial = Trial(one, claim)
    outputs = Outputs(trial).paths
    shapes = {"dy": trial.shape(outputs[0][0])} if len(outputs) == 1 else {}
    shapes["the gradient"] = trial.shape(claim.path)
    shapes |= {path: trial.shape(path) for path in trial.read if one.covered.program.values[path].parameter}
    averaged = any(function(step) in ("var", "std", "var_mean", "mean") for step in trial.steps)
    return Factors(shapes, tuple(dict.fromkeys(trial.numbers())), averaged)


def _rounded(one: Judged, claim: Claim, got: Array, radius: Array) -> str:
    """That a gradient is right to the digits of a narrower format."""
    dtype = claim.dtype or "float64"
    narrower = ("float32", "bfloat16") if dtype == "float64" else ("bfloat16",) if dtype == "float32" else ()
    for name in narrower:
        fmt = format_of(name)
        wide = evaluate(claim, Balls(one.values, fmt), one.laws)
        gap = np.abs(got - wide.mid)
        # Where it is, most elements are off, some by most of a digit of that format; else it is another mistake. Mistakes of a
        # percent are as large as the roundings of bfloat16: there the numbers themselves must have no more digits.
        most = np.count_nonzero(gap > radius) >= np.count_nonzero(wide.mid) / 2
        short = name == "float32" or representable(got, BITS)
        if (gap <= wide.final_radius()).all() and gap.max() >= fmt.u / 8 * np.abs(wide.mid).max() and most and short:
            return f"every element is right to the digits of {name}, though it is {dtype}: is a part of it worked out in {name}?"
    return ""

"""Whether an exact run would show that a step was computed in a narrower format (bfloat16 in place of float32, for example).

Numbers with few significant bits are the same in a narrower format, so equal bits do not exclude it. So every step of the proof
is tried with its result, and with each number that it reads, rounded to every narrower format: where nothing changes, such a
rounding would not be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.network import Dtype
from bpcompare.network.parameter import Array
from bpcompare.numbers.dyadic import bits
from bpcompare.plan import Plan
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.exact.reference import reference
from bpcompare.proof.question import question
from bpcompare.proof.values import given_values

NARROWER: Mapping[Dtype, Mapping[str, int]] = {
    "float64": {"float32": 24, "TF32 or float16": 11, "bfloat16": 8},
    "float32": {"TF32 or float16": 11, "bfloat16": 8},
}
"""The formats that a backend might compute in without saying so, widest first, with their significant bits."""

KINDS: Mapping[str, str] = {"in": "in", "a": "a", "delta": "Δ", "gradient": "gradient", "update": "update", "error": "E"}


NEAR = 4.0
"""A number that was rounded to a format differs from the right one by at most so many units in the last place of the format."""


TOGETHER = "all it reads"
"""The operand of a claim in which the roundings of its operands cancel."""


GROUPS = 24
"""Operands of one claim that are tried one by one; of more, so many groups: at a wide fork there are thousands."""


@dataclass(frozen=True)
class Blur:
    """A step of the proof that a narrower format could pass: `path`, and the number it reads whose rounding is not seen.

    `operand` is a path, `TOGETHER` for everything it reads, or "" where the result itself is too short.
    """

    path: str
    operand: str

    def __str__(self) -> str:
        return f"{self.operand} in {self.path}" if self.operand else self.path


@dataclass(frozen=True)
class Sight:
    """What a run would show: by kind of number the `bits` that the longest needs, and every step where it is `blurred`."""

    narrower: str
    limit: int
    bits: Mapping[str, int]
    blurred: tuple[Blur, ...]


def widest(dtype: Dtype) -> tuple[str, int]:
    """The widest format below `dtype`, and its bits."""
    return next(iter(NARROWER[dtype].items()))


def sight(plan: Plan) -> Sight:
    """What the numbers of an exact plan would show. Raises InexactError for a plan that is none."""
    right = reference(plan)
    name, limit = widest(plan.dtype)
    known = given_values(plan, 1, None) | right
    found: dict[str, int] = {}
    blurred: list[Blur] = []
    for claim in question(plan).claims:
        kind = KINDS.get(Path(claim.path).kind, "slots")
        found[kind] = max(found.get(kind, 0), int(bits(right[claim.path]).max(initial=0)))
        blurred += blurs(plan, claim, known, right[claim.path])
    return Sight(name, limit, found, tuple(blurred))


def blurs(plan: Plan, claim: Claim, known: Mapping[str, Any], right: Array) -> tuple[Blur, ...]:
    """The operands of this claim whose rounding to a narrower format would not change the result, so that it would not be seen.

    `known`: every number that the claim reads, by path; `right`: the array that it gives.
    """
    if not claim.owners:  # frozen: nothing is computed
        return ()
    _, limit = widest(plan.dtype)
    short = [Blur(claim.path, "")] if bits(right).max(initial=0) <= limit else []
    read = list(operands(plan, claim))
    size = -(-len(read) // GROUPS)
    groups = [tuple(read[at : at + size]) for at in range(0, len(read), max(size, 1))]
    unseen = [" and ".join(paths) for paths in groups if not _seen(claim, known, paths, right, plan.dtype)]
    if len(groups) > 1 and not _seen(claim, known, read, right, plan.dtype):
        unseen.append(TOGETHER)
    return (*short, *(Blur(claim.path, operand) for operand in unseen))


def operands(plan: Plan, claim: Claim) -> Iterator[str]:
    """The numbers that enter the arithmetic of a claim; not those that only decide a branch, such as `in` in relu'(in)."""
    network, update = plan.network, plan.network.update
    read = [path for path in claim.premises if path not in network.integer_inputs]
    for path in read:
        if Path(path).owner in network.integer_inputs and Path(path).kind == "a":
            continue
        if claim.statement in ("base", "inductive"):
            weights = path in network.parameters and any(role == "weight" for _, role in network.uses[path])
            end = claim.statement == "base" and path in (f"{claim.subject}.a", "target")
            if weights or end or Path(path).kind == "delta":
                yield path
        elif claim.statement == "gradient":
            weight = any(role == "weight" for _, role in network.uses[claim.subject])
            penalized = path == claim.subject and path in network.penalties
            if Path(path).kind == "delta" or penalized or (weight and Path(path).kind == "a" and path not in network.parameters):
                yield path
        elif claim.statement == "state" and path == claim.subject:
            if update.coupled:
                yield path
        elif path != "t":
            yield path


def _seen(claim: Claim, known: Mapping[str, Any], paths: Sequence[str], right: Array, dtype: Dtype) -> bool:
    """Whether the claim comes out otherwise when the numbers at `paths` are rounded, to each of the narrower formats."""
    for width in NARROWER[dtype].values():
        short = {path: rounded(known[path], width) for path in paths}
        if all(np.array_equal(x, known[path]) for path, x in short.items()):
            return False

        def get(path: str, short: Mapping[str, Array] = short) -> Any:
            if path in short:
                return short[path]
            other = known[path]
            return other.astype(np.float64) if isinstance(other, np.ndarray) and other.dtype.kind == "f" else other

        if np.array_equal(np.asarray(claim.value(get, LAWS)), right):
            return False
    return True


def narrowed(x: Array, right: Array, dtype: Dtype) -> str:
    """The widest format below `dtype` that has all of x, which is near to `right`, while `right` needs more; "" if none."""
    with np.errstate(all="ignore"):
        gap, size = np.abs(x - right).max(initial=0.0), np.abs(right).max(initial=0.0)
    for name, width in NARROWER[dtype].items():
        if bits(x).max(initial=0) <= width < bits(right).max(initial=0) and gap <= NEAR * 2.0**-width * size:
            return f"{name} ({width} bits)"
    return ""


def rounded(x: Array, width: int) -> Array:
    """x to the nearest number of `width` significant bits, ties to even."""
    mantissa, exponent = np.frexp(np.asarray(x, np.float64))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, width)), exponent - width))

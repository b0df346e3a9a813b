"""The laws on the numbers of a plan, in arithmetic that proves that nothing rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.dyadic import Dyadic, InexactError, Precision
from bpcompare.numbers.number import Side
from bpcompare.plan import Plan
from bpcompare.proof.claims import Claim
from bpcompare.proof.kinks import SIDES
from bpcompare.proof.question import question
from bpcompare.proof.values import given_values


def exact_value(claim: Claim, look: Callable[[str], Any], precision: Precision, laws: Laws = LAWS) -> Array:
    """The value of a claim by the laws, as float64, in the shape of the claim's array.

    `look` finds the premises by path. Raises InexactError where a partial sum does not fit into the format of `precision`.
    """

    def get(path: str) -> Any:
        x = look(path)
        return Dyadic(np.asarray(x, np.float64), precision) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    value = claim.value(get, laws)
    return np.asarray(value.mid if isinstance(value, Dyadic) else value, np.float64)


def reference(plan: Plan, laws: Laws = LAWS, until: str = "", ties: Side = None) -> dict[str, Array]:
    """Every quantity of the plan's only step by the laws, by path, up to and including the path `until` ("" for all).

    `ties`: which entry is taken where several share a maximum. Raises InexactError where a partial sum does not fit the plan's
    dtype.
    """
    given = given_values(plan, 1, None)
    precision = Precision(plan.dtype, ties=ties)
    found: dict[str, Array] = {}
    for claim in question(plan).claims:
        found[claim.path] = exact_value(claim, lambda path: found[path] if path in found else given[path], precision, laws)
        if claim.path == until:
            break
    return found


def proved(plan: Plan) -> Mapping[str, Array]:
    """The reference, if it neither rounds nor depends on how ties of a maximum are broken. Raises InexactError."""
    right = reference(plan)
    known = given_values(plan, 1, None) | right
    for claim in question(plan).claims:
        tied(claim, known.__getitem__, plan.dtype, right[claim.path])
    return right


def tied(claim: Claim, look: Callable[[str], Any], dtype: str, value: Array) -> None:
    """Raise InexactError if another choice among tied maxima would change `value`, the array of a Δ. `look`: premises by path."""
    if claim.statement in ("base", "inductive") and any(op.may_tie for _, op in claim.owners):
        for ties in SIDES:
            if not np.array_equal(exact_value(claim, look, Precision(dtype, ties=ties)), value):
                raise InexactError("a max-pool window has a tie that matters")


def unproved(plan: Plan) -> str:
    """Why a plan that is marked exact is none, or nothing: a mark in a file is a claim, and this is its proof."""
    if len(plan.batches) != 1:
        return f"it has {len(plan.batches)} steps, and exact mode takes one"
    try:
        proved(plan)
    except InexactError as error:
        return str(error)
    return ""

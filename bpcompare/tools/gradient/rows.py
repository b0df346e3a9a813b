"""Backwards that are right for a matrix, and wrong where its rows have several axes, as (batch, time, channels) has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.finding import GradientCheck

CLOSE = 64.0
"""Units of rounding of the largest output: the same function, in another order of its sums."""


def as_matrices(inputs: Sequence[Any]) -> list[Any] | None:
    """The inputs with all axes but the last as one, of those that have the most axes; None where these are no three."""
    shapes = [tuple(getattr(x, "shape", ())) for x in inputs]
    lead = max(shapes, key=len, default=())[:-1]
    if len(lead) < 2 or 0 in lead:
        return None
    rows = prod(lead)
    return [
        x.reshape(rows, *shape[len(lead) :]) if shape[: len(lead)] == lead and len(shape) - len(lead) <= 1 else x
        for x, shape in zip(inputs, shapes, strict=True)
    ]


def same_numbers(one: Array, other: Array) -> bool:
    """Whether two outputs hold the same numbers, one after the other."""
    if one.size != other.size or one.dtype != other.dtype:
        return False
    off = np.abs(one.ravel() - other.ravel()).max(initial=0.0)
    return bool(off <= CLOSE * float(np.finfo(one.dtype).eps) * np.abs(one).max(initial=0.0))


def right_for_matrices(found: GradientCheck, inputs: Sequence[Any], given: Sequence[Any]) -> GradientCheck:
    """What was found, with the cause of what has none: these `inputs`, `given` as matrices, have the right gradients."""
    at = next(i for i, (x, other) in enumerate(zip(inputs, given, strict=True)) if x is not other)
    before, after = (", ".join(map(str, x.shape)) for x in (inputs[at], given[at]))
    cause = (
        f"with inputs of shape ({after}) in the place of ({before}) this backward is right, and the forward is the same: which "
        "axes does it take for rows? All but the last are, and not the first alone"
    )
    told = [
        replace(one, cause=cause) if one.verdict == "wrong" and not (one.cause or one.note) else one for one in found.findings
    ]
    return replace(found, findings=tuple(told))

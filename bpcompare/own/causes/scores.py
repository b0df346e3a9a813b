"""Slips at a softmax or its logarithm: a part of the Jacobian, another sum, along another axis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.trial import Edit, function, result, seen
from bpcompare.program import Step

MORE_AXES = 4
"""Axes along which the sum is tried."""


def scores(step: Step) -> Iterator[tuple[str, Edit]]:
    """Slips at such a step; {} stands for it."""
    name = function(step)
    if "softmax" not in name:
        return
    if "log" in name:
        yield "as if the derivative of {} were 1: the term of the sum is missing", lambda _, at: seen(at)
        words = "as if Δ of {} were dy − y Σ dy, with y its result: it is dy − exp(y) Σ dy"
        yield words, lambda law, at: seen(at) - result(law, at) * _sum(at)
        words = "as if Δ of {} were dy − exp(y) dy, with y its result: dy is not summed, it is dy − exp(y) Σ dy"
        yield words, lambda law, at: seen(at) * (1 - np.exp(result(law, at)))
        words = "as if Δ of {} were dy − exp(y) mean(dy), with y its result: a mean, where it is Σ dy"
        yield words, lambda law, at: seen(at) - np.exp(result(law, at)) * _mean(at)
        return
    yield "as if only the diagonal of the Jacobian of {} counted: y(1 − y)", _diagonal
    words = "as if the Jacobian of {} were y alone: the term − y Σ y·dy is missing"
    yield words, lambda law, at: result(law, at) * seen(at)
    words = "as if Δ of {} were y(dy − Σ dy), with y its result: it is y(dy − Σ y·dy)"
    yield words, lambda law, at: result(law, at) * (seen(at) - _sum(at))
    words = "as if Δ of {} were y(dy − mean(y·dy)), with y its result: a mean, where it is Σ y·dy"
    yield words, lambda law, at: result(law, at) * (seen(at) - (result(law, at) * seen(at)).mean(_axis(at), keepdims=True))
    words = "as if Δ of {} were dy − Σ y·dy, with y its result: it is that times y"
    yield words, lambda law, at: seen(at) - (result(law, at) * seen(at)).sum(_axis(at), keepdims=True)
    words = "as if Δ of {} were y(dy + Σ y·dy), with y its result: the sign of the sum is turned"
    yield words, lambda law, at: result(law, at) * (seen(at) + (result(law, at) * seen(at)).sum(_axis(at), keepdims=True))
    for axis in range(MORE_AXES):
        words = f"as if the sum in Δ of {{}} were along axis {axis}: it is y(dy − Σ y·dy), along the axis of the softmax"
        yield words, partial(_along, axis)


def _axis(at: Any) -> int:
    return int(at.op.arguments.get("dim", -1))


def _sum(at: Any) -> Array:
    return np.asarray(seen(at).sum(_axis(at), keepdims=True))


def _mean(at: Any) -> Array:
    return np.asarray(seen(at).mean(_axis(at), keepdims=True))


def _diagonal(law: Any, at: Any) -> Array:
    y = result(law, at)
    return np.asarray(y * (1 - y) * seen(at))


def _along(axis: int, law: Any, at: Any) -> Array:
    dy = seen(at)
    if axis >= dy.ndim or axis == _axis(at) % dy.ndim:
        raise ValueError("no other axis")
    y = result(law, at)
    return np.asarray(y * (dy - (y * dy).sum(axis, keepdims=True)))

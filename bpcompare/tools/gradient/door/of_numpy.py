"""NumPy: a forward, and a backward beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.door.code import CodeUnderTest
from bpcompare.tools.gradient.door.outputs import arrays_of, joined, parted
from bpcompare.tools.gradient.trees import Given


def in_numpy(given: Given) -> CodeUnderTest:
    """A pair of functions, which get copies of the arrays."""
    arrays = arrays_of(list(given.inputs.values()), ())

    def call(xs: Sequence[Any]) -> Array:
        return joined(given.forward(*map(_copied, xs)), np.asarray)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        likes = given.forward(*map(_copied, xs))
        return given.backward(*map(_copied, xs), parted(dy.copy(), likes))

    return CodeUnderTest("numpy", given, arrays, call, back, analytic=True)


def of_dy_alone(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A backward of (*inputs, dy): before one that takes dy alone, as a layer's that keeps its inputs, the forward is called."""
    try:
        arguments = list(signature(backward).parameters.values())
    except (TypeError, ValueError):
        return backward
    if len(arguments) != 1 or arguments[0].kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
        return backward

    def whole(*args: Any) -> Any:
        forward(*args[:-1])
        return backward(args[-1])

    return whole


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x

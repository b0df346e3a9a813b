"""NumPy: a forward, and a backward beside it."""

from __future__ import annotations

from collections.abc import Sequence
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


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x

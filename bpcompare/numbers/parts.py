"""An array a part at a time, so that what is made of each part stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array


def parts(m: Array, most: int) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Parts of an array, of some `most` entries, each of which lies in memory by itself; with the index of its first."""
    shape = m.shape
    if m.size <= most:
        yield ..., (0,) * m.ndim
        return
    axis = max((one for one in range(m.ndim) if shape[one] > 1), key=lambda one: abs(m.strides[one]))
    rows = max(1, most * shape[axis] // m.size)
    for start in range(0, shape[axis], rows):
        first = tuple(start if one == axis else 0 for one in range(len(shape)))
        yield (*(slice(None),) * axis, slice(start, start + rows)), first


def index_from(at: int, shape: tuple[int, ...], start: tuple[int, ...]) -> tuple[int, ...]:
    """The index of an entry of the whole from its number in a part of some shape, and the index of the part's first entry."""
    return tuple(int(i) + first for i, first in zip(np.unravel_index(at, shape), start, strict=True))

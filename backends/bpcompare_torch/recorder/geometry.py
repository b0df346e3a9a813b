"""Where the entries of tensors stand in memory, and which of them are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from bpcompare.network.parameter import Array
from bpcompare_torch.recorder.memory import PLAIN

Geometry = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Offset, shape and strides."""


def layout(mine: Geometry, theirs: Geometry) -> Array | None:
    """For each entry of `mine` its place among those of `theirs`, in the same memory; None where these share places."""
    among = addresses(theirs)
    return places(addresses(mine), among) if np.unique(among).size == among.size else None


def geometry(t: Tensor) -> Geometry:
    """Where its entries stand in memory."""
    return t.storage_offset(), t.shape, t.stride()  # type: ignore[return-value]


def key(t: Tensor) -> tuple[Any, ...]:
    """What two tensors have in common that hold the same numbers in the same memory."""
    return t.storage_offset(), t.shape, t.stride(), t.dtype, t.is_conj(), t.is_neg()


def strided(t: Tensor) -> bool:
    """Whether its numbers stand in memory one by one."""
    return t.layout == torch.strided and (type(t) in PLAIN or not is_lazy(t))


def addresses(where: Geometry) -> Array:
    """Where in memory each entry stands."""
    offset, shape, stride = where
    at = np.full(shape, offset, np.int64)
    for axis, (size, step) in enumerate(zip(shape, stride, strict=True)):
        at = at + (np.arange(size) * step).reshape([-1 if axis == other else 1 for other in range(len(shape))])
    return at


def places(mine: Array, theirs: Array) -> Array:
    """For each address of `mine` its place in `theirs` in row order; −1 where it is not there."""
    flat = theirs.ravel()
    if not flat.size:
        return np.full(mine.shape, -1)
    order = np.argsort(flat, kind="stable")
    at = np.minimum(np.searchsorted(flat[order], mine.ravel()), flat.size - 1)
    found = order[at]
    return np.where(flat[found] == mine.ravel(), found, -1).reshape(mine.shape)

"""Entries that are picked by arrays of integers or booleans: exact, and what is picked twice receives Δ twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.moves import moved, taken
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.ops.op import Shape

rows = Rows()


def at_indices(ids: Array, indices: Any) -> Array:
    """ids[indices], an index for each leading axis; None stands for all of one. NumPy's rule for several arrays is torch's."""

    def key(index: Any) -> Any:
        if index is None:
            return slice(None)
        return index.astype(bool) if index.dtype == np.uint8 else index

    return np.asarray(ids[tuple(map(key, indices))])


def along(shape: Shape, axis: int, index: Array) -> Array:
    """Where the entries stand whose place along one axis `index` says; along all others it is their place in `index`."""
    if not index.size or not shape:
        return np.zeros(index.shape, np.int64)
    index = index.reshape(index.shape or (1,))
    places: list[Any] = list(np.indices(index.shape))
    places[axis % len(shape)] = index % shape[axis]
    return np.asarray(np.ravel_multi_index(tuple(places), shape))


def slabs(ids: Array, axis: int, index: Array) -> Array:
    """The entries at the places `index` of an axis, along all others every one."""
    return np.take(ids.reshape(ids.shape or (1,)), index.reshape(-1), axis)


@rows.law("index", "_unsafe_index")
def _index(a: Arguments) -> Node:
    return moved(a.self, lambda ids: at_indices(ids, a.indices))


@rows.law("index_select")
def _index_select(a: Arguments) -> Node:
    return kernel.reshape(moved(a.self, lambda ids: slabs(ids, a.dim, a.index)), a.shape)


@rows.law("gather")
def _gather(a: Arguments) -> Node:
    x = lifted(a.self)
    return kernel.reshape(taken(x, along(x.shape, a.dim, a.index)), a.shape)


@rows.law("take")
def _take(a: Arguments) -> Node:
    return moved(a.self, lambda ids: ids.ravel()[a.index])


@rows.law("masked_select")
def _masked_select(a: Arguments) -> Node:
    shape = np.broadcast_shapes(a.self.shape, a.mask.shape)
    return moved(a.self, lambda ids: np.broadcast_to(ids, shape)[np.broadcast_to(a.mask, shape)])

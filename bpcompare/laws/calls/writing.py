"""Arrays of which a part is written anew: what was there before receives no Δ, what was written receives its own."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand, scaled
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.calls.extremes import TIES_SHARE, shared
from bpcompare.laws.calls.indexing import along, at_indices, slabs
from bpcompare.laws.calls.layouts import diagonal
from bpcompare.laws.calls.moves import numbered, put, taken
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num

rows = Rows()
SEVERAL = "several values are written to one place, and which of them stays is not defined"


def overlaid(x: Any, written: Any, places: Array) -> Node:
    """x, with the entries of `written` at their `places`, numbers of entries of x.

    Raises LookupError where several of them go to one place.
    """
    x, written = lifted(floats(x)), lifted(floats(written))
    flat = places.ravel()
    if not flat.size:
        return kernel.reshape(x, x.shape)
    index = np.full(prod(x.shape), -1)
    index[flat] = np.arange(flat.size)
    if np.unique(flat).size < flat.size:
        if prod(written.shape) != 1:
            raise LookupError(SEVERAL)
        written = _written_twice(written)
    index = index.reshape(x.shape)
    return kernel.where(index < 0, x, taken(kernel.expand(written, places.shape), index))


def _written_twice(x: Node) -> Node:
    """One number at the same place twice: what stands there is known, how Δ comes back from it is not."""

    def refused(_dy: Num) -> Num:
        raise NotImplementedError(SEVERAL)

    return Node(x.shape, lambda: x.value, [(x, refused)])


def added(x: Any, terms: Any, places: Array) -> Node:
    """x, with the terms added at their places."""
    x = lifted(floats(x))
    return kernel.add(x, put(kernel.expand(lifted(floats(terms)), places.shape), places, x.shape))


# whole arrays: what stood there is read by none of them


@rows.law("copy")
def _copy(a: Arguments) -> Node:
    """In another format rounded once: by the product with 1, which rounds and changes nothing."""
    return kernel.multiply(1.0, kernel.expand(lifted(floats(a.src)), a.shape))


rows.law("fill")(lambda a: kernel.expand(lifted(operand(a, a.value)), a.shape))
rows.law("zero")(lambda a: lifted(np.zeros(a.shape)))


# slices of axes


def _slice(a: Arguments, ids: Array) -> Array:
    axis = a.get("dim", 0)
    return np.take(ids, range(*slice(a.get("start"), a.get("end"), a.get("step", 1)).indices(ids.shape[axis])), axis)


def _scatter_into(name: str, where: Callable[[Arguments, Array], Array]) -> None:
    rows.law(name, moves=True)(lambda a: overlaid(a.self, a.src, where(a, numbered(lifted(a.self).shape))))


_scatter_into("select_scatter", lambda a, ids: np.take(ids, a.index, a.dim))
_scatter_into("slice_scatter", _slice)
_scatter_into("diagonal_scatter", lambda a, ids: np.diagonal(ids, *diagonal(a)))


# by arrays of indices


@rows.law("index_put", "_index_put_impl", "_unsafe_index_put")
def _index_put(a: Arguments) -> Node:
    places = at_indices(numbered(lifted(a.self).shape), a.indices)
    return (added if a.get("accumulate", False) else overlaid)(a.self, a.values, places)


@rows.law("put")
def _put(a: Arguments) -> Node:
    places = numbered(lifted(a.self).shape).ravel()[a.index]
    source = kernel.reshape(lifted(floats(a.source)), places.shape)
    return (added if a.get("accumulate", False) else overlaid)(a.self, source, places)


def _slabs(a: Arguments) -> Array:
    return slabs(numbered(lifted(a.self).shape), a.dim, a.index)


def _source(a: Arguments, places: Array) -> Node:
    source = lifted(floats(a.source))
    return kernel.reshape(source, places.shape) if prod(source.shape) == places.size else source


@rows.law("index_add")
def _index_add(a: Arguments) -> Node:
    places = _slabs(a)
    return kernel.reshape(added(a.self, scaled(a, _source(a, places)), places), a.shape)


@rows.law("index_copy", moves=True)
def _index_copy(a: Arguments) -> Node:
    places = _slabs(a)
    return overlaid(a.self, _source(a, places), places)


@rows.law("index_fill")
def _index_fill(a: Arguments) -> Node:
    places = np.unique(_slabs(a))
    return overlaid(a.self, operand(a, a.value), places)


@rows.law("masked_scatter")
def _masked_scatter(a: Arguments) -> Node:
    """The true entries of the mask receive the first entries of the source, in row order."""
    mask = np.broadcast_to(a.mask, a.shape)
    index = np.where(mask, np.cumsum(mask.ravel()).reshape(mask.shape) - 1, -1)
    return kernel.where(mask, taken(floats(a.source), index), floats(a.self))


# scatter


def _head(x: Any, index: Array) -> Node:
    """The part of the source that the index speaks of."""
    x = lifted(floats(x))
    if not x.ndim:
        return kernel.reshape(x, index.shape)
    return taken(x, numbered(x.shape)[tuple(slice(0, size) for size in index.shape)]) if x.shape != index.shape else x


def _places(a: Arguments) -> Array:
    return along(lifted(a.self).shape, a.dim, a.index).reshape(a.index.shape)


@rows.law("scatter")
def _scatter(a: Arguments) -> Node:
    if a.get("reduce") is not None:
        raise LookupError("scatter with reduce")
    source = a.get("src")
    return overlaid(a.self, operand(a, a.value) if source is None else _head(source, a.index), _places(a))


@rows.law("scatter_add")
def _scatter_add(a: Arguments) -> Node:
    return added(a.self, _head(a.src, a.index), _places(a))


@rows.law("scatter_reduce", rearranged=True, kinks=TIES_SHARE)
def _scatter_reduce(a: Arguments) -> Node:
    return reduced(a.self, a.reduce, _head(a.src, a.index), _places(a), together=a.get("include_self", True))


@rows.law("index_reduce", rearranged=True, kinks=TIES_SHARE)
def _index_reduce(a: Arguments) -> Node:
    places = _slabs(a)
    return kernel.reshape(reduced(a.self, a.reduce, _source(a, places), places, together=a.get("include_self", True)), a.shape)


def reduced(x: Any, how: str, terms: Node, places: Array, *, together: bool) -> Node:
    """At every place the sum, mean, product or extreme of the terms that go there, with what is there if it counts `together`.

    Raises LookupError for another word than these in `how`: sum, mean, prod, amax, amin.
    """
    x = lifted(floats(x))
    counts = np.bincount(places.ravel(), minlength=prod(x.shape)).reshape(x.shape)
    base = x if together else kernel.where(counts == 0, x, 0.0)
    if how in ("sum", "mean"):
        whole = added(base, terms, places)
        return whole if how == "sum" else kernel.divide(whole, np.maximum(counts + together, 1).astype(np.float64))
    members = _members(places, x, together=together)
    both = kernel.concat([kernel.reshape(x, (-1,)), kernel.reshape(terms, (-1,))], 0)
    found = taken(both, members)
    if how == "prod":
        return product(kernel.where(members >= 0, found, 1.0))
    if how == "amax":
        return shared(found, members >= 0)
    if how == "amin":
        return kernel.negative(shared(kernel.negative(found), members >= 0))
    raise LookupError(f"reduce={how!r}")


def _members(places: Array, x: Node, *, together: bool) -> Array:
    """For every entry of x, along a last axis: the numbers of what counts there, itself first and then the terms; −1 fills up."""
    flat, size = places.ravel(), prod(x.shape)
    counts = np.bincount(flat, minlength=size)
    table = np.full((size, 1 + int(counts.max(initial=0))), -1)
    own = np.ones(size, bool) if together else counts == 0
    table[own, 0] = np.flatnonzero(own)
    order = np.argsort(flat, kind="stable")
    rank = np.arange(flat.size) - np.repeat(np.cumsum(counts) - counts, counts)
    table[flat[order], 1 + rank] = size + order
    return table.reshape(*x.shape, -1)


def product(x: Node) -> Node:
    """Π along the last axis."""
    found: Any = None
    for number in range(x.shape[-1]):
        factor = kernel.reshape(kernel.cut(x, -1, range(number, number + 1)), x.shape[:-1])
        found = factor if found is None else kernel.multiply(found, factor)
    return lifted(found)

"""Largest and smallest entries, and entries by rank.

Where several are equal, who receives Δ is a convention: the entry whose place the framework gives back, or all of them in equal
parts where it gives none. A place that was given back counts only if what stands there is what it must be.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.moves import numbered, taken
from bpcompare.laws.calls.sums import axes
from bpcompare.laws.calls.ties import equal, parted, ranked
from bpcompare.laws.kernel import Node, lifted, pulled_back
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, Product, first_max, masked, order, positive, side_of
from bpcompare.numbers.number import total as summed

rows = Rows()
TIES_SHARE = ("where several are equal, they share Δ in equal parts",)
MOST = 2**24
"""Pairs of entries that are compared to see which are equal; of more than that, the place that was given back decides alone."""
TIES_GIVEN = ("where several are equal, the one whose place was given back receives Δ",)


def shared(x: Any, among: Array | None = None) -> Node:
    """The maximum along the last axis, of those entries that are `among` its candidates;  all that reach it share Δ."""
    x = lifted(x)
    candidates = np.ones(x.shape, bool) if among is None else among

    def evaluate() -> Num:
        return summed(masked(first_max(x.value, candidates), x.value), axis=-1)

    def back(dy: Num) -> Num:
        top = taken(x, first_max(x.value, candidates).argmax(axis=-1)[..., None] + _starts(x)).value
        return parted(candidates & equal(top - x.value), dy, side_of(x.value))

    return Node(x.shape[:-1], evaluate, [(x, back)])


def windowed(found: Node, members: Node, inside: Array, x: Node) -> Node:
    """`found` (…), each the largest of the `members` (…, m) of its window that are `inside` of it; both are made of x.

    Where several members are equal, whoever receives Δ is a convention.
    """

    def back(dy: Num) -> Num | Product:
        side = side_of(x.value)
        if side is None or prod(members.shape) > MOST:
            return pulled_back(found, dy, x)
        tied = inside & equal(np.expand_dims(found.value, -1) - members.value)
        return pulled_back(members, parted(tied, dy, side), x)

    return Node(found.shape, lambda: found.value, [(x, back)])


def smallest(of: Callable[[Node], Node], x: Node) -> Node:
    """The minimum, as the maximum with signs changed."""
    return kernel.negative(of(kernel.negative(x)))


def last(x: Any, over: tuple[int, ...]) -> Node:
    """The axes `over` as one axis at the end."""
    x = lifted(x)
    over = tuple(axis % x.ndim for axis in over) if x.ndim else ()
    kept = [axis for axis in range(x.ndim) if axis not in over]
    lead = tuple(x.shape[axis] for axis in kept)
    return kernel.reshape(kernel.permute(x, (*kept, *over)) if x.ndim else x, (*lead, prod(x.shape[axis] for axis in over)))


# all that reach it share Δ


def _amax(a: Arguments) -> Node:
    return kernel.reshape(shared(last(a.self, axes(a, a.self))), a.shape)


def _amin(a: Arguments) -> Node:
    return kernel.reshape(smallest(shared, last(a.self, axes(a, a.self))), a.shape)


rows.law("amax", kinks=TIES_SHARE)(_amax)
rows.law("amin", kinks=TIES_SHARE)(_amin)
rows.law("aminmax", kinks=TIES_SHARE)(lambda a: (_amin(a), _amax(a)))


# the one whose place was given back receives Δ


def entry(x: Node, own: Array, recorded: Array | None) -> Node:
    """Of each row of x (…, n) the entries at `own` (…, k), or at `recorded` where these are there and are as large."""
    *_, n = x.shape
    start = _starts(x)
    index = own + start
    if recorded is not None:
        inside = (recorded >= 0) & (recorded < n)
        other = np.where(inside, recorded, 0) + start
        apart = taken(x, index).value - taken(x, other).value
        once = _distinct(recorded)
        index = np.where(inside & once & ~positive(apart) & ~positive(-apart), other, index)
    return chosen(x, index)


def chosen(x: Node, index: Array) -> Node:
    """Of each row of x (…, n) the entries at `index` (…, k), in row order over x.

    Where others equal them, whoever receives Δ is a convention.
    """
    found = taken(x, index)
    own = index - _starts(x)

    def back(dy: Num) -> Num | Product:
        side = side_of(x.value)
        if side is None or prod(index.shape) * x.shape[-1] > MOST:
            return pulled_back(found, dy, x)
        tied = equal(np.expand_dims(found.value, -1) - np.expand_dims(x.value, -2))
        return parted(tied[..., 0, :], dy[..., 0], side) if index.shape[-1] == 1 else ranked(tied, own, dy, side)

    return Node(found.shape, lambda: found.value, [(x, back)])


def _distinct(places: Array) -> Array:
    """For each row, whether its places are all different."""
    ordered = np.sort(places, axis=-1)
    return np.asarray((ordered[..., 1:] != ordered[..., :-1]).all(axis=-1, keepdims=True))


def _given_back(a: Arguments, x: Node, axis: int) -> Array | None:
    """The places that were given back beside the values, as entries of rows."""
    if not a.knows(1):
        return None
    found = a.result(1)
    found = np.moveaxis(found.reshape(found.shape or (1,)), axis, -1) if found.ndim == x.ndim and x.ndim else found
    return found.reshape(*x.shape[:-1], -1)


def _axis(a: Arguments, otherwise: int = -1) -> int:
    return int(a.get("dim", otherwise) % max(a.self.ndim, 1))


def _line(a: Arguments, axis: int) -> Node:
    x = lifted(a.self)
    return last(x if x.ndim else kernel.reshape(x, (1,)), (axis,))


def _one(a: Arguments, ranked: Callable[[Num], Array]) -> tuple[Node, None]:
    """One entry of each row."""
    axis = _axis(a)
    x = _line(a, axis)
    recorded = a.result(1).reshape(*x.shape[:-1], 1) if a.knows(1) else None
    return kernel.reshape(entry(x, ranked(x.value)[..., None], recorded), a.shape), None


def _whole(a: Arguments) -> Node:
    return kernel.reshape(a.self, (prod(a.self.shape),))


def _largest(x: Num) -> Array:
    return np.asarray(first_max(x).argmax(axis=-1))


@rows.law("max", kinks=(*TIES_SHARE, *TIES_GIVEN))
def _max(a: Arguments) -> Any:
    return kernel.reshape(shared(_whole(a)), a.shape) if a.get("dim") is None else _one(a, _largest)


@rows.law("min", kinks=(*TIES_SHARE, *TIES_GIVEN))
def _min(a: Arguments) -> Any:
    if a.get("dim") is None:
        return kernel.reshape(smallest(shared, _whole(a)), a.shape)
    return _one(a, lambda x: _largest(-x))


def _rank(number: int) -> Callable[[Num], Array]:
    return lambda x: order(x)[..., number]


@rows.law("kthvalue", kinks=TIES_GIVEN)
def _kthvalue(a: Arguments) -> Any:
    return _one(a, _rank(a.k - 1))


@rows.law("median", kinks=(*TIES_SHARE, *TIES_GIVEN))
def _median(a: Arguments) -> Any:
    """The lower one of the two in the middle. Of a whole array, all that equal it share Δ."""
    if a.get("dim") is not None:
        return _one(a, lambda x: order(x)[..., (x.shape[-1] - 1) // 2])
    x = _whole(a)
    middle = taken(x, order(x.value)[(x.shape[0] - 1) // 2]).value
    return kernel.reshape(shared(x, equal(x.value - middle)), a.shape)


def _starts(x: Node) -> Array:
    """The number of the first entry of each row."""
    return numbered(x.shape[:-1])[..., None] * x.shape[-1]


def _ranks(x: Node, places: Array, *, down: bool) -> Array:
    """What brings entries at these places into order."""
    n = x.shape[-1]
    value = taken(x, np.where((places >= 0) & (places < n), places, 0) + _starts(x)).value
    return order(-value if down else value)


def _ordered(a: Arguments, count: int | None, *, down: bool) -> tuple[Node, None]:
    axis = _axis(a)
    x = _line(a, axis)
    own, recorded = order(-x.value if down else x.value)[..., :count], _given_back(a, x, axis)
    if recorded is None or a.get("sorted", True):
        found = entry(x, own, recorded)
    else:
        ranks = _ranks(x, recorded, down=down)
        by_rank = entry(x, own, np.take_along_axis(recorded, ranks, -1))
        found = taken(by_rank, np.argsort(ranks, axis=-1) + _starts(by_rank))
    if not a.self.ndim:
        return kernel.reshape(found, a.shape), None
    lead = list(range(a.self.ndim - 1))
    lead.insert(axis, a.self.ndim - 1)
    return kernel.permute(found, lead), None


@rows.law("sort", kinks=TIES_GIVEN)
def _sort(a: Arguments) -> Any:
    return _ordered(a, None, down=a.get("descending", False))


@rows.law("topk", kinks=TIES_GIVEN)
def _topk(a: Arguments) -> Any:
    if not a.get("sorted", True) and not a.knows(1):
        raise LookupError("topk in no order")
    return _ordered(a, a.k, down=a.get("largest", True))


def _running(a: Arguments, sign: float) -> tuple[Node, None]:
    """The largest so far; of equal ones the latest."""
    axis = _axis(a)
    x = _line(a, axis)
    value, best = x.value * sign, np.zeros(x.shape, np.int64)
    for number in range(1, x.shape[-1]):
        before = best[..., number - 1]
        start = numbered(x.shape[:-1]) * x.shape[-1]
        gap = taken(value, before + start).value - value[..., number]
        best[..., number] = np.where(positive(gap), before, number)
    recorded = _given_back(a, x, axis)
    start = _starts(x)
    index = best + start
    if recorded is not None:
        other = np.clip(recorded, 0, np.arange(x.shape[-1])) + start
        apart = taken(x, index).value - taken(x, other).value
        index = np.where(~positive(apart) & ~positive(-apart), other, index)
    lead = list(range(max(a.self.ndim, 1) - 1))
    lead.insert(axis, len(lead))
    found, size = taken(x, index), x.shape[-1]
    before = _starts(x)[..., None] + np.zeros((size, 1), np.int64) + np.arange(size)
    if prod(before.shape) <= MOST:
        until = np.tril(np.ones((size, size), bool))
        found = windowed(found, taken(x, np.where(until, before, -1)), until, x)
    return kernel.reshape(kernel.permute(found, lead), a.shape), None


rows.law("cummax", kinks=TIES_GIVEN)(lambda a: _running(a, 1.0))
rows.law("cummin", kinks=TIES_GIVEN)(lambda a: _running(a, -1.0))

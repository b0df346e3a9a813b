"""The same numbers in another order: which element of one program's parameter is which of the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.pair.prints import apart

Layout = Callable[[Array], Array]
"""Brings an array of the first program into the shape and the order of the second's."""
Pair = tuple[Sequence[Array], Sequence[Array]]
"""Arrays of both programs, each program's in as many parts as it keeps them."""
MOST_AXES = 5
"""Axes up to which every order of them is tried."""


def natural(first: Array, second: Array, radius: float = 0.0) -> list[tuple[str, Layout]]:
    """The layouts, with their names, that people use and that bring the numbers of `first` to those of `second`, up to `radius`.

    As it is; another order of axes, and then another shape; another shape, and then another order of axes. Where numbers repeat
    (all zeros, all ones) several do, the plainest first.
    """
    found = []
    for name, layout in _tried(first.shape, second.shape):
        if apart(layout(first), second) <= radius:
            found.append((name, layout))
    return found


def _tried(first: tuple[int, ...], second: tuple[int, ...]) -> Iterator[tuple[str, Layout]]:
    if first == second:
        yield "", lambda x: x
    plain = tuple(range(len(first)))
    if len(first) == len(second) <= MOST_AXES:
        for axes in permutations(plain):
            if axes != plain and tuple(first[axis] for axis in axes) == second:
                yield _named(axes), lambda x, axes=axes: x.transpose(axes)  # type: ignore[misc]
    for axes in _orders(first):
        if tuple(first[axis] for axis in axes) != second:
            name = "reshaped" if axes == plain else f"{_named(axes)}, reshaped"
            yield name, lambda x, axes=axes: x.transpose(axes).reshape(second)  # type: ignore[misc]
    for axes in _orders(second):
        if axes != tuple(range(len(axes))):
            moved, back = tuple(second[axis] for axis in axes), tuple(np.argsort(axes))
            if moved != first:
                yield f"reshaped, axes {', '.join(map(str, back))}", lambda x, m=moved, b=back: x.reshape(m).transpose(b)  # type: ignore[misc]


def _named(axes: tuple[int, ...]) -> str:
    return "transposed" if len(axes) == 2 else f"axes {', '.join(map(str, axes))}"


def _orders(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Orders of axes that differ: an axis of one element has no place of its own."""
    plain = tuple(range(len(shape)))
    yield plain
    seen = {tuple(axis for axis in plain if shape[axis] > 1)}
    for axes in permutations(plain) if len(shape) <= MOST_AXES else ():
        order = tuple(axis for axis in axes if shape[axis] > 1)
        if order not in seen:
            seen.add(order)
            yield axes


@dataclass(frozen=True, eq=False)
class Alignment:
    """One order for numbers of both programs: element by element, `first` and `second` lay them out alike, as one row.

    `name` says how the second program's layout differs; `loose`: elements that hold the same number could not be told apart.
    """

    name: str
    loose: bool
    first: Callable[[Sequence[Array]], Array]
    second: Callable[[Sequence[Array]], Array]


def alignments(values: Pair, ties: Pair) -> list[Alignment]:
    """Every alignment of a parameter's `values`, each program's in parts: natural layouts first.

    Else elements are known by what they hold, and those that hold the same by their `ties`, numbers of the same layout.
    """
    if len(values[0]) == len(values[1]) == 1:
        layouts = natural(values[0][0], values[1][0])
        loose = len(layouts) > 1 and not telling(values[0])
        if layouts:
            return [
                Alignment(name, loose, lambda parts, layout=layout: layout(parts[0]).ravel(), _row)  # type: ignore[misc]
                for name, layout in layouts
            ]
    rows = _row(values[0]), _row(values[1])
    if rows[0].shape != rows[1].shape or apart(np.sort(rows[0]), np.sort(rows[1])):
        return []
    orders = [np.lexsort((_row(tie), row)) for tie, row in zip(ties, rows, strict=True)]
    name = "in another order" if len(values[0]) == len(values[1]) else "in parts"
    return [Alignment(name, not telling(values[0]), lambda parts: _row(parts)[orders[0]], lambda parts: _row(parts)[orders[1]])]


def _row(parts: Sequence[Array]) -> Array:
    return np.concatenate([part.ravel() for part in parts])


def telling(parts: Sequence[Array]) -> bool:
    """Whether nearly all elements can be told apart by what they hold."""
    whole = _row(parts)
    return np.unique(whole).size > 0.9 * whole.size

"""What only moves entries: none of these rounds, and the transpose of each moves them back, adding up what was repeated."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws.kernel.node import Node, Shape, lifted, shape_of
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, gather, masked, scatter
from bpcompare.numbers.number import total as summed


def reshape(x: Any, shape: Shape) -> Node:
    """The entries in row order in another shape;  Δ in the old one. One −1 stands for what is left."""
    x = lifted(x)
    if -1 in shape:
        left = prod(x.shape) // prod(size for size in shape if size != -1)
        shape = tuple(left if size == -1 else size for size in shape)
    return Node(shape, lambda: np.reshape(x.value, shape), [(x, lambda dy: np.reshape(dy, x.shape))])


def permute(x: Any, axes: Sequence[int]) -> Node:
    """Axis `axes[i]` becomes axis i;  Δ with the axes in their old order."""
    x = lifted(x)
    axes = tuple(axis % x.ndim for axis in axes)
    back = tuple(int(axis) for axis in np.argsort(axes))
    shape = tuple(x.shape[axis] for axis in axes)
    return Node(shape, lambda: np.transpose(x.value, axes), [(x, lambda dy: np.transpose(dy, back))])


def expand(x: Any, shape: Shape) -> Node:
    """Repeated to `shape`, as NumPy broadcasts;  Δ summed over what was repeated."""
    x = lifted(x)
    return Node(shape, lambda: spread(x.value, shape), [(x, lambda dy: summed_to(dy, x.shape))])


def aligned(x: Any, ndim: int) -> Node:
    """Axes of length 1 after that of the examples, so that there are `ndim`: examples stay examples when shapes broadcast."""
    x = lifted(x)
    return x if x.ndim == ndim else reshape(x, (x.shape[0], *(1,) * (ndim - x.ndim), *x.shape[1:]))


def concat(xs: Sequence[Any], axis: int) -> Node:
    """One after the other along an axis;  each receives its part of Δ."""
    nodes = [lifted(x) for x in xs]
    axis %= nodes[0].ndim
    shape = list(nodes[0].shape)
    shape[axis] = sum(node.shape[axis] for node in nodes)
    sources, start = [], 0
    for node in nodes:
        part = along(axis, slice(start, start + node.shape[axis]))
        sources.append((node, lambda dy, part=part: dy[part]))
        start += node.shape[axis]
    return Node(tuple(shape), lambda: np.concatenate([node.value for node in nodes], axis=axis), sources)


def cut(x: Any, axis: int, positions: range) -> Node:
    """The positions of one axis, in steps forward;  Δ there, and 0 elsewhere."""
    x = lifted(x)
    axis %= x.ndim
    size, taken = x.shape[axis], along(axis, slice(positions.start, positions.stop, positions.step))
    shape = (*x.shape[:axis], len(positions), *x.shape[axis + 1 :])

    def back(dy: Num) -> Num:
        apart = stretched(dy, axis, positions.step)
        return _padded(apart, axis, positions.start, size - positions.start - apart.shape[axis])

    return Node(shape, lambda: x.value[taken], [(x, back)])


def pad(x: Any, widths: Sequence[tuple[int, int]]) -> Node:
    """Zeros around: so many before and after each axis;  Δ without them."""
    x = lifted(x)
    shape = tuple(near + size + far for size, (near, far) in zip(x.shape, widths, strict=True))
    inner = tuple(slice(near, near + size) for size, (near, _) in zip(x.shape, widths, strict=True))
    return Node(shape, lambda: np.pad(x.value, tuple(widths)), [(x, lambda dy: dy[inner])])


def take(x: Any, index: Array) -> Node:
    """Entries of the last axis by their numbers: y[…, i…] = x[…, index[i…]], and 0 where the index is −1;  Δ is put back."""
    x = lifted(x)
    return Node(
        (*x.shape[:-1], *index.shape), lambda: taken_along(x.value, index), [(x, lambda dy: put_along(dy, index, x.shape[-1]))]
    )


def put(x: Any, index: Array, size: int) -> Node:
    """The transpose of `take`: entries added up in a last axis of `size` places, those of index −1 nowhere;  Δ is taken."""
    x = lifted(x)
    lead = x.shape[: x.ndim - index.ndim]
    return Node((*lead, size), lambda: put_along(x.value, index, size), [(x, lambda dy: taken_along(dy, index))])


# the same on numbers


def spread(x: Num, shape: Shape) -> Num:
    """`x` broadcast to `shape`."""
    return x if shape_of(x) == shape else np.broadcast_to(x, shape)


def summed_to(x: Num, shape: Shape) -> Num:
    """`x` summed over the axes along which `shape` was repeated to give it."""
    have = shape_of(x)
    if have == shape:
        return x
    extra = len(have) - len(shape)
    repeated = [axis + extra for axis, size in enumerate(shape) if size != have[axis + extra]]
    return np.reshape(summed(x, axis=(*range(extra), *repeated)), shape)


def along(axis: int, part: slice) -> tuple[slice, ...]:
    """The index of a part of one axis."""
    return (*(slice(None),) * axis, part)


def stretched(x: Num, axis: int, step: int) -> Num:
    """step − 1 zeros between neighbours along an axis."""
    if step == 1:
        return x
    lead, size, rest = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    apart = _padded(np.reshape(x, (*lead, size, 1, *rest)), axis + 1, 0, step - 1)
    return np.reshape(apart, (*lead, size * step, *rest))[along(axis, slice(0, (size - 1) * step + 1))]


def _padded(x: Num, axis: int, near: int, far: int) -> Num:
    widths = [(0, 0)] * x.ndim
    widths[axis] = (near, far)
    return np.pad(x, widths) if near or far else x


def taken_along(x: Num, index: Array) -> Num:
    """x[…, index], and 0 where the index is −1."""
    there = index >= 0
    if not x.shape[-1]:  # nothing to take from
        return np.zeros((*x.shape[:-1], *index.shape))
    front = np.moveaxis(x, -1, 0) if x.ndim > 1 else x
    found = gather(front, np.where(there, index, 0))
    lead = tuple(range(index.ndim, found.ndim))
    found = np.transpose(found, (*lead, *range(index.ndim))) if lead else found
    return found if there.all() else masked(np.broadcast_to(there, found.shape), found)


def put_along(x: Num, index: Array, size: int) -> Num:
    """y[…, index] += x; the transpose of `taken_along`."""
    there = index >= 0
    lead = x.ndim - index.ndim
    front = np.transpose(x, (*range(lead, x.ndim), *range(lead))) if lead else x
    if not there.all():
        # What goes nowhere is left out: together in one place it would be the longest sum.
        front = gather(np.reshape(front, (index.size, *x.shape[:lead])), np.flatnonzero(there))
        index = index[there]
    whole = scatter(front, index, size)
    return np.moveaxis(whole, 0, -1) if lead else whole

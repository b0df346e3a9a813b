"""Functions that JAX has in a form of its own: general products and windows, paddings, powers. Others have common names."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.calls.contractions import cumulated
from bpcompare.laws.calls.extremes import windowed
from bpcompare.laws.calls.moves import moved, put, taken
from bpcompare.laws.calls.windows import plane
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num

rows = Rows()


@rows.law("lax.broadcast_in_dim")
def _broadcast_in_dim(a: Arguments) -> Node:
    x, dims = lifted(floats(a.x0)), a.broadcast_dimensions
    shape = [1] * len(a.shape)
    for axis, size in zip(dims, x.shape, strict=True):
        shape[axis] = size
    return kernel.expand(kernel.reshape(x, tuple(shape)), a.shape)


@rows.law("lax.slice")
def _slice(a: Arguments) -> Node:
    x = lifted(a.x0)
    steps = a.get("strides") or (1,) * x.ndim
    for axis, part in enumerate(zip(a.start_indices, a.limit_indices, steps, strict=True)):
        if (positions := range(*part)) != range(x.shape[axis]):
            x = kernel.cut(x, axis, positions)
    return x


@rows.law("lax.pad")
def _pad(a: Arguments) -> Node:
    """A value around and between the entries; negative widths cut off."""
    x, value = lifted(floats(a.x0)), lifted(floats(a.x1))
    index: Array = np.arange(prod(x.shape)).reshape(x.shape)
    for axis, (low, high, between) in enumerate(a.padding_config):
        size = index.shape[axis]
        apart = np.full((*index.shape[:axis], max(size + (size - 1) * between, 0), *index.shape[axis + 1 :]), -1)
        apart[(*(slice(None),) * axis, slice(None, None, between + 1))] = index
        widths = [(max(low, 0), max(high, 0)) if axis == other else (0, 0) for other in range(index.ndim)]
        wide = np.pad(apart, widths, constant_values=-1)
        stop = wide.shape[axis] + min(high, 0)
        index = wide[(*(slice(None),) * axis, slice(max(-low, 0), stop))]
    return kernel.where(index >= 0, taken(x, index), kernel.expand(value, index.shape))


@rows.law("lax.dot_general")
def _dot_general(a: Arguments) -> Node:
    """Σ over contracted axes, for each place of the batch axes: axes in the order batch, left, right."""
    x, y = lifted(floats(a.x0)), lifted(floats(a.x1))
    (cx, cy), (bx, by) = a.dimension_numbers
    fx = [axis for axis in range(x.ndim) if axis not in (*cx, *bx)]
    fy = [axis for axis in range(y.ndim) if axis not in (*cy, *by)]
    batch = [x.shape[axis] for axis in bx]
    inner = prod(x.shape[axis] for axis in cx)
    left = kernel.reshape(kernel.permute(x, (*bx, *fx, *cx)), (*batch, prod(x.shape[axis] for axis in fx), inner))
    right = kernel.reshape(kernel.permute(y, (*by, *cy, *fy)), (*batch, inner, prod(y.shape[axis] for axis in fy)))
    return kernel.reshape(kernel.matmul(left, right), a.shape)


@rows.law("lax.integer_pow", rearranged=True)
def _integer_pow(a: Arguments) -> Node:
    n = int(a.y)

    def raised(v: Num, k: int) -> Num:
        if k < 0:
            return 1.0 / raised(v, -k)
        found: Any = 1.0 + 0.0 * v if k == 0 else v
        for _ in range(k - 1):
            found = found * v
        return found

    return kernel.elementwise(a.x0, lambda v: raised(v, n), lambda v: float(n) * raised(v, n - 1))


@rows.law("lax.conv_general_dilated")
def _convolution(a: Arguments) -> Node:
    """Σ over a group's channels and the window, whatever the order of the axes; both sides may be dilated."""
    if a.get("batch_group_count", 1) != 1:
        raise LookupError("groups of examples")
    numbers: Mapping[str, Any] = dict(a.dimension_numbers)
    x = kernel.permute(lifted(floats(a.x0)), numbers["lhs_spec"])
    w = kernel.permute(lifted(floats(a.x1)), numbers["rhs_spec"])
    out = numbers["out_spec"]
    sizes = [a.shape[axis] for axis in out]
    groups, (n, channels, *size), (outs, into, *window) = a.get("feature_group_count", 1), x.shape, w.shape
    lines = [
        _line(s, p, k, stride, low, inside, apart)
        for s, p, k, stride, (low, _), inside, apart in zip(
            size, sizes[2:], window, a.window_strides, a.padding, a.rhs_dilation, a.lhs_dilation, strict=True
        )
    ]
    seen = kernel.take(kernel.reshape(x, (n, channels, prod(size))), plane(tuple(size), lines).reshape(prod(sizes[2:]), -1))
    members, places = prod(window), prod(sizes[2:])
    seen = kernel.permute(kernel.reshape(seen, (n, groups, into, places, members)), (1, 0, 3, 2, 4))
    left = kernel.reshape(seen, (groups, n * places, into * members))
    right = kernel.permute(kernel.reshape(w, (groups, outs // groups, into * members)), (0, 2, 1))
    y = kernel.reshape(kernel.matmul(left, right), (groups, n, places, outs // groups))
    y = kernel.reshape(kernel.permute(y, (1, 0, 3, 2)), tuple(sizes))
    return kernel.permute(y, [int(axis) for axis in np.argsort(out)])


def _line(size: int, positions: int, width: int, stride: int, low: int, inside: int, apart: int) -> Array:
    """(positions, width): which entry of an axis, whose entries stand `apart`, each place of each window sees; −1 for none."""
    at = np.arange(positions)[:, None] * stride - low + np.arange(width) * inside
    return np.where((at >= 0) & (at % apart == 0) & (at // apart < size), at // apart, -1)


def _windows(a: Arguments, x: Node) -> Array:
    """(positions …, members): the entries of x that each window of a reduction sees, in row order."""
    between = a.get("base_dilation") or (1,) * x.ndim
    inside = a.get("window_dilation") or (1,) * x.ndim
    every = zip(x.shape, a.shape, a.window_dimensions, a.window_strides, a.padding, inside, between, strict=True)
    return plane(x.shape, [_line(s, p, k, stride, low, d, apart) for s, p, k, stride, (low, _), d, apart in every])


@rows.law("lax.reduce_window_sum")
def _window_sums(a: Arguments) -> Node:
    return kernel.total(taken(a.x0, _windows(a, lifted(a.x0))), (-1,))


FIRST = ("where several of a window are equal, the first receives Δ",)


@rows.law("lax.reduce_window_max", kinks=FIRST)
def _window_largest(a: Arguments) -> Node:
    return _largest_of(a, lifted(a.x0))


@rows.law("lax.reduce_window_min", kinks=FIRST)
def _window_least(a: Arguments) -> Node:
    return kernel.negative(_largest_of(a, kernel.negative(lifted(a.x0))))


def _largest_of(a: Arguments, x: Node) -> Node:
    index = _windows(a, x)
    members = taken(x, index)
    return windowed(kernel.largest(members, index >= 0), members, index >= 0, x)


@rows.law("lax.scatter-add")
def _scatter_add(a: Arguments) -> Node:
    """What stood there, and all updates that go there: `index` is the place of each, −1 for none."""
    x = lifted(floats(a.x0))
    return kernel.add(x, put(floats(a.x1), a.index, x.shape))


@rows.law("lax.cumsum")
def _cumsum(a: Arguments) -> Node:
    if not a.get("reverse", False):
        return cumulated(a.x0, a.axis)
    return _reversed(cumulated(_reversed(a.x0, a.axis), a.axis), a.axis)


def _reversed(x: Any, axis: int) -> Node:
    return moved(x, lambda ids: np.flip(ids, axis))

"""Windows that move over the last axes of an array: where they stand, and their means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.moves import moved, numbered, put
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.ops.op import Shape

rows = Rows()
Line = Array
"""(positions, members): which places along one axis each window sees; −1 stands for none."""


def sized(given: Any, n: int, otherwise: Any = None) -> tuple[int, ...]:
    """A number for each of n axes, where one may stand for all, and none for `otherwise`."""
    values = (given,) if isinstance(given, int) else tuple(given or ())
    if not values:
        return sized(otherwise, n)
    return values * n if len(values) == 1 else values


def line(size: int, positions: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Line:
    """Windows of `kernel` places every `stride`, from `padding` before the first place on."""
    at = np.arange(positions)[:, None] * stride - padding + np.arange(kernel) * dilation
    return np.where((at >= 0) & (at < size), at, -1)


def regions(size: int, positions: int) -> Line:
    """Region i of n goes from i size/n, rounded down, to (i + 1) size/n, rounded up."""
    parts = [range(i * size // positions, -(-(i + 1) * size // positions)) for i in range(positions)]
    found = np.full((positions, max(map(len, parts))), -1)
    for i, part in enumerate(parts):
        found[i, : len(part)] = part
    return found


class Field:
    """The last axes of an array as one, all before them as another, and windows on it, given by a line for each axis.

    `index` (positions …, members) are the windows' entries along the one axis, −1 for what lies outside.
    """

    def __init__(self, x: Any, lines: Sequence[Line]) -> None:
        x = lifted(x)
        n = len(lines)
        self.lead, self.size = x.shape[: x.ndim - n], x.shape[x.ndim - n :]
        self.positions = tuple(one.shape[0] for one in lines)
        self.x = kernel.reshape(x, (prod(self.lead), prod(self.size)))
        self.index = plane(self.size, lines)

    @property
    def shape(self) -> Shape:
        """Of one number for each window."""
        return (*self.lead, *self.positions)

    def members(self) -> Node:
        """(rows, positions …, members): what each window sees."""
        return kernel.take(self.x, self.index)


def plane(size: Shape, lines: Sequence[Line]) -> Array:
    """(positions …, members): the entries, in row order over `size`, that windows see which are lines along each axis."""
    n = len(size)
    index, inside = np.zeros((1,) * (2 * n), np.int64), np.ones((1,) * (2 * n), bool)
    for axis, one in enumerate(lines):
        shape = [1] * (2 * n)
        shape[axis], shape[n + axis] = one.shape
        at = one.reshape(shape)
        index, inside = index * size[axis] + at, inside & (at >= 0)
    positions = tuple(one.shape[0] for one in lines)
    return np.where(inside, index, -1).reshape(*positions, prod(one.shape[1] for one in lines))


# means


def _average(n: int) -> Callable[[Arguments], Node]:
    def formula(a: Arguments) -> Node:
        kernels = sized(a.kernel_size, n)
        strides, paddings = sized(a.get("stride"), n, kernels), sized(a.get("padding", 0), n)
        size, positions = a.self.shape[-n:], a.shape[-n:]
        every = list(zip(size, positions, kernels, strides, paddings, strict=True))
        field = Field(a.self, [line(*one) for one in every])
        return kernel.reshape(kernel.divide(kernel.total(field.members(), (-1,)), _divisor(a, field, every)), a.shape)

    return formula


def _divisor(a: Arguments, field: Field, every: Sequence[tuple[int, int, int, int, int]]) -> Any:
    """How many members a window has: as the caller says, with the border, or without it. Beyond the border there are none."""
    if a.get("divisor_override") is not None:
        return float(a.divisor_override)
    if not a.get("count_include_pad", True):
        return (field.index >= 0).sum(axis=-1).astype(np.float64)
    count = np.ones(())
    for size, positions, width, stride, padding in every:
        start = np.arange(positions) * stride - padding
        count = count[..., None] * (np.minimum(start + width, size + padding) - start)
    return count.astype(np.float64)


for _n in (1, 2, 3):
    rows.law(f"avg_pool{_n}d")(_average(_n))


def _adaptive(n: int) -> Callable[[Arguments], Node]:
    def formula(a: Arguments) -> Node:
        field = Field(a.self, [regions(*one) for one in zip(a.self.shape[-n:], a.shape[-n:], strict=True)])
        count = (field.index >= 0).sum(axis=-1).astype(np.float64)
        return kernel.reshape(kernel.divide(kernel.total(field.members(), (-1,)), count), a.shape)

    return formula


for _n in (1, 2, 3):
    rows.law(f"_adaptive_avg_pool{_n}d", f"adaptive_avg_pool{_n}d")(_adaptive(_n))


# columns


def _columns(a: Arguments, size: Shape) -> Array:
    """(members of a window, windows): which entry of a channel stands where."""
    kernels, dilations = sized(a.kernel_size, 2), sized(a.dilation, 2)
    strides, paddings = sized(a.stride, 2), sized(a.padding, 2)
    lines = []
    for n, width, stride, padding, dilation in zip(size, kernels, strides, paddings, dilations, strict=True):
        positions = (n + 2 * padding - dilation * (width - 1) - 1) // stride + 1
        lines.append(line(n, positions, width, stride, padding, dilation))
    index = plane(size, lines)
    return np.transpose(index.reshape(-1, index.shape[-1]))


@rows.law("im2col")
def _im2col(a: Arguments) -> Node:
    *lead, high, wide = a.self.shape
    pixels = kernel.reshape(a.self, (*lead, high * wide))
    return kernel.reshape(kernel.take(pixels, _columns(a, (high, wide))), a.shape)


@rows.law("col2im")
def _col2im(a: Arguments) -> Node:
    size = tuple(a.output_size)
    index = _columns(a, size)
    columns = kernel.reshape(a.self, (*a.shape[:-2], *index.shape))
    return kernel.reshape(kernel.put(columns, index, prod(size)), a.shape)


@rows.law("unfold", "unfold_copy")
def _unfold(a: Arguments) -> Node:
    """Windows along one axis, each along a new last one."""
    return moved(a.self, lambda ids: _windows(ids, a.dimension, a.size, a.step).reshape(a.shape))


@rows.law("unfold_backward", rearranged=True)
def _unfold_backward(a: Arguments) -> Node:
    """Windows added up where they were taken from, as the inverse of a short-time Fourier transform does."""
    shape = tuple(a.input_sizes)
    return put(a.grad_in, _windows(numbered(shape), a.dim, a.size, a.step), shape)


def _windows(ids: Array, axis: int, size: int, step: int) -> Array:
    if not ids.ndim:
        return ids.reshape(1)[:size]
    axis %= ids.ndim
    positions = (ids.shape[axis] - size) // step + 1
    return np.moveaxis(np.take(ids, line(ids.shape[axis], positions, size, step), axis), axis + 1, -1)

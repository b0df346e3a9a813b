"""Sums of products beyond a product of two matrices, and running sums and products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.calls.moves import moved
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num

rows = Rows()


def _weighed(a: Arguments, found: Node) -> Node:
    """β self + α found."""
    beta, alpha = a.get("beta", 1), a.get("alpha", 1)
    found = found if alpha == 1 else kernel.multiply(operand(a, alpha), found)
    return kernel.add(found, a.self if beta == 1 else kernel.multiply(operand(a, beta), a.self))


def _outer(x: Any, y: Any) -> Node:
    return kernel.multiply(kernel.reshape(lifted(x), (-1, 1)), y)


rows.law("outer", "ger")(lambda a: _outer(a.self, a.vec2))
rows.law("addr")(lambda a: _weighed(a, _outer(a.vec1, a.vec2)))


@rows.law("addbmm")
def _addbmm(a: Arguments) -> Node:
    """The products of all matrices, added up: one product of the first beside one another with the second below one another."""
    x, y = lifted(a.batch1), lifted(a.batch2)
    count, high, inner = x.shape
    wide = kernel.reshape(kernel.permute(x, (1, 0, 2)), (high, count * inner))
    return _weighed(a, kernel.matmul(wide, kernel.reshape(y, (count * inner, y.shape[2]))))


rows.law("trace")(lambda a: kernel.total(moved(a.self, np.diagonal)))


@rows.law("linalg_cross")
def _linalg_cross(a: Arguments) -> Node:
    x, y, axis = lifted(floats(a.self)), lifted(floats(a.other)), a.get("dim", -1)
    shape = np.broadcast_shapes(x.shape, y.shape)
    x, y = kernel.expand(x, shape), kernel.expand(y, shape)

    def turned(z: Node, by: int) -> Node:
        return moved(z, lambda ids: np.roll(ids, by, axis))

    return kernel.subtract(kernel.multiply(turned(x, -1), turned(y, -2)), kernel.multiply(turned(x, -2), turned(y, -1)))


@rows.law("_trilinear")
def _trilinear(a: Arguments) -> Node:
    """Σ i1 i2 i3 over axes, each spread along axes of its own."""

    def spread(x: Any, axes: tuple[int, ...]) -> Node:
        x = lifted(floats(x))
        shape = list(x.shape)
        for axis in sorted(axes):
            shape.insert(axis, 1)
        return kernel.reshape(x, tuple(shape))

    i1, i2, i3 = spread(a.i1, a.expand1), spread(a.i2, a.expand2), spread(a.i3, a.expand3)
    return kernel.total(kernel.multiply(kernel.multiply(i1, i2), i3), a.sumdim)


@rows.law("_grouped_mm")
def _grouped_mm(a: Arguments) -> Node:
    """A product of matrices for each group; where a group's rows, columns or inner places begin, `offs` says."""
    x, y, offsets = lifted(floats(a.self)), lifted(floats(a.mat2)), a.get("offs")
    if a.get("bias") is not None:
        raise LookupError("_grouped_mm with a bias")
    if offsets is None:
        return kernel.matmul(x, y)
    ends = [int(end) for end in offsets]
    spans = [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def matrix(z: Node, number: int, axis: int) -> Node:
        if z.ndim == 2:
            return kernel.cut(z, axis, spans[number])
        return kernel.reshape(kernel.cut(z, 0, range(number, number + 1)), z.shape[1:])

    if x.ndim == 2 and y.ndim == 2:
        parts = [kernel.matmul(matrix(x, i, 1), matrix(y, i, 0)) for i in range(len(spans))]
        return kernel.reshape(kernel.concat(parts, 0), a.shape)
    parts = [kernel.matmul(matrix(x, i, 0), matrix(y, i, 1)) for i in range(len(spans))]
    axis = 0 if x.ndim == 2 else 1
    whole = kernel.concat(parts, axis)
    if whole.shape != a.shape:
        raise LookupError("rows that are in no group")
    return whole


# along an axis


@rows.law("cumsum")
def _cumsum(a: Arguments) -> Node:
    return cumulated(a.self, a.dim)


def cumulated(x: Any, axis: int) -> Node:
    """Sums of more and more neighbours: of two, of four, of eight …; what does not reach so far stays."""
    y = lifted(x)
    if not y.ndim or not prod(y.shape):
        return y
    axis %= y.ndim
    size, reach = y.shape[axis], 1
    while reach < size:
        widths = [(reach if axis == other else 0, 0) for other in range(y.ndim)]
        y = kernel.add(y, kernel.pad(kernel.cut(y, axis, range(size - reach)), widths))
        reach *= 2
    return y


@rows.law("cumprod", rearranged=True)
def _cumprod(a: Arguments) -> Node:
    """yᵢ = yᵢ₋₁ xᵢ;  with A the Δ of yᵢ from all later ones, Aᵢ = Δᵢ + xᵢ₊₁ Aᵢ₊₁, and xᵢ receives yᵢ₋₁ Aᵢ."""
    x = lifted(a.self)
    if not x.ndim or not prod(x.shape):
        return x
    axis = a.dim % x.ndim

    def slices(v: Num) -> list[Num]:
        front = np.moveaxis(v, axis, 0)
        return [front[i : i + 1] for i in range(x.shape[axis])]

    def joined(parts: list[Num]) -> Num:
        return np.moveaxis(np.concatenate(parts, axis=0), 0, axis)

    def running() -> list[Num]:
        found: list[Num] = []
        for part in slices(x.value):
            found.append(part if not found else found[-1] * part)
        return found

    def back(dy: Num) -> Num:
        parts, deltas, y = slices(x.value), slices(dy), running()
        found: list[Num] = []
        later: Any = None
        for i in reversed(range(len(parts))):
            later = deltas[i] if later is None else deltas[i] + parts[i + 1] * later
            found.append(later if i == 0 else y[i - 1] * later)
        return joined(found[::-1])

    return Node(x.shape, lambda: joined(running()), [(x, back)])

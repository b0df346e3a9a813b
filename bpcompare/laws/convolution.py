"""Convolution as the dense layer's sums over windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcompare.laws.kernel.correlation import correlated, returned, seen
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, Product, total
from bpcompare.ops import Conv2d, Op


class Conv2dLaw(PlainLaw):
    """Cross-correlation; its Δ is the full correlation with the flipped kernel, its gradient the correlation of a with Δ."""

    def forward(self, at: At[Conv2d], steps: int = 1) -> Num:
        """Windows of the padded source times the kernel."""
        op = at.op
        return correlated(padded(at.x, op), at.p["weight"], op.stride, op.dilation, op.groups, at.p.get("bias"), steps)

    def delta(self, at: At[Conv2d], steps: int = 1) -> Num:
        """Every input pixel collects Δ from each window that saw it, by the weight it was seen with."""
        op = at.op
        return returned(at.dy, at.p["weight"], padded_size(at), op.stride, op.dilation, op.groups, border(op), steps)

    def gradient(self, at: At[Conv2d]) -> Num:
        """Σ over examples and positions of what the weight saw times Δ there."""
        op = at.op
        if at.role == "bias":
            return total(at.dy, axis=(0, 2, 3))
        return seen(padded(at.x, op), at.dy, op.kernel, op.stride, op.dilation, op.groups)

    def stacked(self, steps: int) -> Law:
        """See `PlainLaw`: steps side by side."""
        return StackedConv2d(self, steps)


class StackedConv2d(PlainLaw):
    """The same equations for several steps at once (`PlainLaw.stacked`): each example meets the kernel of its step."""

    def __init__(self, law: Conv2dLaw, steps: int) -> None:
        self._law, self._steps = law, steps
        self.rearranged = law.rearranged

    def forward(self, at: At[Conv2d]) -> Num:
        """Windows of each step times its kernel."""
        return self._law.forward(self._below(at), self._steps)

    def delta(self, at: At[Conv2d]) -> Num | Product:
        """Every input pixel collects Δ of its own step."""
        return self._law.delta(self._below(at), self._steps)

    def gradient(self, at: At[Conv2d]) -> Num | Product:
        """Σ over the examples and positions of each step."""
        op = at.op
        if at.role == "bias":
            return total(np.reshape(at.dy, (self._steps, -1, *at.dy.shape[1:])), axis=(1, 3, 4))
        found = seen(padded(at.x, op), at.dy, op.kernel, op.stride, op.dilation, op.groups, self._steps)
        return np.reshape(found, (self._steps, -1, *found.shape[1:]))

    def _below(self, at: At[Conv2d]) -> At[Conv2d]:
        """Parameters of all steps below one another."""
        return at.but(p={role: np.reshape(x, (-1, *x.shape[2:])) for role, x in at.p.items()})


def border(op: Conv2d) -> tuple[tuple[int, int], ...]:
    """How many zeros are on both sides of each axis."""
    return tuple(zip(op.padding, op.far, strict=True))


def padded(x: Num, op: Conv2d) -> Num:
    """The source with its zero border."""
    edges = border(op)
    return np.pad(x, ((0, 0), (0, 0), *edges)) if any(map(any, edges)) else x


def padded_size(at: At[Conv2d]) -> tuple[int, ...]:
    """Height and width of the source with its border."""
    return tuple(sum(part) for part in zip(at.x.shape[2:], at.op.padding, at.op.far, strict=True))


TABLE: Mapping[type[Op], Law] = {Conv2d: Conv2dLaw()}

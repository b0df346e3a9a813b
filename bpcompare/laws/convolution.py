"""Convolution as the dense layer's sums over windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws.kernel.correlation import correlated, returned, seen
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, Product, total
from bpcompare.ops import Conv2d, Op


class Conv2dLaw(PlainLaw):
    """Cross-correlation; its Δ is the full correlation with the flipped kernel, its gradient the correlation of a with Δ."""

    def forward(self, at: At[Conv2d]) -> Num:
        """Windows of the padded source times the kernel."""
        op = at.op
        return correlated(padded(at.x, op), at.p["weight"], op.stride, op.dilation, op.groups, at.p.get("bias"))

    def delta(self, at: At[Conv2d]) -> Num:
        """Every input pixel collects Δ from each window that saw it, by the weight it was seen with."""
        op = at.op
        return returned(at.dy, at.p["weight"], padded_size(at), op.stride, op.dilation, op.groups, border(op))

    def gradient(self, at: At[Conv2d]) -> Num:
        """Σ over examples and positions of what the weight saw times Δ there."""
        op = at.op
        if at.role == "bias":
            return total(at.dy, axis=(0, 2, 3))
        return seen(padded(at.x, op), at.dy, op.kernel, op.stride, op.dilation, op.groups)

    def stacked(self, steps: int) -> Law:
        """See `PlainLaw`: steps as groups of one convolution."""
        return StackedConv2d(self, steps)


class StackedConv2d(PlainLaw):
    """The same equations for several steps at once (`PlainLaw.stacked`): the channels of each are groups of their own."""

    def __init__(self, law: Law, steps: int) -> None:
        self._law, self._steps = law, steps
        self.rearranged = law.rearranged

    def forward(self, at: At[Conv2d]) -> Num:
        """Windows of each step times its kernel."""
        return self._below(self._law.forward(self._grouped(at)))

    def delta(self, at: At[Conv2d]) -> Num | Product:
        """Every input pixel collects Δ of its own step."""
        return self._below(self._law.delta(self._grouped(at)))

    def gradient(self, at: At[Conv2d]) -> Num | Product:
        """Σ over the examples and positions of each step."""
        found: Any = self._law.gradient(self._grouped(at))
        return np.reshape(found, (self._steps, -1, *found.shape[1:]))

    def _grouped(self, at: At[Conv2d]) -> At[Conv2d]:
        op = replace(at.op, groups=at.op.groups * self._steps, channels=at.op.channels * self._steps)
        p = {role: np.reshape(x, (-1, *x.shape[2:])) for role, x in at.p.items()}
        return at.but(op=op, xs=[self._beside(at.x)], p=p, dy=None if at.dy is None else self._beside(at.dy))

    def _beside(self, x: Num) -> Num:
        """(steps · examples, channels, …) as (examples, steps · channels, …)."""
        _, channels, *size = x.shape
        apart = np.reshape(x, (self._steps, -1, channels, *size))
        return np.reshape(np.swapaxes(apart, 0, 1), (-1, self._steps * channels, *size))

    def _below(self, y: Any) -> Num:
        """The reverse."""
        examples, channels, *size = y.shape
        apart = np.reshape(y, (examples, self._steps, channels // self._steps, *size))
        return np.reshape(np.swapaxes(apart, 0, 1), (-1, channels // self._steps, *size))


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

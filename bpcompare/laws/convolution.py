"""Convolution as the dense layer's sums over windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcompare.laws.kernel.correlation import correlated, returned, seen
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, total
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
        full = returned(at.dy, at.p["weight"], padded_size(at), op.stride, op.dilation, op.groups)
        return unpadded(full, at)

    def gradient(self, at: At[Conv2d]) -> Num:
        """Σ over examples and positions of what the weight saw times Δ there."""
        op = at.op
        if at.role == "bias":
            return total(at.dy, axis=(0, 2, 3))
        return seen(padded(at.x, op), at.dy, op.kernel, op.stride, op.dilation, op.groups)


def padded(x: Num, op: Conv2d) -> Num:
    """The source with its zero border."""
    edges = tuple(zip(op.padding, op.far, strict=True))
    return np.pad(x, ((0, 0), (0, 0), *edges)) if any(map(any, edges)) else x


def padded_size(at: At[Conv2d]) -> tuple[int, ...]:
    """Height and width of the source with its border."""
    return tuple(sum(part) for part in zip(at.x.shape[2:], at.op.padding, at.op.far, strict=True))


def unpadded(full: Num, at: At[Conv2d]) -> Num:
    """Without the border."""
    py, px = at.op.padding
    return full[:, :, py : py + at.x.shape[2], px : px + at.x.shape[3]]


TABLE: Mapping[type[Op], Law] = {Conv2d: Conv2dLaw()}

"""Pooling over height × width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, at_least

__all__ = ["AvgPool2d", "MaxPool2d"]


@dataclass(frozen=True)
class Pool2d(LayerOp):
    """Windows of `kernel` every `stride` positions, per channel; incomplete windows at the far edge are dropped."""

    kernel: tuple[int, int]
    stride: tuple[int, int]

    def problems(self) -> tuple[str, ...]:
        """Positive kernel and stride."""
        return at_least(self, 1, "kernel", "stride")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(channels, height', width') from (channels, height, width)."""
        if len(xs[0]) != 3:
            return Shapes((), problems=(f"{self.name} needs channels × height × width, source has shape {list(xs[0])}",))
        channels, *size = xs[0]
        out = tuple((n - k) // s + 1 for n, k, s in zip(size, self.kernel, self.stride, strict=True))
        problems = (f"the window {list(self.kernel)} does not fit into {list(size)}",) if min(out) < 1 else ()
        return Shapes((channels, *out), problems=problems)


@dataclass(frozen=True)
class MaxPool2d(Pool2d):
    """The largest value of each window."""

    name: ClassVar[str] = "max_pool2d"
    kinks: ClassVar[tuple[str, ...]] = ("tie in a window: the first maximum in row order receives all of Δ",)
    equations: ClassVar[tuple[str, ...]] = ("in[c,y,x] = max of the window", "Δ goes to the first maximum of each window")


@dataclass(frozen=True)
class AvgPool2d(Pool2d):
    """The mean of each window."""

    name: ClassVar[str] = "avg_pool2d"
    equations: ClassVar[tuple[str, ...]] = ("in[c,y,x] = Σ window / |window|", "each member of a window receives Δ / |window|")

"""Pooling over height × width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, at_least, power_of_two

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "MaxPool2d"]


@dataclass(frozen=True)
class Pool2d(LayerOp):
    """Windows of `kernel` every `stride` positions, per channel; incomplete windows at the far edge are dropped.

    `padding` rows and columns are added on each side, at most half a window, so that every window holds some of the source.
    """

    by_channel: ClassVar[bool] = True
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)

    def problems(self) -> tuple[str, ...]:
        """Positive kernel and stride; padding of at most half the kernel."""
        found = at_least(self, 1, "kernel", "stride") + at_least(self, 0, "padding")
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            found += (f"padding: must be at most half of the kernel {list(self.kernel)}, is {list(self.padding)}",)
        return found

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(channels, height', width') from (channels, height, width)."""
        if len(xs[0]) != 3:
            return Shapes((), problems=(f"{self.name} needs channels × height × width, source has shape {list(xs[0])}",))
        channels, *size = xs[0]
        padded = tuple(n + 2 * p for n, p in zip(size, self.padding, strict=True))
        out = tuple((n - k) // s + 1 for n, k, s in zip(padded, self.kernel, self.stride, strict=True))
        problems = (f"the window {list(self.kernel)} does not fit into {list(padded)}",) if min(out) < 1 else ()
        return Shapes((channels, *out), problems=problems)


@dataclass(frozen=True)
class MaxPool2d(Pool2d):
    """The largest value of each window; padding never is."""

    name: ClassVar[str] = "max_pool2d"
    rounding: ClassVar[str] = ""
    may_tie: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("tie in a window: the first maximum in row order receives all of Δ",)
    equations: ClassVar[tuple[str, ...]] = ("in[c,y,x] = max of the window", "Δ goes to the first maximum of each window")


@dataclass(frozen=True)
class AvgPool2d(Pool2d):
    """The mean of each window. `counts_padding`: its zeros are members of the window (torch's and Keras' readings differ)."""

    name: ClassVar[str] = "avg_pool2d"
    equations: ClassVar[tuple[str, ...]] = ("in[c,y,x] = Σ window / |window|", "each member of a window receives Δ / |window|")
    counts_padding: bool = True

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless its windows are powers of two."""
        area = prod(self.kernel)
        return "" if power_of_two(area) and (self.counts_padding or not any(self.padding)) else f"the mean over {area} values"


@dataclass(frozen=True)
class AdaptiveAvgPool2d(LayerOp):
    """Means over `size` regions of height × width.

    Region i of n along an axis of h positions goes from i h / n, rounded down, to (i + 1) h / n, rounded up.
    """

    name: ClassVar[str] = "adaptive_avg_pool2d"
    by_channel: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("in[c,y,x] = Σ region / |region|", "each member of a region receives Δ / |region|")
    size: tuple[int, int]

    def problems(self) -> tuple[str, ...]:
        """At least one region each way."""
        return at_least(self, 1, "size")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(channels, *size) from (channels, height, width)."""
        if len(xs[0]) != 3:
            return Shapes((), problems=(f"{self.name} needs channels × height × width, source has shape {list(xs[0])}",))
        return Shapes((xs[0][0], *self.size))

    def regions(self, height: int, width: int) -> tuple[tuple[range, ...], tuple[range, ...]]:
        """The rows of each region, and its columns."""

        def along(n: int, into: int) -> tuple[range, ...]:
            return tuple(range(i * n // into, -(-(i + 1) * n // into)) for i in range(into))

        return along(height, self.size[0]), along(width, self.size[1])

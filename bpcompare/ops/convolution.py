"""Convolution: a dense layer that shares its weights over positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least

__all__ = ["Conv2d"]


@dataclass(frozen=True)
class Conv2d(LayerOp):
    """Cross-correlation over channels × height × width, as every framework calls convolution: the kernel is not flipped.

    Zero padding of `padding` rows and columns on each side; incomplete windows at the far edge are dropped.
    `weight` is out × in × height × width.
    """

    name: ClassVar[str] = "conv2d"
    equations: ClassVar[tuple[str, ...]] = (
        "in[o,y,x] = Σ_c Σ_uv w[o,c,u,v] a[c, y·stride+u−padding, x·stride+v−padding] + b[o]",
        "Δ[c,·,·] ← Σ_o full correlation of Δ[o] (dilated by stride) with the flipped kernel w[o,c]",
        "−∂E/∂w[o,c,u,v] = Σ_yx a[c, y·stride+u−padding, x·stride+v−padding] Δ[o,y,x]",
    )
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    bias: bool = True

    def problems(self) -> tuple[str, ...]:
        """Positive channels, kernel and stride; padding not negative."""
        return at_least(self, 1, "channels", "kernel", "stride") + at_least(self, 0, "padding")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(channels, height', width') from (channels, height, width)."""
        if len(xs[0]) != 3:
            return Shapes((), problems=(f"conv2d needs channels × height × width, source has shape {list(xs[0])}",))
        into, *size = xs[0]
        out = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, self.kernel, self.stride, self.padding, strict=True))
        problems = tuple(
            f"the kernel {list(self.kernel)} does not fit into {list(size)} padded by {list(self.padding)}"
            for n in [min(out)]
            if n < 1
        )
        area = self.kernel[0] * self.kernel[1]
        fan = (into * area, self.channels * area)
        parameters = {"weight": ParameterShape((self.channels, into, *self.kernel), fan)}
        if self.bias:
            parameters["bias"] = ParameterShape((self.channels,), fan)
        return Shapes((self.channels, *out), parameters, problems=problems)

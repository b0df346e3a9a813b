"""Convolution: a dense layer that shares its weights over positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least

__all__ = ["Conv2d"]


@dataclass(frozen=True)
class Conv2d(LayerOp):
    """Cross-correlation over channels × height × width, as every framework calls convolution: the kernel is not flipped.

    Zero padding of `padding` rows and columns on each side, or of `far_padding` at the bottom and on the right; incomplete
    windows at the far edge are dropped. `dilation` steps lie between the entries of the kernel. With `groups`, channels are
    dealt out to that many convolutions side by side. `weight` is out × in/groups × height × width.
    """

    name: ClassVar[str] = "conv2d"
    rounding: ClassVar[str] = ""
    connects: ClassVar[Literal["units", "channels"] | None] = "channels"
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
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    far_padding: tuple[int, int] | None = None

    @property
    def far(self) -> tuple[int, int]:
        """Rows and columns of zeros at the bottom and on the right."""
        return self.padding if self.far_padding is None else self.far_padding

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that the kernel spans."""
        return (self.dilation[0] * (self.kernel[0] - 1) + 1, self.dilation[1] * (self.kernel[1] - 1) + 1)

    def problems(self) -> tuple[str, ...]:
        """Positive channels, kernel, stride, dilation and groups; padding not negative; channels dealt out evenly."""
        found = at_least(self, 1, "channels", "kernel", "stride", "dilation", "groups") + at_least(self, 0, "padding")
        if self.far_padding is not None:
            found += at_least(self, 0, "far_padding")
        if self.groups >= 1 and self.channels % self.groups:
            found += (f"groups: {self.channels} channels cannot be dealt out to {self.groups} groups",)
        return found

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(channels, height', width') from (channels, height, width)."""
        if len(xs[0]) != 3:
            return Shapes((), problems=(f"conv2d needs channels × height × width, source has shape {list(xs[0])}",))
        into, *size = xs[0]
        padded = tuple(n + near + far for n, near, far in zip(size, self.padding, self.far, strict=True))
        out = tuple((n - k) // s + 1 for n, k, s in zip(padded, self.extent, self.stride, strict=True))
        problems: tuple[str, ...] = ()
        if min(out) < 1:
            problems = (f"the kernel {list(self.extent)} does not fit into {list(size)} padded to {list(padded)}",)
        elif into % self.groups:
            problems = (f"{into} channels of the source cannot be dealt out to {self.groups} groups",)
        area = self.kernel[0] * self.kernel[1]
        fan = (into // self.groups * area, self.channels // self.groups * area)
        parameters = {"weight": ParameterShape((self.channels, into // self.groups, *self.kernel), fan)}
        if self.bias:
            parameters["bias"] = ParameterShape((self.channels,), fan)
        return Shapes((self.channels, *out), parameters, problems=problems)

"""Convolutions over any number of axes, and transposed ones."""

from __future__ import annotations

from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.calls.windows import sized
from bpcompare.laws.kernel import Node, lifted
from bpcompare.laws.kernel.correlation import extents

rows = Rows()


@rows.law(
    "convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution", "cudnn_convolution", "miopen_convolution"
)
def _convolution(a: Arguments) -> Node:
    x, w = lifted(floats(a.get("input", a.get("self")))), lifted(floats(a.weight))
    n = w.ndim - 2
    if x.ndim != n + 2:
        raise LookupError("a convolution without an axis of examples")
    stride, padding, dilation = (sized(a.get(name), n, 1) for name in ("stride", "padding", "dilation"))
    if min(padding) < 0:
        raise LookupError("a border that takes away")
    formula = _transposed if a.get("transposed", False) else _direct
    y = formula(a, x, w, stride, padding, dilation)
    bias = a.get("bias")
    return y if bias is None else kernel.add(y, kernel.reshape(lifted(floats(bias)), (-1, *(1,) * n)))


Sizes = tuple[int, ...]


def _direct(a: Arguments, x: Node, w: Node, stride: Sizes, padding: Sizes, dilation: Sizes) -> Node:
    if any(padding):
        x = kernel.pad(x, [(0, 0), (0, 0), *((width, width) for width in padding)])
    return kernel.correlate(x, w, stride, dilation, a.get("groups", 1))


def _transposed(a: Arguments, x: Node, w: Node, stride: Sizes, padding: Sizes, dilation: Sizes) -> Node:
    """The way back of a convolution as a function of its own; its border is cut off, `output_padding` added at the far end."""
    n = len(stride)
    beyond: Any = sized(a.get("output_padding"), n, 0)
    reach = zip(x.shape[2:], stride, extents(w.shape[2:], dilation), beyond, strict=True)
    size = [(positions - 1) * step + extent + more for positions, step, extent, more in reach]
    y = kernel.returned_to(x, w, size, stride, dilation, a.get("groups", 1))
    for axis, width in enumerate(padding, 2):
        y = kernel.cut(y, axis, range(width, y.shape[axis] - width)) if width else y
    return y

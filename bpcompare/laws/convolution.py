"""Convolution as the dense layer's sums over windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bpcompare.arithmetic import Num, dot, total
from bpcompare.laws.law import Law, PlainLaw
from bpcompare.ops import Conv2d, Op


def windows(x: Num, kernel: tuple[int, int], stride: tuple[int, int]) -> Num:
    """(examples, channels, height', width', kernel height, kernel width): every window of x."""
    return sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]


def correlate(x: Num, w: Num, stride: tuple[int, int], plus: Num | None = None) -> Num:
    """Σ over channels and window of x · w (out × in × height × width), one sum an entry."""
    view = windows(x, w.shape[2:], stride)
    n, _, high, wide, *_ = view.shape
    flat = np.reshape(np.transpose(view, (0, 2, 3, 1, 4, 5)), (n * high * wide, -1))
    y = dot(flat, np.reshape(w, (w.shape[0], -1)).T, plus=plus)
    return np.transpose(np.reshape(y, (n, high, wide, w.shape[0])), (0, 3, 1, 2))


def dilated(dy: Num, op: Conv2d, size: Sequence[int]) -> Num:
    """Δ with stride − 1 zeros between entries, and as many around them as its full correlation with the kernel needs."""
    n, channels, high, wide = dy.shape
    sy, sx = op.stride
    ky, kx = op.kernel
    spread = np.reshape(dy, (n, channels, high, 1, wide, 1))
    spread = np.pad(spread, ((0, 0), (0, 0), (0, 0), (0, sy - 1), (0, 0), (0, sx - 1)))
    spread = np.reshape(spread, (n, channels, high * sy, wide * sx))[:, :, : (high - 1) * sy + 1, : (wide - 1) * sx + 1]
    # Rows that no window reached (far edge, stride) receive zeros.
    far_y = size[0] + 2 * op.padding[0] - ((high - 1) * sy + ky)
    far_x = size[1] + 2 * op.padding[1] - ((wide - 1) * sx + kx)
    return np.pad(spread, ((0, 0), (0, 0), (ky - 1, ky - 1 + far_y), (kx - 1, kx - 1 + far_x)))


class Conv2dLaw(PlainLaw):
    """Cross-correlation; its Δ is the full correlation with the flipped kernel, its gradient the correlation of a with Δ."""

    def forward(self, op: Conv2d, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """Windows of the padded source times the kernel."""
        return correlate(padded(xs[0], op), p["weight"], op.stride, plus=p.get("bias"))

    def delta(self, op: Conv2d, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Every input pixel collects Δ from each window that saw it, by the weight it was seen with."""
        flipped = np.flip(np.transpose(p["weight"], (1, 0, 2, 3)), axis=(2, 3))
        full = correlate(dilated(dy, op, xs[0].shape[2:]), flipped, (1, 1))
        py, px = op.padding
        return full[:, :, py : py + xs[0].shape[2], px : px + xs[0].shape[3]]

    def gradient(self, op: Conv2d, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str) -> Num:
        """Σ over examples and positions of what the weight saw times Δ there."""
        if role == "bias":
            return total(dy, axis=(0, 2, 3))
        view = windows(padded(xs[0], op), op.kernel, op.stride)
        channels = xs[0].shape[1]
        seen = np.reshape(np.transpose(view, (1, 4, 5, 0, 2, 3)), (channels * op.kernel[0] * op.kernel[1], -1))
        deltas = np.reshape(np.transpose(dy, (0, 2, 3, 1)), (-1, op.channels))
        return np.reshape(dot(seen, deltas).T, (op.channels, channels, *op.kernel))


def padded(x: Num, op: Conv2d) -> Num:
    """The source with its zero border."""
    py, px = op.padding
    return np.pad(x, ((0, 0), (0, 0), (py, py), (px, px))) if py or px else x


TABLE: Mapping[type[Op], Law] = {Conv2d: Conv2dLaw()}

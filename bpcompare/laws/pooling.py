"""Pooling: each window sends one number forward; Δ comes back to the winner, or to all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.arithmetic import Num, first_max, masked, total
from bpcompare.laws.convolution import windows
from bpcompare.laws.law import Law, PlainLaw
from bpcompare.ops import AvgPool2d, MaxPool2d, Op
from bpcompare.ops.pooling import Pool2d
from bpcompare.parameter import Array


def flat_windows(x: Num, op: Pool2d) -> Num:
    """(examples, channels, height', width', window)."""
    view = windows(x, op.kernel, op.stride)
    return np.reshape(view, (*view.shape[:4], -1))


def returned(parts: Num, op: Pool2d, size: Sequence[int]) -> Num:
    """Window entries (examples, channels, height', width', window) added up at the pixels they came from: one sum a pixel."""
    n, channels, high, wide, _ = parts.shape
    sy, sx = op.stride
    terms = []
    for u in range(op.kernel[0]):
        for v in range(op.kernel[1]):
            part = np.reshape(parts[..., u * op.kernel[1] + v], (n, channels, high, 1, wide, 1))
            part = np.pad(part, ((0, 0), (0, 0), (0, 0), (0, sy - 1), (0, 0), (0, sx - 1)))
            part = np.reshape(part, (n, channels, high * sy, wide * sx))
            high_end, wide_end = max(size[0] - u - high * sy, 0), max(size[1] - v - wide * sx, 0)
            part = np.pad(part, ((0, 0), (0, 0), (u, high_end), (v, wide_end)))
            terms.append(part[:, :, : size[0], : size[1]])
    return total(terms)


class MaxPool2dLaw(PlainLaw):
    """The first maximum of a window answers for it, forward and back."""

    def forward(self, op: MaxPool2d, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """The largest of each window."""
        view = flat_windows(xs[0], op)
        return total(masked(first_max(view), view), axis=-1)

    def delta(self, op: MaxPool2d, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """All of Δ to the winner."""
        winner = first_max(flat_windows(xs[0], op))
        spread = np.broadcast_to(np.expand_dims(dy, -1), winner.shape)
        return returned(masked(winner, spread), op, xs[0].shape[2:])

    def tied(self, op: MaxPool2d, x: Num) -> tuple[Array, Array]:
        """For every window: positions of its entries in x.ravel(), and which of them may be its maximum (windows, entries)."""
        positions = flat_windows(np.arange(x.reshape(-1).shape[0]).reshape(x.shape), op)
        tied = first_max(flat_windows(x, op))
        return positions.reshape(-1, positions.shape[-1]), tied.reshape(-1, tied.shape[-1])


class AvgPool2dLaw(PlainLaw):
    """The mean of a window; Δ is shared out equally."""

    def forward(self, op: AvgPool2d, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """Σ / window size."""
        return total(flat_windows(xs[0], op), axis=-1) / float(op.kernel[0] * op.kernel[1])

    def delta(self, op: AvgPool2d, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ / window size to every member."""
        area = op.kernel[0] * op.kernel[1]
        spread = np.broadcast_to(np.expand_dims(dy / float(area), -1), (*dy.shape, area))
        return returned(spread, op, xs[0].shape[2:])


TABLE: Mapping[type[Op], Law] = {MaxPool2d: MaxPool2dLaw(), AvgPool2d: AvgPool2dLaw()}

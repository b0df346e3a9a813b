"""Pooling: each window sends one number forward; Δ comes back to the winner, or to all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node
from bpcompare.laws.kernel.correlation import windows
from bpcompare.laws.kernel.moves import stretched
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, first_max, masked, total
from bpcompare.ops import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, Op
from bpcompare.ops.pooling import Pool2d


def flat_windows(x: Num, op: Pool2d) -> Num:
    """(examples, channels, height', width', window), with zeros where a window reaches over the edge."""
    py, px = op.padding
    x = np.pad(x, ((0, 0), (0, 0), (py, py), (px, px))) if py or px else x
    view = windows(x, op.kernel, op.stride, (1, 1))
    return np.reshape(view, (*view.shape[:4], -1))


def inside(op: Pool2d, size: Sequence[int]) -> Array | None:
    """(1, 1, height', width', window): which entries of the windows are no padding; None where all are of the source."""
    return np.asarray(flat_windows(np.ones((1, 1, *size)), op) > 0) if any(op.padding) else None


def returned(parts: Num, op: Pool2d, size: Sequence[int]) -> Num:
    """Window entries (examples, channels, height', width', window) added up at the pixels they came from: one sum a pixel."""
    high, wide = (n + 2 * p for n, p in zip(size, op.padding, strict=True))
    if op.stride == op.kernel and not any(op.padding):  # windows that share no pixel: nothing is added up
        return beside(parts, op.kernel, size)
    apart = stretched(stretched(parts, 2, op.stride[0]), 3, op.stride[1])
    terms = []
    for u in range(op.kernel[0]):
        for v in range(op.kernel[1]):
            part = apart[..., u * op.kernel[1] + v]
            terms.append(np.pad(part, ((0, 0), (0, 0), (u, high - u - part.shape[2]), (v, wide - v - part.shape[3]))))
    whole, (py, px) = total(terms), op.padding
    return whole[:, :, py : py + size[0], px : px + size[1]] if py or px else whole


def beside(parts: Num, kernel: Sequence[int], size: Sequence[int]) -> Num:
    """Window entries at their pixels, where each pixel lies in one window at most."""
    n, channels, rows, columns = parts.shape[:4]
    apart = np.transpose(np.reshape(parts, (n, channels, rows, columns, *kernel)), (0, 1, 2, 4, 3, 5))
    high, wide = rows * kernel[0], columns * kernel[1]
    whole = np.reshape(apart, (n, channels, high, wide))
    edges = (0, size[0] - high), (0, size[1] - wide)
    return np.pad(whole, ((0, 0), (0, 0), *edges)) if any(map(any, edges)) else whole


class MaxPool2dLaw(PlainLaw):
    """The first maximum of a window answers for it, forward and back. Padding is no candidate."""

    by_example = True

    def winner(self, at: At[MaxPool2d], view: Num) -> Array:
        """Which entry of each window is its maximum."""
        among = inside(at.op, at.x.shape[2:])
        return first_max(view, None if among is None else np.broadcast_to(among, view.shape))

    def forward(self, at: At[MaxPool2d]) -> Num:
        """The largest of each window."""
        view = flat_windows(at.x, at.op)
        return total(masked(self.winner(at, view), view), axis=-1)

    def delta(self, at: At[MaxPool2d]) -> Num:
        """All of Δ to the winner."""
        winner = self.winner(at, flat_windows(at.x, at.op))
        spread = np.broadcast_to(np.expand_dims(at.dy, -1), winner.shape)
        return returned(masked(winner, spread), at.op, at.x.shape[2:])

    def tied(self, op: MaxPool2d, x: Num) -> tuple[Array, Array]:
        """For every window: positions of its entries in x.ravel(), and which of them may be its maximum (windows, entries).

        Padding has position 0, and is never among those that may be it.
        """
        positions = flat_windows(np.arange(x.reshape(-1).shape[0]).reshape(x.shape), op)
        tied = self.winner(At(op, [x]), flat_windows(x, op))
        return positions.reshape(-1, positions.shape[-1]), tied.reshape(-1, tied.shape[-1])


class AvgPool2dLaw(PlainLaw):
    """The mean of a window; Δ is shared out equally. What counts as a member of the window, the op says."""

    by_example = True

    def members(self, at: At[AvgPool2d]) -> Any:
        """How many there are, a number or one for every window."""
        among = None if at.op.counts_padding else inside(at.op, at.x.shape[2:])
        return float(at.op.kernel[0] * at.op.kernel[1]) if among is None else among.sum(axis=-1).astype(np.float32)

    def forward(self, at: At[AvgPool2d]) -> Num:
        """Σ / members."""
        return total(flat_windows(at.x, at.op), axis=-1) / self.members(at)

    def delta(self, at: At[AvgPool2d]) -> Num:
        """Δ / members to each of them."""
        area = at.op.kernel[0] * at.op.kernel[1]
        spread = np.broadcast_to(np.expand_dims(at.dy / self.members(at), -1), (*at.dy.shape, area))
        return returned(spread, at.op, at.x.shape[2:])


def _region_means(at: At[AdaptiveAvgPool2d]) -> Node:
    """Every region's entries beside one another, as many as the largest has, added up and divided by how many there are."""
    n, channels, high, wide = at.x.shape
    rows, columns = at.op.regions(high, wide)
    most = max(map(len, rows)) * max(map(len, columns))
    index = np.full((*at.op.size, most), -1)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            index[i, j, : len(row) * len(column)] = [y * wide + x for y in row for x in column]
    entries = kernel.take(kernel.reshape(at.x, (n, channels, high * wide)), index)
    return kernel.divide(kernel.total(entries, (-1,)), (index >= 0).sum(axis=-1).astype(np.float32))


TABLE: Mapping[type[Op], Law] = {
    MaxPool2d: MaxPool2dLaw(),
    AvgPool2d: AvgPool2dLaw(),
    AdaptiveAvgPool2d: Composed(_region_means),
}

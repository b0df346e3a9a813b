"""Rows of a table by their numbers: one by one, or a bag of them as their sum, mean or maximum."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.extremes import TIES_GIVEN, windowed
from bpcompare.laws.calls.moves import taken
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, first_max, positive

rows = Rows()


def entries(indices: Array, width: int) -> Array:
    """The entries of rows, in row order of their table; −1 for those of no row."""
    there = np.where(indices >= 0, indices, 0)[..., None] * width + np.arange(width)
    return np.where((indices >= 0)[..., None], there, -1)


def looked_up(weight: Node, indices: Array, deaf: Array | None = None, share: Array | None = None) -> Node:
    """Rows of a table. Those that are `deaf` are read, and receive no Δ. `share`: the part of Δ that each row receives."""
    index = entries(indices, weight.shape[1])
    if deaf is None and share is None:
        return taken(weight, index)
    flat = kernel.reshape(weight, (-1,))
    heard = index if deaf is None else np.where(deaf[..., None], -1, index)

    def back(dy: Num) -> Num:
        return kernel.put(dy if share is None else dy / share[..., None], heard, flat.shape[0]).value

    return Node(index.shape, lambda: kernel.take(flat, index).value, [(flat, back)])


def _times(a: Arguments, indices: Array) -> Array | None:
    """How often each row is read, where Δ is to be divided by that."""
    if not a.get("scale_grad_by_freq", False):
        return None
    _, where, counts = np.unique(indices, return_inverse=True, return_counts=True)
    return counts[where].reshape(indices.shape).astype(np.float64)


@rows.law("embedding")
def _embedding(a: Arguments) -> Node:
    """Rows of the weight. The row of `padding_idx` is read, and receives no Δ."""
    indices, padding = a.indices, a.get("padding_idx", -1)
    deaf = indices == padding if padding >= 0 and (indices == padding).any() else None
    return looked_up(lifted(a.weight), indices, deaf, _times(a, indices))


SUM, MEAN, MAX = 0, 1, 2


@rows.law("_embedding_bag", "_embedding_bag_forward_only", kinks=TIES_GIVEN)
def _embedding_bag(a: Arguments) -> Any:
    """The rows of a bag as one; those of `padding_idx` do not count."""
    weight, indices = lifted(a.weight), a.indices.reshape(-1)
    bags = _bags(a, indices)
    width, mode = weight.shape[1], a.get("mode", SUM)
    if mode == MAX:
        return _largest(a, weight, indices, bags), None, None, None
    padded = np.append(indices, -1)[bags]
    times = _times(a, indices)
    share = None if times is None else np.append(times, 1.0)[bags]
    members = looked_up(weight, padded, share=share)
    factors = a.get("per_sample_weights")
    if factors is not None:
        members = kernel.multiply(members, kernel.reshape(taken(kernel.reshape(factors, (-1,)), bags), (*bags.shape, 1)))
    whole = kernel.total(members, (1,))
    count = np.maximum((bags >= 0).sum(axis=1), 1).astype(np.float64)
    return kernel.reshape(whole if mode == SUM else kernel.divide(whole, count[:, None]), (len(bags), width)), None, None, None


def _bags(a: Arguments, indices: Array) -> Array:
    """(bags, members): the positions in `indices` of each bag's members that count; −1 fills up."""
    starts = a.offsets.reshape(-1)
    ends = starts[1:] if a.get("include_last_offset", False) else np.append(starts[1:], len(indices))
    padding = a.get("padding_idx", -1)
    parts = [[i for i in range(start, end) if indices[i] != padding] for start, end in zip(starts, ends, strict=False)]
    found = np.full((len(parts), max(map(len, parts), default=0)), -1)
    for row, part in enumerate(parts):
        found[row, : len(part)] = part
    return found


def _largest(a: Arguments, weight: Node, indices: Array, bags: Array) -> Node:
    """Column by column; an empty bag gives 0."""
    members = np.append(indices, -1)[bags]
    index = np.swapaxes(entries(members, weight.shape[1]), 1, 2)
    if not index.shape[-1]:
        return taken(weight, np.full(index.shape[:-1], -1))
    value = taken(weight, index).value
    first = np.take_along_axis(index, first_max(value, index >= 0).argmax(axis=-1)[..., None], -1)[..., 0]
    if a.knows(3):
        recorded = a.result(3).reshape(first.shape)
        seen = (members[:, None, :] == recorded[..., None]).any(axis=-1) & (recorded >= 0)
        other = np.where(seen, recorded, 0) * weight.shape[1] + np.arange(weight.shape[1])
        lower = positive(taken(weight, first).value - taken(weight, other).value)
        first = np.where(seen & ~lower & (first >= 0), other, first)
    return windowed(taken(weight, first), taken(weight, index), index >= 0, weight)

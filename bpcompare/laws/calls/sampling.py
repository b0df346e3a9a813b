"""Arrays at another resolution: the nearest entry, or a mean of neighbours by their distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.windows import Field, Line
from bpcompare.laws.kernel import Node
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, either, hyperparameter, unit_of

rows = Rows()


def _scales(a: Arguments, n: int) -> tuple[float | None, ...]:
    """What the caller asked an axis to be multiplied with, if it was that which they asked for."""
    names = ("scales",) if n == 1 else ("scales_d", "scales_h", "scales_w")[-n:]
    return tuple(a.get(name) for name in names)


def _step(size: int, positions: int, scale: float | None) -> float:
    """How far apart the places of two neighbours are, in entries of the source."""
    return 1.0 / float(scale) if scale else size / positions


# the nearest


def _nearest(n: int, shift: float) -> Callable[[Arguments], Node]:
    def formula(a: Arguments) -> Node:
        lines = [_nearest_line(*one, shift) for one in zip(a.self.shape[-n:], a.shape[-n:], _scales(a, n), strict=True)]
        return kernel.reshape(Field(a.self, lines).members(), a.shape)

    return formula


def _nearest_line(size: int, positions: int, scale: float | None, shift: float) -> Line:
    """⌊(i + shift) step⌋ in float32, as torch has it for every format: what is rounded to a whole number there, is so here."""
    if size == positions:
        return np.arange(size)[:, None]
    step = np.float32(_step(size, positions, scale))
    at = np.floor((np.arange(positions, dtype=np.float32) + np.float32(shift)) * step).astype(np.int64)
    return np.asarray(np.minimum(at, size - 1)[:, None])


for _n in (1, 2, 3):
    rows.law(f"upsample_nearest{_n}d")(_nearest(_n, 0.0))
    rows.law(f"_upsample_nearest_exact{_n}d")(_nearest(_n, 0.5))


# means of neighbours

Weighed = tuple[Line, Array, Array]
"""(positions, members) each: places along one axis, their weights, and how far these may be off in the call's format."""

PLACED = 4.0
"""Roundings of a place: of the step, the product with it, and two sums."""


def _places(size: int, positions: int, scale: float | None, corners: bool) -> Array:
    """Where each result lies between the entries of the source, by their corners or by their middles."""
    at = np.arange(positions)
    if corners:
        return np.asarray(at * ((size - 1) / (positions - 1) if positions > 1 else 0.0))
    return np.asarray((at + 0.5) * _step(size, positions, scale) - 0.5)


def _seen(members: Line, weights: Array, spread: Array) -> Weighed:
    """Without the neighbours that no place has."""
    some = (members >= 0).any(axis=0)
    return members[:, some], weights[:, some], spread[:, some]


def _linear(at: Array, size: int, u: float) -> Weighed:
    """1 − t and t of the two neighbours. A place that may be rounded to the other side of an entry has a neighbour there, too."""
    at = np.maximum(at, 0.0)
    low = np.minimum(np.floor(at), size - 1).astype(np.int64)
    t = at - low
    off = PLACED * u * (at + 1.0)
    zero = np.zeros_like(t)
    members = np.stack([low - 1, low, np.minimum(low + 1, size - 1), low + 2], axis=-1)
    weights = np.stack([zero, 1.0 - t, t, zero], axis=-1)
    spread = np.stack([np.where(t <= off, off, 0.0), off, off, np.where(1.0 - t <= off, off, 0.0)], axis=-1)
    members = np.where(((weights > 0) | (spread > 0)) & (members < size), members, -1)
    return _seen(members, weights, spread)


BEND = -0.75
"""Torch's a of Keys' kernel."""


def _keys(t: Array, bend: float = BEND) -> Array:
    """Keys' cubic kernel at a distance t, and 0 from 2 on."""
    near = ((bend + 2.0) * t - (bend + 3.0)) * t * t + 1.0
    far = ((bend * t - 5.0 * bend) * t + 8.0 * bend) * t - 4.0 * bend
    return np.where(t <= 1.0, near, np.where(t < 2.0, far, 0.0))


CUBIC = 64.0
"""Roundings of the cubic kernel: its terms are up to 12 large, and leave a weight of at most 1. Its slope is at most 2."""


def _cubic(at: Array, size: int, u: float) -> Weighed:
    """Keys' kernel over four neighbours, those beyond the edge being the last ones."""
    low = np.floor(at).astype(np.int64)
    t = at - low
    off = PLACED * u * (np.abs(at) + 1.0)
    around = np.arange(-2, 4)
    weights = _keys(np.abs(t[:, None] - around))
    spread = np.broadcast_to(2.0 * off[:, None] + CUBIC * u, weights.shape).copy()
    spread[:, 0] = np.where(t <= off, spread[:, 0], 0.0)
    spread[:, -1] = np.where(1.0 - t <= off, spread[:, -1], 0.0)
    members = np.clip(low[:, None] + around, 0, size - 1)
    return _seen(np.where((weights != 0) | (spread > 0), members, -1), weights, spread)


def _resampled(n: int, neighbours: Callable[[Array, int, float], Weighed]) -> Callable[[Arguments], Node]:
    def formula(a: Arguments) -> Node:
        u, weighed = unit_of(a.some), []
        for size, positions, scale in zip(a.self.shape[-n:], a.shape[-n:], _scales(a, n), strict=True):
            if size == positions and (a.align_corners or not scale or scale == 1.0):
                weighed.append((np.arange(size)[:, None], np.ones((size, 1)), np.zeros((size, 1))))
                continue
            weighed.append(neighbours(_places(size, positions, scale, a.align_corners), size, u))
        field = Field(a.self, [members for members, _, _ in weighed])
        weights = _together([_number(weights, spread, a.some) for _, weights, spread in weighed])
        return kernel.reshape(kernel.total(kernel.multiply(field.members(), weights), (-1,)), a.shape)

    return formula


def _smooth(size: int, positions: int, step: float, u: float, shape: Callable[[Array], Array], reach: float) -> Weighed:
    """Means over all entries that the kernel reaches, which is stretched where there are fewer results than entries; Σ is 1."""
    stretch = max(step, 1.0)
    middle = (np.arange(positions) + 0.5) * step
    first = np.floor(middle - reach * stretch).astype(np.int64) - 1
    members = first[:, None] + np.arange(int(np.ceil(2 * reach * stretch)) + 4)
    apart = np.abs(members + 0.5 - middle[:, None]) / stretch
    inside = (members >= 0) & (members < size)
    weights = np.where(inside, shape(apart), 0.0)
    # The kernel's slope is at most 2; the sum that divides is off by as much as all weights together.
    off = 2.0 * PLACED * u * (middle[:, None] + 1.0) / stretch + CUBIC * u
    spread = np.where(inside & (apart < reach + 2.0 * off), off, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    spread = (spread + np.abs(weights) * spread.sum(axis=1, keepdims=True) / total) / total
    return _seen(np.where(inside & (spread > 0), members, -1), weights / total, spread)


def _antialiased(shape: Callable[[Array], Array], reach: float) -> Callable[[Arguments], Node]:
    def neighbours(size: int, positions: int, scale: float | None, u: float, *, corners: bool) -> Weighed:
        between = (size - 1) / (positions - 1) if positions > 1 else 0.0
        step = between if corners else _step(size, positions, scale)
        return _smooth(size, positions, step, u, shape, reach)

    def formula(a: Arguments) -> Node:
        sizes = zip(a.self.shape[-2:], a.shape[-2:], _scales(a, 2), strict=True)
        weighed = [neighbours(*one, unit_of(a.some), corners=bool(a.align_corners)) for one in sizes]
        field = Field(a.self, [members for members, _, _ in weighed])
        weights = _together([_number(weights, spread, a.some) for _, weights, spread in weighed])
        return kernel.reshape(kernel.total(kernel.multiply(field.members(), weights), (-1,)), a.shape)

    return formula


def _number(weights: Array, spread: Array, like: Num) -> Num:
    """Weights as the call's format has them, each off by at most its spread."""
    return either(hyperparameter(weights, like), lambda: hyperparameter(weights + spread, like))


def _together(weights: Sequence[Num]) -> Num:
    """Products of the weights of all axes: (positions …, members)."""
    n = len(weights)
    found: Any = None
    for axis, one in enumerate(weights):
        shape = [1] * (2 * n)
        shape[axis], shape[n + axis] = one.shape
        part = np.reshape(one, tuple(shape))
        found = part if found is None else found * part
    return np.reshape(found, (*(one.shape[0] for one in weights), -1))


rows.law("upsample_linear1d")(_resampled(1, _linear))
rows.law("upsample_bilinear2d")(_resampled(2, _linear))
rows.law("upsample_trilinear3d")(_resampled(3, _linear))
rows.law("upsample_bicubic2d")(_resampled(2, _cubic))

SMOOTH_BEND = -0.5
"""Keys' a where torch smooths."""

rows.law("_upsample_bilinear2d_aa", rearranged=True)(_antialiased(lambda t: np.maximum(1.0 - t, 0.0), 1.0))
rows.law("_upsample_bicubic2d_aa", rearranged=True)(_antialiased(lambda t: _keys(t, SMOOTH_BEND), 2.0))

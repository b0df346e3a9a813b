"""Detection power: the smallest relative mistake that a ball would have shown."""

from __future__ import annotations

import numpy as np

from bpcompare.network.parameter import Array

LEAST = 0.01
"""A tensor in which even a mistake of one percent could hide is not certified."""

COARSE = 64.0
"""In formats of 16 bits a percent is less than a few roundings: there it is so many units roundoff, 25 % in bfloat16."""


def least(u: float) -> float:
    """The power that a tensor must have in a format with the unit roundoff u."""
    return max(LEAST, COARSE * u)


def power(radius: Array, scale: Array, out: Array | None = None) -> tuple[float, float | None]:
    """(2 min r/|scale| over the tensor, the same for its worst unit or example), for positive radii.

    A mistake of relative size ε moves every element by ε|scale|, and shows where that is beyond twice the radius: an honest
    value may lie anywhere in its ball. Infinite where `scale` is zero everywhere: nothing could have shown. Slices that are
    zero throughout (dead units) are left out of the worst slice. `out` is an array of the same shape that may be overwritten.
    """
    ratio = np.asarray(np.abs(scale, out=out))
    with np.errstate(divide="ignore", over="ignore"):
        np.divide(radius, ratio, out=ratio)
    if ratio.ndim < 2:
        overall = 2 * float(np.minimum.reduce(ratio, axis=None, initial=np.inf))
        return overall, overall if np.isfinite(overall) else None
    units = np.minimum.reduce(ratio, axis=tuple(a for a in range(ratio.ndim) if a != 1), initial=np.inf)
    examples = np.minimum.reduce(ratio, axis=tuple(range(1, ratio.ndim)), initial=np.inf)
    worst = [float(np.maximum.reduce(part[np.isfinite(part)], initial=0.0)) for part in (units, examples)]
    overall = 2 * float(np.minimum.reduce(units, initial=np.inf))
    return overall, 2 * max(worst) if np.isfinite(overall) else None


def unit_power(radius: Array, scale: Array) -> Array:
    """The same for every unit of an array (examples, …): by its sharpest example. Infinite for a unit whose law is always 0."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = 2 * np.broadcast_to(radius, scale.shape) / np.abs(scale)
    return np.asarray(np.where(np.isnan(ratio), np.inf, ratio).min(axis=0, initial=np.inf))

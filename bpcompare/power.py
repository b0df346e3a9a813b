"""Detection power: the smallest relative mistake that a ball would have shown."""

from __future__ import annotations

import numpy as np

from bpcompare.parameter import Array

LEAST = 0.01
"""A tensor in which even a mistake of one percent could hide is not certified."""


def power(radius: Array, scale: Array) -> tuple[float, float | None]:
    """(2 min r/|scale| over the tensor, the same for its worst unit or example).

    A mistake of relative size ε moves every element by ε|scale|, and shows where that is beyond twice the radius: an honest
    value may lie anywhere in its ball. Infinite where `scale` is zero everywhere: nothing could have shown. Slices that are
    zero throughout (dead units) are left out of the worst slice.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(scale != 0, 2 * radius / np.abs(scale), np.inf)
    overall = float(ratio.min(initial=np.inf))
    if ratio.ndim < 2:
        return overall, overall if np.isfinite(overall) else None
    units = ratio.min(axis=tuple(a for a in range(ratio.ndim) if a != 1), initial=np.inf)
    examples = ratio.min(axis=tuple(range(1, ratio.ndim)), initial=np.inf)
    seen = [float(x) for x in (*units[np.isfinite(units)], *examples[np.isfinite(examples)])]
    return overall, max(seen, default=None)

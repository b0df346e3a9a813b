"""Whether two arrays are the same numbers but for rounding: a cause is named only where it gives what the backward gave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpcompare.network.parameter import Array

ROUNDING = 64.0
"""Units of rounding of an element itself: another way of writing a formula may take so many."""
APART = 0.01
"""What a cause leaves unexplained, as a share of the mistake, at the most."""


@dataclass(frozen=True, eq=False)
class Same:
    """Numbers of a wrong gradient beside the `right` ones, with their `radius` and the unit `u` of their format.

    Called with the wrong gradient and what a cause makes of it: every element must be within the ball's radius, grown as the
    numbers are, and the cause must explain the mistake, not only be as small as it is.
    """

    right: Array
    radius: Array
    u: float

    def __call__(self, got: Array, found: Array) -> bool:
        """Whether `found` is `got`. Elements that are not finite in `got` are no part of it."""
        if got.shape != found.shape:
            return False
        seen = np.isfinite(got)
        if not seen.any() or not np.isfinite(found[seen]).all():
            return False
        x, y, right, radius = got[seen], found[seen], self.right[seen], self.radius[seen]
        grown = max(1.0, float(np.abs(y).max()) / (float(np.abs(right).max()) or 1.0))
        gap = np.abs(x - y)
        if not (gap <= 4 * radius * grown + ROUNDING * self.u * np.abs(y)).all():
            return False
        return bool(gap.max() <= APART * np.abs(x - right).max())

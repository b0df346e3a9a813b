"""Small claims about update rules, of several steps and of all parameters alike at once.

A law of a rule speaks of each entry by itself. The entries of all parameters that it is asked for stand beside one another in a
row, those of each step in a row of their own. The number of the update is a column, one for each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.number import Num
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim, Claims
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.inside import SMALLEST
from bpcompare.proof.together import NUMBER, UnlikeError, alike

AT_ONCE = 2**15
"""So many entries, of all rows together, stay in the processor's cache with all that a law makes of them."""

Joined = dict[tuple[int, Format, tuple[str, ...]], Ball]
"""Numbers of some steps, by the first of these and by their paths."""

Measured = tuple[Sequence[int], slice, Array, Array]
"""Places of claims, some of the steps, and for each step and each claim the largest share of its balls and its power."""


def measured(listed: Claims, steps: Sequence[Balls], laws: Laws) -> Iterator[Measured]:
    """What is known of the claims about update rules; nothing of those that are to be judged by themselves."""
    joined: Joined = {}
    for places in alike(listed, steps[0], laws, fewest=1):
        group = [listed[place] for place in places]
        size = sum(steps[0].values.recorded[claim.path].size for claim in group)
        rows = max(1, AT_ONCE // size)
        for start in range(0, len(steps), rows):
            try:
                found = _Rows(group, steps[start : start + rows], laws, joined, start).measures()
            except Exception:  # noqa: BLE001, S112 — whatever it is, it is found again where each is judged by itself
                continue
            yield (places, slice(start, start + rows), *found)


class _Rows:
    """Claims that say the same of different parameters, in some steps. `joined` are the numbers of steps from `start` on."""

    def __init__(
        self,
        group: Sequence[Claim],
        steps: Sequence[Balls],
        laws: Laws,
        joined: Joined,
        start: int,
    ) -> None:
        self._group, self._steps, self._laws, self._joined, self._start = group, steps, laws, joined, start
        self._fmt = format_for(group[0], steps[0], laws)
        self._shapes = [steps[0].values.recorded[claim.path].shape for claim in group]
        self._subjects = [claim.subject for claim in group]

    def measures(self) -> tuple[Array, Array]:
        """For each step and each claim the largest share of its balls, and its power. NaN where there is none.

        Raises UnlikeError where what is read does not have an entry for each of what was recorded, or one number for all.
        """
        first = self._group[0]
        x = self._beside([[balls.values.recorded[claim.path] for claim in self._group] for balls in self._steps])
        value = first.value(self._get, self._laws)
        if not isinstance(value, Ball) or value.shape != x.shape:
            raise UnlikeError
        radius = np.broadcast_to(np.asarray(value.final_radius(), np.float64), x.shape) + SMALLEST
        scale = value.mid
        if first.statement == "update":
            scale = scale - self._of(self._subjects).mid
        starts = np.cumsum([0, *(int(np.prod(shape)) for shape in self._shapes[:-1])])
        share = np.maximum.reduceat(np.abs(value.mid - x) / radius, starts, axis=1)  # a NaN is the largest
        power = 2 * np.minimum.reduceat(radius / np.abs(scale), starts, axis=1)
        sure = np.isfinite(np.maximum.reduceat(radius, starts, axis=1)) & (np.minimum.reduceat(radius, starts, axis=1) > 0)
        return np.where(sure, share, np.nan), power

    def _get(self, path: str) -> Num:
        if path == NUMBER:
            return np.array([[balls.number(path)] for balls in self._steps])
        end = path.removeprefix(self._subjects[0])
        return self._of([subject + end for subject in self._subjects])

    def _of(self, paths: Sequence[str]) -> Ball:
        key = (self._start, self._fmt, tuple(paths))
        if key not in self._joined:
            rows = [[balls.number(path) for path in paths] for balls in self._steps]
            widths = [balls.widths(path, self._fmt) for balls in self._steps for path in paths]
            if len({rel for rel, _ in widths}) > 1:
                raise UnlikeError
            self._joined[key] = Ball(self._beside(rows), self._fmt, widths[0][0], max(rad for _, rad in widths))
        return self._joined[key]

    def _beside(self, rows: Sequence[Sequence[Num]]) -> Array:
        """The entries of each step in a row, in float64."""
        arrays = [x for row in rows for x in row]
        shapes = self._shapes * len(rows)
        if any(not isinstance(x, np.ndarray) or x.dtype.kind != "f" for x in arrays) or shapes != [x.shape for x in arrays]:
            raise UnlikeError
        together = np.concatenate([x.reshape(-1) for x in arrays]).astype(np.float64, copy=False)
        return together.reshape(len(rows), -1)

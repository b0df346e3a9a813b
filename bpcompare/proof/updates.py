"""Small claims about update rules, of several steps and of all parameters alike at once.

A law of a rule speaks of each entry by itself. The entries of all parameters that it is asked for stand beside one another in a
row, those of each step in a row of their own. The number of the update is a column, one for each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Num
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim, Claims
from bpcompare.proof.entrywise import GRANTED, narrowest, smooth, unsure
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.inside import SMALLEST
from bpcompare.proof.together import NUMBER, UnlikeError, alike

AT_ONCE = 2**17
"""So many entries, of all rows together, stay in the processor's cache with all that a law makes of them."""

Joined = dict[tuple[int, tuple[str, ...]], tuple[Array, float, float]]
"""Numbers of some steps, by the first of these and by their paths; and how far they may be off."""

Measured = tuple[Sequence[int], slice, Array, Array]
"""Places of claims, some of the steps, and for each step and each claim the largest share of its balls and its power."""


def measured(listed: Claims, steps: Sequence[Balls], laws: Laws) -> Iterator[Measured]:
    """What is known of the claims about update rules; nothing of those that are to be judged by themselves."""
    joined: Joined = {}
    for places in alike(listed, steps[0], laws, fewest=1):
        group = [listed[place] for place in places]
        size = sum(steps[0].values.recorded[claim.path].size for claim in group)
        parts = -(-len(steps) * size // AT_ONCE)
        rows = -(-len(steps) // parts)
        for start in range(0, len(steps), rows):
            try:
                found = _Rows(group, steps[start : start + rows], laws, joined, start).measures()
            except Exception:  # noqa: BLE001, S112 — whatever it is, it is found again where each is judged by itself
                continue
            if found is not None:
                yield (places, slice(start, start + rows), *found)


class _Rows:
    """Claims that say the same of different parameters, in some steps. `joined` are the numbers of steps from `start` on."""

    def __init__(self, group: Sequence[Claim], steps: Sequence[Balls], laws: Laws, joined: Joined, start: int) -> None:
        self._group, self._steps, self._laws, self._joined, self._start = group, steps, laws, joined, start
        self._first = group[0]
        self._fmt = format_for(self._first, steps[0], laws)
        self._shapes = [steps[0].values.recorded[claim.path].shape for claim in group]
        self._subjects = [claim.subject for claim in group]
        self._ends = np.cumsum([prod(shape) for shape in self._shapes])

    def measures(self) -> tuple[Array, Array] | None:
        """For each step and each claim the largest share of its balls, and its power. NaN, or None, where that does not decide.

        Entries that are near enough to the law's plain value need no ball, as `entrywise` says. Raises UnlikeError where what is
        read does not have an entry for each of what was recorded, or one number for all.
        """
        claim, fmt = self._first, self._fmt
        x = self._beside([[balls.values.recorded[one.path] for one in self._group] for balls in self._steps])
        wide = claim.subject if claim.statement == "update" else ""
        narrow = x.dtype if fmt.rearranged and x.dtype.name == fmt.dtype and smooth(claim, self._laws) else None
        sure = GRANTED if narrow is not None and not wide else narrowest(claim, fmt, self._laws)
        m = claim.value(lambda path: self._point(path, None if path == wide else narrow), self._laws)
        far = unsure(x, m, fmt.u * sure)
        if far is None or far.size > x.size // 2:
            return None
        at = np.concatenate([far, self._sharp(m)])
        value = claim.value(lambda path: self._ball(path, at), self._laws)
        radius = np.broadcast_to(np.asarray(value.final_radius(), np.float64), at.shape) + SMALLEST
        scale = value.mid - self._entries(self._subjects)[0].reshape(-1)[at] if wide else value.mid
        places = at // x.shape[1], np.searchsorted(self._ends, at % x.shape[1], "right")
        shares, powers = np.zeros((len(self._steps), len(self._group))), np.full((len(self._steps), len(self._group)), np.inf)
        np.maximum.at(shares, places, np.abs(x.reshape(-1)[at] - value.mid) / radius)  # a NaN is the largest
        np.minimum.at(powers, places, 2 * radius / np.abs(scale))
        return np.where(np.isfinite(powers), shares, np.nan), powers

    def _sharp(self, m: Array) -> Array:
        """For each step and each claim an entry that shows much: a large one, or the one that an update moves most."""
        size = np.abs(m)
        if self._first.statement == "update":
            size = np.abs(m - self._entries(self._subjects)[0]) / np.maximum(size, SMALLEST)
        starts = [0, *self._ends[:-1].tolist()]
        columns = [start + size[:, start:end].argmax(axis=1) for start, end in zip(starts, self._ends, strict=True)]
        return np.concatenate([column + np.arange(len(m)) * m.shape[1] for column in columns])

    def _point(self, path: str, narrow: Any) -> Num:
        """As they were recorded, or in float64."""
        if path == NUMBER:
            return np.array([[balls.number(path)] for balls in self._steps], np.float64 if narrow is None else narrow)
        x, _, _ = self._entries(self._alike(path))
        return x if x.dtype == narrow else x.astype(np.float64, copy=False)

    def _ball(self, path: str, at: Array) -> Num:
        """The entries at `at`."""
        if path == NUMBER:
            return np.array([balls.number(path) for balls in self._steps])[at // self._ends[-1]]
        x, rel, rad = self._entries(self._alike(path))
        return Ball(x.reshape(-1)[at].astype(np.float64, copy=False), self._fmt, rel, rad)

    def _alike(self, path: str) -> Sequence[str]:
        end = path.removeprefix(self._subjects[0])
        return [subject + end for subject in self._subjects]

    def _entries(self, paths: Sequence[str]) -> tuple[Array, float, float]:
        """A row for each step; how far they may be off, as `Balls.widths` has it."""
        key = (self._start, tuple(paths))
        if key not in self._joined:
            rows = [[balls.number(path) for path in paths] for balls in self._steps]
            widths = [balls.widths(path, self._fmt) for balls in self._steps for path in paths]
            if len({rel for rel, _ in widths}) > 1:
                raise UnlikeError
            self._joined[key] = self._beside(rows), widths[0][0], max(rad for _, rad in widths)
        return self._joined[key]

    def _beside(self, rows: Sequence[Sequence[Num]]) -> Array:
        """The entries of each step in a row."""
        arrays = [x for row in rows for x in row]
        if any(not isinstance(x, np.ndarray) or x.dtype.kind != "f" for x in arrays):
            raise UnlikeError
        if self._shapes * len(rows) != [x.shape for x in arrays]:
            raise UnlikeError
        return np.concatenate([x.reshape(-1) for x in arrays]).reshape(len(rows), -1)

"""The premises of a claim whose law speaks of each entry by itself, some entries at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.numbers.number import Num
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim

BLOCK = 2**16
"""So many entries at a time: arrays of that size stay in the processor's cache."""


class Entries:
    """The premises of a claim of one shape, some entries of each at a time; whatever has another shape is a whole."""

    def __init__(self, balls: Balls, shape: tuple[int, ...]) -> None:
        self._balls, self._shape = balls, shape
        self._flat: dict[str, Array | None] = {}

    def flat(self, path: str) -> Array | None:
        """All entries of a premise in a row, in the format that it was recorded in; None if they are not one for each."""
        if path not in self._flat:
            x = self._balls.number(path)
            alike = isinstance(x, np.ndarray) and x.shape == self._shape
            self._flat[path] = x.reshape(-1) if alike else None
        return self._flat[path]

    def points(self, path: str, among: Any, narrow: Any = None) -> Num:
        """Some entries without radii: as float64, or as they are if that is the dtype `narrow`."""
        x = self.flat(path)
        if x is None:
            return self._balls.point(path)
        return x[among] if x.dtype == narrow else _widened(x[among])

    def ball(self, path: str, fmt: Format, among: Any) -> Num:
        """Some entries as a ball."""
        x = self.flat(path)
        if x is None:
            return self._balls.ball(path, fmt)
        return self._balls.part(path, fmt, x[among]) if x.dtype.kind == "f" else x[among]


def _widened(x: Array) -> Array:
    return x.astype(np.float64, copy=False) if x.dtype.kind == "f" else x


def is_update(claim: Claim) -> bool:
    """Whether it is about an update rule, which speaks of each entry by itself."""
    if claim.statement not in ("update", "state") or not claim.owners:
        return False
    op = claim.owners[0][1]
    return op.role == "update" and not getattr(op, "whole", False)


def is_entrywise(claim: Claim, balls: Balls, laws: Laws) -> bool:
    """Whether the law speaks of each entry by itself: that of an update rule, and of functions of arrays of one shape."""
    if is_update(claim):
        return True
    if claim.statement not in ("forward", "inductive"):
        return False
    if not all(getattr(laws.of(owner, op), "entrywise", False) for owner, op in claim.owners):
        return False
    shape = balls.values.recorded[claim.path].shape
    return all(np.shape(balls.number(path)) in (shape, ()) for path in claim.premises)


def blocks(size: int, step: int) -> Iterator[slice]:
    """One block after the other."""
    return (slice(start, min(start + step, size)) for start in range(0, size, step))

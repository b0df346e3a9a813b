"""Findings in the order of the proof, those of them that hold made when somebody looks at them.

A graph of ten thousand nodes has seventy thousand findings. A verdict needs the few that do not plainly hold, and of the others
the largest share and the least power.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.proof.claims import Statement

if TYPE_CHECKING:
    from bpcompare.proof.finding import Finding


class Findings(Sequence["Finding"]):
    """`judged` exist, by their places; all others hold, and `make(place)` makes one.

    `statements`, `shares` and `powers` are of all of them; of those that exist, what these say themselves.
    """

    def __init__(
        self,
        statements: Array,
        shares: Array,
        powers: Array,
        judged: Mapping[int, Finding],
        make: Callable[[int], Finding] | None = None,
    ) -> None:
        self.statements, self.shares, self.powers = statements.copy(), shares.copy(), powers.copy()
        self.places = sorted(judged)
        """Where those stand that exist."""
        self.judged = tuple(judged[place] for place in self.places)
        """Those that were judged by themselves, whatever came of it. Of all others it is known that they hold."""
        self.statements[self.places] = [one.statement for one in self.judged]
        self.shares[self.places] = [one.share for one in self.judged]
        self.powers[self.places] = [one.power for one in self.judged]
        self._made = dict(judged)
        self._make = make

    @classmethod
    def joined(cls, steps: Sequence[Findings]) -> Findings:
        """The findings of several steps, one behind the other."""
        if len(steps) == 1:
            return steps[0]
        starts = np.cumsum([0, *map(len, steps)])
        judged = {
            int(start) + place: one
            for start, step in zip(starts, steps, strict=False)
            for place, one in zip(step.places, step.judged, strict=True)
        }

        def made(place: int) -> Finding:
            number = int(np.searchsorted(starts, place, "right")) - 1
            return steps[number][place - int(starts[number])]

        parts = zip(*((step.statements, step.shares, step.powers) for step in steps), strict=True)
        statements, shares, powers = map(np.concatenate, parts) if steps else (np.zeros(0, "U9"), np.zeros(0), np.zeros(0))
        return cls(statements, shares, powers, judged, made)

    def with_judged(self, judged: Sequence[Finding]) -> Findings:
        """The same with others in the place of those that were judged by themselves, in their order."""
        return Findings(self.statements, self.shares, self.powers, dict(zip(self.places, judged, strict=True)), self._make)

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Findings:
        """Findings that all exist."""
        if isinstance(findings, Findings):
            return findings
        count = len(findings)
        return cls(np.full(count, "", "U9"), np.zeros(count), np.zeros(count), dict(enumerate(findings)))

    def __len__(self) -> int:
        return len(self.statements)

    @overload
    def __getitem__(self, index: int) -> Finding: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...

    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[index]
        if place not in self._made:
            if self._make is None:
                raise AssertionError(f"there is no finding number {place}, and nobody who makes it")
            self._made[place] = self._make(place)
        return self._made[place]

    def __iter__(self) -> Iterator[Finding]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(_same, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} findings>"

    @property
    def worst(self) -> Finding | None:
        """The first of those with the largest share."""
        return self[_largest(self.shares)] if len(self) else None

    @property
    def blindest(self) -> Finding | None:
        """The first of those with the least power."""
        return self[_largest(self.powers)] if len(self) else None

    def among(self, statements: Collection[Statement]) -> Findings:
        """Those of some statements."""
        places = np.flatnonzero(np.isin(self.statements, list(statements)))
        judged = {
            int(place): one
            for place, one in zip(np.searchsorted(places, self.places), self.judged, strict=True)
            if one.statement in statements
        }
        measures = self.statements[places], self.shares[places], self.powers[places]
        return Findings(*measures, judged, lambda place: self[int(places[place])])


def _largest(measures: Array) -> int:
    """The first of the largest; NaN is as large as any."""
    return int(np.argmax(np.where(np.isnan(measures), np.inf, measures)))


def _same(one: Finding, other: object) -> bool:
    return one == other

"""How finely a number was printed, told from the other numbers of its quantity: only then is it known what it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from bpcompare.teach.transcript.printed import Printed

Outcome = Literal["confirmed", "refuted", "open"]


@dataclass(frozen=True)
class Known:
    """A printed number by the file's `name` for it, its sign settled, with the right value, known up to `room`."""

    name: str
    printed: Printed
    right: float
    room: float

    @property
    def admitted(self) -> bool:
        """Whether the right value rounds to what is printed."""
        return isfinite(self.room) and self.printed.admits(self.right, self.room)

    @property
    def exact(self) -> bool:
        """Whether the right value is what is printed."""
        return isfinite(self.room) and self.printed.stands_for(self.right, self.room)

    @property
    def rounded(self) -> bool:
        """Whether it is evidently what rounding has left: of more than 0 or ±1, right to its digits, and not the value itself."""
        return self.admitted and not self.exact and not (self.printed.bare and abs(self.printed.value) in (0.0, 1.0))


@dataclass(frozen=True)
class Reading:
    """What a printed number is worth; of an open one, the number beside it that is printed more finely, if any."""

    outcome: Outcome
    finer: Known | None = None


class Column:
    """The numbers of one quantity, and how finely they were printed."""

    def __init__(self, numbers: Iterable[Known]) -> None:
        self._rounded: dict[int, list[str]] = {}
        self._finer: dict[int, Known] = {}
        for one in numbers:
            place = one.printed.place
            if one.rounded:
                self._rounded.setdefault(place, []).append(one.name)
            if not one.printed.bare:
                self._finer.setdefault(place, one)

    def reading(self, one: Known) -> Reading:
        """Judge `one`, which is of this column.

        A number that does not say by itself how finely it was printed ("0", "1.0", "0.5") is a ball of half a unit of its last
        digit only if another one is printed as coarsely. Beside finer ones it may be what is left without trailing zeros (0.5
        beside 0.4375 is 0.5000), alone a text without decimals may be the very number. Where the readings disagree, it is open.
        """
        printed = one.printed
        if not one.admitted:
            return Reading("refuted")
        if printed.sufficient or one.exact:
            return Reading("confirmed")
        if any(names != [one.name] for place, names in self._rounded.items() if place >= printed.place):
            return Reading("confirmed")
        finer = [place for place in self._finer if place < printed.place]
        if not finer:
            return Reading("open" if printed.bare else "confirmed")
        coarsest = self._finer[max(finer)]
        as_fine = Printed(printed.text, printed.value, coarsest.printed.half)
        return Reading("confirmed") if as_fine.admits(one.right, one.room) else Reading("open", coarsest)

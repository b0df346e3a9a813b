"""Blind spots: mistakes of the catalogue that can be made in a network and that no claim about a run would have shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import thread_time
from typing import Literal

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.mistakes.diagnosis import apart, remember, under
from bpcompare.mistakes.mistake import Sabotaged
from bpcompare.network import Network
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim, Claims
from bpcompare.proof.exact import evaluate

SECONDS = 0.5
"""So long blind spots are searched for, of the thread's own time. Of a network for a page of paper it takes some hundredths."""

LARGE = 2_000_000
"""Claims about arrays of more numbers are not asked: their balls would take more memory than the verdict did."""


@dataclass(frozen=True)
class Unseen:
    """Mistakes that the first `steps` steps of a run do not show: its blind spots. None: not searched, for the reason `why`.

    `untried` are those of which the search does not know: its time was over, or only claims about very large arrays could tell.
    """

    mistakes: tuple[Mistake, ...] | None
    steps: int = 0
    why: str = ""
    untried: tuple[Mistake, ...] = ()


def unseen(claims: Claims, steps: Sequence[Balls], network: Network, laws: Laws = LAWS, seconds: float | None = None) -> Unseen:
    """Mistakes that can be made in this network and would have stayed inside every ball of every step.

    A mistake that shows in one step is not tried in the next ones. After `seconds` (`SECONDS`) the search ends where it is: of
    the first step, what was not tried is named; of a later one, nothing is said.
    """
    search = _Search(claims, laws, SECONDS if seconds is None else seconds)
    hidden: list[tuple[Mistake, Sabotaged]] = []
    untried: list[Mistake] = []
    with np.errstate(all="ignore"):
        for number, balls in enumerate(steps):
            search.begin(balls, steps[number - 1 : number] if number else ())
            trials = iter(hidden) if number else _trials(network, laws, search, untried)
            found = [(mistake, wrong, search.tells(mistake, wrong)) for mistake, wrong in trials]
            if number and search.over:
                return Unseen(tuple(mistake for mistake, _ in hidden), number, untried=tuple(untried))
            hidden = [(mistake, wrong) for mistake, wrong, answer in found if answer == "hides"]
            untried += [mistake for mistake, _, answer in found if answer == "unknown"]
            if not hidden:
                break
    return Unseen(tuple(mistake for mistake, _ in hidden), len(steps), untried=tuple(untried))


def _trials(network: Network, laws: Laws, search: _Search, untried: list[Mistake]) -> Iterator[tuple[Mistake, Sabotaged]]:
    """Mistakes that can be made here, with their laws; `untried` gets those of which there is no time to find that out."""
    for mistake in MISTAKES.values():
        if search.late():
            untried.append(mistake)
        elif places := mistake.places(network, laws):
            yield mistake, Sabotaged(laws, places)


class _Search:
    """Tries mistakes at the claims of one step after the other, until its time is over."""

    def __init__(self, claims: Claims, laws: Laws, seconds: float) -> None:
        self._claims, self._laws = claims, laws
        self._end = thread_time() + seconds
        self.over = False

    def begin(self, balls: Balls, before: Sequence[Balls]) -> None:
        """Look at another step. Of the steps before, the last one is enough: what adds up over all of them differs by no less."""
        self._balls, self._before = balls, before
        self._right: dict[str, Ball] = {}
        self._held = 0

    def tells(self, mistake: Mistake, wrong: Sabotaged) -> Literal["shows", "hides", "unknown"]:
        """Whether a claim of this step tells the mistake from the right law."""
        if wrong.remembers and not self._before:
            return "hides"
        known = True
        for claim in self._about(wrong.owners):
            if self._balls.values.recorded[claim.path].size > LARGE:
                known = False
                continue
            if self.late():
                return "unknown"
            right = self._law(claim)
            try:
                # Rounding to a narrower format must know the plan's; all other mistakes are as large without radii of their own.
                if mistake.formats:
                    other = under(claim, self._balls, wrong, self._before).mid
                else:
                    other = _point(claim, self._balls, wrong, self._before)
                differs = apart(right, other)
            except (ArithmeticError, ValueError, TypeError):  # it does not even give a number of this shape
                differs = True
            if differs:
                return "shows"
        return "hides" if known else "unknown"

    def _about(self, owners: Iterable[str]) -> Iterator[Claim]:
        """The claims that ask the law of one of these owners, each once."""
        met: set[int] = set()
        for owner in owners:
            for place in self._claims.about(owner):
                if place not in met:
                    met.add(place)
                    yield self._claims[place]

    def _law(self, claim: Claim) -> Ball:
        """What the right law says; kept as long as all that is kept is not large."""
        if claim.path not in self._right:
            ball = evaluate(claim, self._balls, self._laws)
            self._held += ball.mid.size
            if self._held > LARGE:
                self._right, self._held = {}, ball.mid.size
            self._right[claim.path] = ball
        return self._right[claim.path]

    def late(self) -> bool:
        """Whether the time is over."""
        self.over = self.over or thread_time() > self._end
        return self.over


def _point(claim: Claim, balls: Balls, laws: Laws, before: Sequence[Balls]) -> Array:
    """The claim's value, without a radius, under laws that may read from the steps before."""
    remember(laws, before, lambda earlier: claim.value(earlier.point, laws))
    return np.asarray(claim.value(balls.point, laws), np.float64)

"""What a page shows of a network that has more quantities than anybody scrolls through, and how much it leaves out.

A graph of ten thousand nodes has seventy thousand claims: a page of them all is tens of megabytes, which no browser opens in a
second. It shows what does not hold, what was asked for, what comes nearest to its bound, and how the proof begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.page.shares import Shares
from bpcompare.plan.naming import Chosen
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.question import question

MOST = 3_000
"""A page of no more claims shows all of them."""
EACH = 12
"""Of each statement and backend: so many that come first, that are nearest to their bounds, and that would show least."""
BROKEN = 400
"""Claims that do not hold."""
LAYERS = 120
"""Layers that are drawn."""


@dataclass(frozen=True)
class Rest:
    """What is not shown of one statement: how many claims, and how many of these do not hold for some backend."""

    count: int
    broken: int


@dataclass(frozen=True)
class Selected:
    """`claims` in the order of the proof; `layers` by name in theirs; what is left of each statement, and how many layers."""

    claims: Sequence[Claim]
    layers: tuple[str, ...]
    rest: Mapping[str, Rest]
    undrawn: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.rest


def selected(shares: Shares, asked: Sequence[Chosen]) -> Selected:
    """What is shown of this step."""
    plan = shares.comparison.plan
    listed = question(plan).claims
    if len(listed) <= MOST:
        return Selected(listed, plan.order, {}, 0)
    broken = _broken(shares)
    chosen = {*list(broken)[:BROKEN]}
    chosen |= {listed.numbers[path] for one in asked for path in one.patterns if path in listed.numbers}
    statements = _statements(shares, len(listed))
    for places in (np.flatnonzero(statements == statement) for statement in dict.fromkeys(statements.tolist())):
        chosen.update(places[:EACH].tolist())
        for measure in _measures(shares, len(listed)):
            chosen.update(places[np.argsort(-measure[places], kind="stable")[:EACH]].tolist())
    claims = tuple(listed[place] for place in sorted(chosen))
    here, gone = set(chosen), Counter[str]()
    every, shown = Counter[str](statements.tolist()), Counter[str](statements[sorted(chosen)].tolist())
    gone.update(str(statements[place]) for place in broken if place not in here)
    rest = {name: Rest(count - shown[name], gone[name]) for name, count in every.items() if count > shown[name]}
    subjects = dict.fromkeys([plan.network.error.of, *(claim.subject for claim in claims)])
    drawn = set([name for name in subjects if name in plan.network.layers][:LAYERS])
    return Selected(claims, tuple(name for name in plan.order if name in drawn), rest, len(plan.order) - len(drawn))


def _found(shares: Shares) -> Iterator[tuple[int, Finding]]:
    """What was judged by itself in this step, with its place among the claims. Of all other claims it is known that they hold."""
    numbers = question(shares.comparison.plan).claims.numbers
    for name in shares.values:
        for finding in shares.comparison.certificates[name].all.judged:
            path = finding.path.removeprefix(shares.prefix) if finding.path.startswith(shares.prefix) else ""
            if path in numbers:
                yield numbers[path], finding


def _broken(shares: Shares) -> dict[int, None]:
    """The places of what does not hold, in the order of the proof."""
    return dict.fromkeys(sorted(place for place, finding in _found(shares) if finding.outcome != "holds"))


def _statements(shares: Shares, count: int) -> Array:
    return next(_of_step(shares, count, "statements"))


def _measures(shares: Shares, count: int) -> Iterator[Array]:
    """For each claim how near it is to its bound, and the smallest mistake that would have shown."""
    for what in ("shares", "powers"):
        for measure in _of_step(shares, count, what):
            yield np.nan_to_num(measure, nan=np.inf)


def _of_step(shares: Shares, count: int, what: str) -> Iterator[Array]:
    for name in shares.values:
        every = getattr(shares.comparison.certificates[name].all, what)
        yield every[(shares.step - 1) * count : shares.step * count]

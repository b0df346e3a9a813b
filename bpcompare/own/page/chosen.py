"""Which claims are shown with numbers and formula: a page of ten thousand sheets is opened by no browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpcompare.own.page.home import order
from bpcompare.own.page.row import States, kind
from bpcompare.own.step import WatchedStep
from bpcompare.own.wrong import Wrong
from bpcompare.proof.claims import Claim

SHEETS = 400
"""Sheets of a page, all of its runs together."""
BLAMED = 12
"""Kinds of mistakes of a run whose whole story is told: the forward pass is asked again for each."""


@dataclass(frozen=True)
class Chosen:
    """Paths by recording: the number of the recording and the path of the claim. `blamed` are those whose story is told."""

    sheets: frozenset[tuple[int, str]]
    blamed: frozenset[tuple[int, str]]


def chosen(step: WatchedStep, states: States, room: int) -> Chosen:
    """What is wrong first, and of each kind the first; then what is undecided; then one of each kind; then call after call."""
    every = [(at, one, claim, finding) for at, one in enumerate(step.judged) for claim, finding in one.findings]
    firsts: dict[tuple[str, str], tuple[int, str]] = {}
    for at, one, claim, finding in every:
        if states.of(finding) == "wrong":
            firsts.setdefault(Wrong(one, claim, finding).kind, (at, claim.path))
    blamed = frozenset(list(firsts.values())[:BLAMED])
    met: set[tuple[str, ...]] = set()
    calls = [order(one) for one in step.judged]
    ranked: list[tuple[int, int, int, str]] = []
    for at, _, claim, finding in every:
        rank = _rank(claim, states.of(finding), first=(at, claim.path) in blamed, met=met)
        ranked.append((rank, at, calls[at][claim.path], claim.path))
    return Chosen(frozenset((at, path) for _, at, _, path in sorted(ranked)[:room]), blamed)


def _rank(claim: Claim, state: str, *, first: bool, met: set[tuple[str, ...]]) -> int:
    if state == "wrong":
        return 0 if first else 1
    if state in ("undecided", "intended", "convention"):
        return 2
    sort = (kind(claim), *sorted(str(getattr(op, "function", op.name)) for _, op in claim.owners))
    if sort in met:
        return 4
    met.add(sort)
    return 3


def shares(runs: Sequence[WatchedStep]) -> list[int]:
    """How many sheets each run may have; what one does not need, the next ones may use."""
    left, found = SHEETS, []
    for number, run in enumerate(runs):
        mine = min(len(run.findings), left // (len(runs) - number))
        found.append(mine)
        left -= mine
    return found

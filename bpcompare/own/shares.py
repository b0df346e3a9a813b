"""What the inputs of one function receive together where they tie: a maximum of two arrays hands its Δ back once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bpcompare.laws import Laws
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Side
from bpcompare.ops.call import Call
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Finding
from bpcompare.proof.groups import Member, as_one, member
from bpcompare.proof.kinks import NOT_TOGETHER

BACK = ("base", "inductive", "gradient")


def together(claims: Sequence[Claim], found: Mapping[int, Finding], balls: Balls, laws: Laws) -> dict[int, Finding]:
    """Those of the findings that are another convention by themselves, and none with those of the other inputs: refuted."""
    changed: dict[int, Finding] = {}
    for group in _groups(claims, found, laws):
        members = [_member(claims[number], balls, laws) for number in group]
        known = [one for one in members if one is not None]
        if len(known) == len(members) and not as_one(known):
            for number in group:
                if found[number].outcome == "convention":
                    changed[number] = replace(found[number], outcome="refuted", note=NOT_TOGETHER)
    return changed


def _groups(claims: Sequence[Claim], found: Mapping[int, Finding], laws: Laws) -> Iterator[list[int]]:
    """The numbers of claims about several inputs of one function with kinks, where one of them is at such a kink."""
    readers: dict[str, list[int]] = {}
    kinked: dict[str, None] = {}
    for number, claim in enumerate(claims):
        finding = found.get(number)
        if finding is None or claim.statement not in BACK:
            continue
        for owner, op in claim.owners:
            law: Any = laws.of(owner, op) if isinstance(op, Call) else None
            if law is not None and law.kinks:
                readers.setdefault(owner, []).append(number)
                if finding.outcome == "convention":
                    kinked[owner] = None
    for owner in kinked:
        group = [number for number in dict.fromkeys(readers[owner]) if found[number].outcome in ("holds", "convention")]
        if len(group) > 1:
            yield group


def _member(claim: Claim, balls: Balls, laws: Laws) -> Member | None:
    balls = balls.of(claim) if claim.dtype else balls
    recorded = balls.values.recorded[claim.path]

    def at(side: Side, ties: Side) -> Ball:
        return evaluate(claim, balls, laws, side=side, ties=ties)

    found = member(claim, recorded, at, balls.lookup(balls.fmt()))
    if found is None or claim.statement != "gradient":
        return found
    return replace(found, recorded=-found.recorded, conventions=tuple(-one for one in found.conventions))  # a gradient is −Δ

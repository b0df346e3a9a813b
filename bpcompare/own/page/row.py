"""A claim as a row: what it is about, what was found, how much of its ball is taken, and how small a mistake would have shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from bpcompare.own.judged import Judged
from bpcompare.own.page.sheet import Sheet
from bpcompare.own.step import WatchedStep, harmless
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.report.numbers import share, short

ABSURD = 1e100
"""A share of a ball without a radius says nothing more than that the number is outside."""
EXACT = 1e-100
"""A power below which there is no rounding."""
STATES = ("wrong", "undecided", "not examined", "intended", "convention", "zero", "ok")
"""What may be said of a claim, and of a call; the worst first."""


@dataclass(frozen=True)
class Row:
    """One claim. `kind` is what sort of quantity it is about, `of` whose; `share` and `power` are in words.

    `sheet` is what else is shown; None where there was no room for it.
    """

    id: str
    kind: str
    of: str
    state: str
    share: str
    power: str
    sheet: Sheet | None


class States:
    """What was found of every claim of a step, in a word."""

    def __init__(self, step: WatchedStep) -> None:
        self._known: dict[int, str] = {}
        for state, found in (("zero", step.zeros), ("undecided", step.undecided)):
            self._known |= {id(finding): state for _, _, finding in found}
        for state, found in (("intended", step.deviations), ("wrong", step.refuted)):
            self._known |= {id(finding): state for _, _, finding in found}

    def of(self, finding: Finding) -> str:
        """One of `STATES`."""
        return self._known.get(id(finding), {"holds": "ok"}.get(finding.outcome, finding.outcome))


def worst(states: Iterable[str]) -> str:
    """The worst of them; "" of none."""
    return min(states, key=STATES.index, default="")


def row(id: str, one: Judged, claim: Claim, finding: Finding, state: str, sheet: Sheet | None) -> Row:  # noqa: A002 — of the page
    """The row of a claim. `id` is its own in the page."""
    sharp = finding.outcome == "holds" and isfinite(finding.power) and not harmless(claim, finding)
    taken = share(finding.share) if finding.share < ABSURD else "outside"
    power = "any mistake" if finding.power < EXACT else short(finding.power)
    return Row(id, kind(claim), about(one, claim), state, taken, power if sharp else "", sheet)


def kind(claim: Claim) -> str:
    """What sort of a quantity it is."""
    kinds = {"forward": "value", "base": "Δ", "inductive": "Δ", "gradient": "gradient", "update": "update"}
    return kinds.get(claim.statement) or claim.path.rpartition(".")[2]


def about(one: Judged, claim: Claim) -> str:
    """Whose value, Δ or gradient it is: the name of a call, of data, of a parameter."""
    program = one.recording.program
    value = program.by_delta.get(claim.path)
    path = claim.path if value is None else value.path
    writer = program.writers.get(path)
    return claim.subject if claim.statement in ("update", "state") else path if writer is None else writer.name

"""What the proof says of one recorded quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from bpcompare.plan.record import Provenance
from bpcompare.proof.claims import Statement
from bpcompare.proof.findings import Findings
from bpcompare.text.shown import Shown

Outcome = Literal["holds", "convention", "undecided", "refuted"]

Doubt = Literal["", "empty", "zero", "still", "blurred", "unbounded", "infinite", "algorithm", "watched"]
"""Why something is undecided: nothing in it; the law is 0 term by term; the parameter does not move; rounding blurs all of it; a
radius is infinite; a recorded number is, and may honestly be; a fast algorithm with a weak bound; watching changed the answer."""


@dataclass(frozen=True)
class Finding:
    """One claim, judged on one record.

    `share` is the largest |recorded − law| over the radius of its ball: up to 1 the claim holds. `power` is the smallest
    relative mistake that would have shown here; `blurred` that of the worst unit or example (None: all of them
    zero, or it was not looked for).
    `worst` is the index of the element that decides, with its `recorded` value, the law's `expected` and the `radius`.
    `relative` is how far the recorded tensor is off, relative to the law's at its worst element. `off` elements of `size` are
    outside. `note` says why, in words. `terms` is not 0 for a quantity that is 0 up to rounding: the size of the terms that
    cancelled, against which `power` is measured there; `structural`: it is 0 whatever the weights and data are. `doubt` is why
    an undecided finding is undecided. `probed` elements were tried along random vectors alone, and not judged one by one: `share`
    and `worst` are those of the others, and `power` counts what a vector could have missed.
    """

    path: str
    statement: Statement
    outcome: Outcome
    share: float
    power: float
    worst: tuple[int, ...] = ()
    recorded: float = 0.0
    expected: float = 0.0
    radius: float = 0.0
    relative: float = 0.0
    blurred: float | None = None
    off: int = 0
    size: int = 0
    note: str = ""
    terms: float = 0.0
    structural: bool = False
    doubt: Doubt = ""
    probed: int = 0


@dataclass(frozen=True)
class Certificate(Shown):
    """Every finding about one record, in the order of the proof, with who was examined.

    `plain` judges the gradient computed without instrumentation; `failure` says why there is none.
    """

    bundle: ClassVar[str] = "certificate_bundle"

    provenance: Provenance
    findings: Sequence[Finding]
    plain: tuple[Finding, ...] = ()
    failure: str | None = None
    refuted: tuple[Finding, ...] = field(init=False)
    all: Findings = field(init=False, repr=False, compare=False)
    """The findings, by what they are kept in."""

    def __post_init__(self) -> None:
        findings = Findings.of(self.findings)
        object.__setattr__(self, "findings", findings)
        object.__setattr__(self, "all", findings)
        object.__setattr__(self, "refuted", tuple(f for f in findings.judged if f.outcome == "refuted"))

    @property
    def notable(self) -> tuple[Finding, ...]:
        """Those that do not hold, or as 0 alone, are among these; plain ones are the last of them."""
        return (*self.all.judged, *self.plain)

    @property
    def verdict(self) -> Literal["certified", "convention", "undecided", "wrong", "not_run"]:
        """The worst outcome; undecided findings only where the others hold."""
        if self.failure is not None:
            return "not_run"
        outcomes = {finding.outcome for finding in self.notable}
        if "refuted" in outcomes:
            return "wrong"
        if "undecided" in outcomes:
            return "undecided" if "convention" not in outcomes else "convention"
        return "convention" if "convention" in outcomes else "certified"

    @property
    def zeros(self) -> tuple[Finding, ...]:
        """Findings that hold as 0: up to rounding, or by structure."""
        return tuple(f for f in self.all.judged if (f.terms or f.structural) and f.outcome == "holds")

    @property
    def worst(self) -> Finding | None:
        """The finding nearest to, or farthest beyond, its ball."""
        return self.all.worst

    @property
    def blindest(self) -> Finding | None:
        """The finding with the least power."""
        return self.all.blindest

"""What changed between two records of one plan: nothing, bits within rounding, or the answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bpcompare.plan.record import Record
from bpcompare.verdict.comparison import EXIT, GOOD, Comparison
from bpcompare.verdict.distance import Move, moves, quantities

Outcome = Literal["same", "moved", "changed", "undecided", "not_run"]
CODES: dict[Outcome, int] = {"same": 0, "moved": 0, "changed": 1, "undecided": EXIT["undecided"], "not_run": EXIT["not_run"]}


@dataclass(frozen=True, eq=False)
class Change:
    """Two records, `then` and `now`, each certified on its own inputs, and what moved between them.

    `same`: every bit. `moved`: within rounding, for both are certified. `changed`: at least one is not, and `guilty` says which.
    `undecided`: bits moved, and rounding could hide a mistake in at least one. `not_run`: there is nothing new to look at.
    """

    comparison: Comparison
    then: str
    now: str

    @property
    def records(self) -> tuple[Record, Record]:
        """Both records."""
        return self.comparison.records[self.then], self.comparison.records[self.now]

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """What has other bits now."""
        old, new = self.records
        return () if None not in (old.failure, new.failure) or not new.steps else moves(self.comparison.plan, old, new)

    @property
    def quantities(self) -> int:
        """How many quantities were compared."""
        return quantities(self.records[0])

    @cached_property
    def guilty(self) -> tuple[str, ...]:
        """Those of the two that are wrong, or follow another convention than the law."""
        verdicts = self.comparison.certificates
        return tuple(name for name in (self.then, self.now) if verdicts[name].verdict in ("wrong", "convention"))

    @property
    def acceptable(self) -> bool:
        """Whether what there is now may be the new golden: what is wrong may not, and what did not run cannot."""
        return self.comparison.certificates[self.now].verdict not in ("wrong", "not_run")

    @property
    def outcome(self) -> Outcome:
        """In one word."""
        verdicts = [self.comparison.certificates[name].verdict for name in (self.then, self.now)]
        if "not_run" in verdicts:
            return "not_run"
        if not self.moves:
            # A net on a kink may follow its convention for ever; what is wrong is wrong however often it is repeated.
            return "changed" if "wrong" in verdicts else "same"
        if self.guilty:
            return "changed"
        return "moved" if all(verdict in GOOD for verdict in verdicts) else "undecided"

    @property
    def exit_code(self) -> int:
        """0 same or moved, 1 changed, 3 not run, 4 undecided."""
        return CODES[self.outcome]

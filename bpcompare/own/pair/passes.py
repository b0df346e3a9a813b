"""Two backward passes, held against each other: their losses, their gradients, and where they part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

from bpcompare.own.pair import parting
from bpcompare.own.pair.causes import causes
from bpcompare.own.pair.gradients import Held, gradients, outcome
from bpcompare.own.pair.pairing import Pairing, tolerance
from bpcompare.own.pair.parameters import Matched, matched
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.sent_back import sent_back
from bpcompare.own.pair.side import Side
from bpcompare.own.pair.states import Kept, kept_otherwise, states

Outcome = Literal["same", "differs", "undecided"]


class Passes:
    """A pass of each program. `given` are matches that somebody says: `map=`."""

    def __init__(self, first: Side, second: Side, given: Mapping[str, str | Sequence[str]]) -> None:
        self.first, self.second = first, second
        self._given = given

    @cached_property
    def matched(self) -> Matched:
        """Parameters of one with those of the other. Raises MapError."""
        return matched(self.first.parameters, self.second.parameters, self._given)

    @cached_property
    def pairing(self) -> Pairing:
        """The values of the two, in pairs."""
        return Pairing(self.first, self.second, self.matched)

    @cached_property
    def gradients(self) -> tuple[Held, ...]:
        """Gradients of matched parameters."""
        return tuple(gradients(self.first, self.second, self.matched))

    @property
    def losses(self) -> tuple[float, float]:
        """Both losses."""
        return self.first.loss, self.second.loss

    @property
    def loss_apart(self) -> float:
        """How far the losses are apart, relative to the larger one."""
        a, b = self.losses
        return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))

    @cached_property
    def loss_allowed(self) -> float:
        """How far rounding may have put them apart."""
        slack = [max((side.slack[root] for root in side.roots), default=0.0) for side in (self.first, self.second)]
        return tolerance(*slack)

    @property
    def loss_outcome(self) -> Outcome:
        """Whether the losses are the same."""
        return outcome(self.loss_apart, self.loss_allowed)

    @property
    def outcomes(self) -> set[Outcome]:
        """Everything that is said of losses and gradients."""
        return {self.loss_outcome, *(one.outcome for one in self.gradients)}

    @cached_property
    def states(self) -> tuple[Kept, ...]:
        """What steps keep for the next time, in pairs."""
        return tuple(states(self.pairing))

    @cached_property
    def parting(self) -> Parting | None:
        """Where they part; None where they do not, or nobody can tell."""
        if "differs" not in self.outcomes:
            return kept_otherwise(self.pairing, self.states)
        if self.loss_outcome != "same":
            found = parting.forward(self.pairing)
            if found.first is not None or found.second is not None:
                return replace(found, causes=_tried(lambda: causes(self.pairing, found, self.gradients)))
        found = parting.back(self.pairing)
        if found.first is None and found.second is None:
            return None
        return replace(found, causes=found.causes or _tried(lambda: sent_back(self.pairing, self.gradients)))


def _tried(words: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    try:
        return words()
    except Exception:  # noqa: BLE001 — words about a difference decide nothing
        return ()

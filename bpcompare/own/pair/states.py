"""What two programs keep for the next step: a norm's running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.pair.causes import differing
from bpcompare.own.pair.gradients import outcome
from bpcompare.own.pair.pairing import Pairing, tolerance
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.prints import Print, distance, print_of
from bpcompare.own.pair.side import UNCLAIMED, Side
from bpcompare.program import Step


@dataclass(frozen=True, eq=False)
class Kept:
    """One state of a pair of steps: how far it is `apart`, relative to its size, where rounding explains so much."""

    name: str
    steps: tuple[Step, Step]
    apart: float
    allowed: float

    @property
    def outcome(self) -> str:
        """Whether it is the same."""
        return outcome(self.apart, self.allowed)


def states(pairing: Pairing) -> Iterator[Kept]:
    """Of every pair of steps that keep the same: each thing that they keep."""
    writers = pairing.second.program.writers
    for step in pairing.first.steps():
        partners = (writers[path] for path in pairing.forward.forward.get(step.writes, ()) if path in writers)
        other = next((one for one in partners if step.state and set(one.state) == set(step.state)), None)
        for name in step.state if other is not None else ():
            assert other is not None  # noqa: S101 — as the line before says
            one, another = _print(pairing.first, step.state[name]), _print(pairing.second, other.state[name])
            slack = tolerance(pairing.first.slack[step.writes], pairing.second.slack[other.writes])
            yield Kept(name, (step, other), distance(one, another), slack + UNCLAIMED * UNITS["float64"])


def _print(side: Side, path: str) -> Print:
    x: Any = side.judged.recording.recorded[path]
    return print_of(np.asarray(x).astype(np.float64))


def kept_otherwise(pairing: Pairing, found: tuple[Kept, ...]) -> Parting | None:
    """The first pair of steps that keep something else; None where there is none."""
    first = next((one for one in found if one.outcome == "differs"), None)
    if first is None:
        return None
    a, b = first.steps
    causes = next(differing(a, b, pairing), "")
    spots = pairing.first.spot(a), pairing.second.spot(b)
    return Parting("state", *spots, None, (a, b), (f"{first.name} is another{f'; {causes}' if causes else ''}",))

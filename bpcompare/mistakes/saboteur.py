"""A backend that makes one mistake on purpose: the delta backend under a sabotaged table of laws."""

from __future__ import annotations

from typing import Any

from bpcompare.mistakes.mistake import Mistake
from bpcompare.plan import Plan
from bpcompare.plan.record import Record, StepRecord


def saboteur(delta: type[Any], mistake: Mistake, place: str = "") -> type[Any]:
    """A subclass of `delta` (a backend made with a table of laws, kept in `laws`) called "delta!CODE", or "delta!CODE:PLACE".

    With a `place` the mistake is made there alone. Its run raises ValueError where the mistake cannot be made.
    """

    def run(self: Any, plan: Plan) -> Record:
        spots = mistake.spots(plan.network)
        if not spots:
            raise ValueError(f"{mistake.code} ({mistake.title}) cannot be made in {plan.network.name}")
        if place and place not in spots:
            raise ValueError(f"{mistake.code} ({mistake.title}) cannot be made at {place}; it can at {', '.join(spots)}")
        self.laws = mistake.laws(plan.network, self.laws, place or None)
        record: Record = delta.run(self, plan)
        return record

    def step(self: Any, *given: Any) -> StepRecord:
        answer: StepRecord = delta.step(self, *given)
        self.laws.next_step()
        return answer

    name = f"{delta.name}!{mistake.code}{f':{place}' if place else ''}"
    where = f" at {place} alone" if place else ""
    said = f"{delta.name} with {mistake.code}{where}: {mistake.title}."
    return type(name, (delta,), {"name": name, "run": run, "step": step, "__doc__": said})

"""A backend that makes one mistake on purpose: the delta backend under a sabotaged table of laws."""

from __future__ import annotations

from typing import Any

from bpcompare.mistakes.mistake import Mistake
from bpcompare.plan import Plan
from bpcompare.record import Record


def saboteur(delta: type[Any], mistake: Mistake) -> type[Any]:
    """A subclass of `delta` (a backend made with a table of laws, kept in `laws`) called "delta!CODE".

    Its run raises ValueError where the mistake cannot be made in the plan's network.
    """

    def run(self: Any, plan: Plan) -> Record:
        if not mistake.applies(plan.network):
            raise ValueError(f"{mistake.code} ({mistake.title}) cannot be made in {plan.network.name}")
        self.laws = mistake.laws(plan.network, self.laws)
        record: Record = delta.run(self, plan)
        return record

    name = f"{delta.name}!{mistake.code}"
    return type(name, (delta,), {"name": name, "run": run, "__doc__": f"{delta.name} with {mistake.code}: {mistake.title}."})

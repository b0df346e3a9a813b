"""What is examined of a recording, and what is not: steps without a law, parameters that nothing reached."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bpcompare.laws import Laws
from bpcompare.ops.call import Call
from bpcompare.program import Program, Recording, Step, Unexamined, Watched

ADD = "add one with bpcompare.law"
"""What to do about a function without a law."""
REDUCED = "all_reduce"
"""What recorders call it where other processes have a part in a gradient."""
LAWLESS = ("complex", "float8_", "float6_", "float4_")
"""How the names of formats begin that no law speaks of."""
TOGETHER = ("c10d::", "_c10d_functional::", "distributed::")
"""How the names of functions begin that several processes work out together."""
WHY_TOGETHER = (
    "other ranks have a part in it, whose numbers are not here: its values, and the Δ of what it reads, were taken as they are"
)
WHY_REDUCED = "other ranks have a part in it: save the step of every rank, and ask bpcompare.ranks whether it is their mean"


@dataclass(frozen=True, eq=False)
class Covered:
    """The part of a recording that has laws. `hidden`: by function without a law, the steps that call it."""

    recording: Recording
    program: Program
    hidden: Mapping[str, tuple[Step, ...]]

    def unexamined(self) -> list[Unexamined]:
        """Functions without a law, each with its first line, and what that hides."""
        found = list(self.recording.unexamined)
        for function, steps in self.hidden.items():
            if function == REDUCED:
                found.append(self._reduced(steps))
                continue
            place = self.recording.places.get(steps[0].name)
            times = f", {len(steps)} calls" if len(steps) > 1 else ""
            where = f" in {place.module}" if place is not None and place.module else ""
            why = f"it has no law ({ADD}): its values, and the Δ of what it reads, were taken as they are"
            why = WHY_TOGETHER if function.startswith(TOGETHER) else why
            found.append(Unexamined(f"{function}{where}{times}", why, place.line if place is not None else ""))
        return found

    def _reduced(self, steps: Sequence[Step]) -> Unexamined:
        more = f" and {len(steps) - 2} more" if len(steps) > 2 else ""
        what = f"what became of the gradient of {', '.join(step.name for step in steps[:2])}{more}"
        place = self.recording.places.get(steps[0].name)
        return Unexamined(what, WHY_REDUCED, place.line if place is not None else "", (REDUCED,))


def covered(recording: Recording, laws: Laws) -> Covered:
    """The recording without the steps that have no law. What they write is taken as given, and so is the Δ of what they read."""
    program = recording.program
    lawless = [step for step in program.steps if isinstance(step.op, Call) and not _spoken_of(step, step.op, program, laws)]
    if not lawless:
        return Covered(recording, program, {})
    names = {step.name for step in lawless}
    values = dict(program.values)
    for path, value in program.values.items():
        if value.delta is not None and any(step.name in names for step in program.behind(path)):
            values[path] = replace(value, trusted=True)
    hidden: dict[str, tuple[Step, ...]] = {}
    for step in lawless:
        function = step.op.called
        hidden[function] = (*hidden.get(function, ()), step)
        values[step.writes] = replace(values[step.writes], given=True, open=False)
    kept = tuple(step for step in program.steps if step.name not in names)
    return Covered(recording, replace(program, values=values, steps=kept), hidden)


def _spoken_of(step: Step, call: Call, program: Program, laws: Laws) -> bool:
    """Whether there is a law for what a step calls. There is none for complex numbers, and for formats of 8 bits and fewer."""
    formats = (program.values[path].dtype for path in (*step.reads, step.writes) if path in program.values)
    return call.function in laws.calls and not any(name.startswith(LAWLESS) for name in formats)


def unreached(watched: Watched, claimed: Collection[str]) -> list[Unexamined]:
    """Parameters with a gradient of which nothing was claimed. `claimed` are the paths of the gradients that were."""
    missing = [
        name for name, why in watched.parameters.items() if why == "unseen" or (not why and f"{name}.gradient" not in claimed)
    ]
    if not missing:
        return []
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return [
        Unexamined(
            f"the gradient of {', '.join(missing[:3])}{more}",
            "no backward pass that was watched reaches it, or not in all its parts",
        )
    ]

"""The NaN of a branch that is not taken: it is handed a Δ of 0, and 0 · ∞ is NaN."""

from __future__ import annotations

import numpy as np

from bpcompare.own.judged import Judged
from bpcompare.program import Program, Step
from bpcompare.proof.claims import Claim

CHOICES = frozenset({"where", "select_n", "masked_fill", "masked_scatter"})
"""Functions that take some entries of what they are given, and hand a Δ of 0 to all others."""
FAR = 50
"""Steps behind the one whose derivative is not finite, in which the choice is looked for."""


def not_taken(one: Judged, claim: Claim) -> str:
    """In words, with lines, where a Δ or a gradient is not finite for that; "" where it is not, or for another reason.

    Nothing is guessed: the recorded Δ of a function's result is 0 where that of its argument is no number, and its result goes
    into a choice.
    """
    program, recorded = one.covered.program, one.values.recorded
    if claim.statement not in ("inductive", "gradient") or claim.path not in recorded:
        return ""
    lost = ~np.isfinite(recorded[claim.path])
    value = program.by_delta.get(claim.path)
    path = claim.subject if claim.statement == "gradient" or value is None else value.path
    if not lost.any() or path not in program.values:
        return ""
    for step, _ in program.readers[path]:
        delta = program.values[step.writes].delta or ""
        if _called(step) in CHOICES or delta not in recorded or np.shape(recorded[delta]) != lost.shape:
            continue
        choice = _choice(program, step) if not recorded[delta][lost].any() else None
        if choice is not None:
            return (
                f"it is the NaN of a branch that is not taken: {_named(one, choice)} hands a Δ of 0 back there, and the "
                f"derivative of {_named(one, step)} is not finite: 0 · ∞ is NaN. Give that branch other numbers in those "
                "places, by a choice in front of it"
            )
    return ""


def _called(step: Step) -> str:
    return getattr(step.op, "called", "")


def _choice(program: Program, step: Step) -> Step | None:
    """The first choice that what a step gives goes into."""
    paths = [step.writes]
    for path in paths:
        for reader, _ in program.readers[path]:
            if _called(reader) in CHOICES:
                return reader
            if reader.writes not in paths and len(paths) < FAR:
                paths.append(reader.writes)
    return None


def _named(one: Judged, step: Step) -> str:
    place = one.recording.places.get(step.name)
    called = f"`{(place.function if place else step.name).lstrip('_')}`"
    return f"{called} ({place.line})" if place is not None and place.line else called

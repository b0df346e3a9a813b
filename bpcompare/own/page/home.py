"""With which call a claim is shown."""

from __future__ import annotations

from collections.abc import Mapping

from bpcompare.own.judged import Judged
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding


def findings_of(one: Judged) -> dict[str, tuple[Claim, Finding]]:
    """The findings of a recording by the paths of their claims."""
    return {claim.path: (claim, finding) for claim, finding in one.findings}


def homes(one: Judged) -> dict[str, str]:
    """By the path of a claim, the step with which it is shown: of a Δ, the first that reads the value within a module."""
    program, places = one.recording.program, one.recording.places
    found: dict[str, str] = {}
    for claim, _ in one.findings:
        value = program.by_delta.get(claim.path)
        if value is not None:
            steps = [step.name for step, _ in program.readers[value.path]]
            within = (name for name in steps if name in places and places[name].module)
            if steps:
                found[claim.path] = next(within, steps[0])
        elif claim.path in program.writers:
            found[claim.path] = program.writers[claim.path].name
    return found


def order(one: Judged) -> Mapping[str, int]:
    """By the path of a claim, the number of the call, or of the update, with which it is shown."""
    program = one.recording.program
    numbers = {step.name: number for number, step in enumerate(program.steps)}
    updates = {update.parameter: number for number, update in enumerate(program.updates)}
    at = homes(one)
    return {claim.path: numbers.get(at.get(claim.path, ""), updates.get(claim.subject, 0)) for claim, _ in one.findings}

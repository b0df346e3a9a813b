"""What was found of every gradient: by the program of the forward, and by differences where it could not be followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bpcompare.laws.calls.factorizations import FREE
from bpcompare.ops.call import Call
from bpcompare.own.step import WatchedStep
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.differences import STAIRS, aside, beyond, differenced
from bpcompare.tools.gradient.finding import InputFinding
from bpcompare.tools.gradient.ties import together
from bpcompare.tools.gradient.traced import Traced
from bpcompare.tools.gradient.tries import Tries


def judged(answer: Answer, step: WatchedStep | None, why: str, tries: Tries) -> list[InputFinding]:
    """Of each input, and of each parameter of a module, what was found.

    `step` is the forward as a program, where it could be followed; `why` it could not be, or in which part.
    """
    code, budget = answer.code, tries.budget
    findings: list[InputFinding] = []
    if step is not None:
        traced = Traced(step, budget, causes=tries.causes)
        findings = [aside(tries, answer, beyond(tries, answer, finding), step) for finding in traced.findings]
    # Inputs that a trace says nothing of: it was none, it has holes, or autograd leads from the output to no such input.
    told = {finding.name for finding in findings if finding.verdict == "wrong" or not why}
    left = [i for i in code.carrying if code.names[i] not in told]
    if left:
        tried = [differenced(tries, i, code.names[i], answer.gradients[i]) for i in left]
        tried = [_not_of_a_choice(_not_of_a_draw(one, i, answer, step), step) for one, i in zip(tried, left, strict=True)]
        findings = [*(one for one in findings if one.name not in {other.name for other in tried}), *tried]
        findings = _not_certified(findings, step, why, code.names) if step is not None and why else findings
    return [_in_short_numbers(one, answer) for one in together(answer, findings, budget)]


def _not_certified(findings: list[InputFinding], step: WatchedStep, why: str, names: Sequence[str]) -> list[InputFinding]:
    """Gradients of a module's parameters, where a part of it could not be followed: differences are of the inputs alone."""
    note = f"not examined, for not all of the forward could be followed: {why}"
    found = [
        one if one.name in names or one.verdict == "wrong" else replace(one, verdict="undecided", note=note) for one in findings
    ]
    missing = [name for name in step.watched.parameters if name not in {*names, *(one.name for one in findings)}]
    return [*found, *(InputFinding(name, (), "undecided", float("inf"), 0, note=note) for name in missing)]


def _not_of_a_draw(one: InputFinding, at: int, answer: Answer, step: WatchedStep | None) -> InputFinding:
    """A gradient of 0 of what a random number is drawn by: torch takes a draw for a constant, which differences do not."""
    g = answer.gradients[at]
    if one.verdict != "wrong" or step is None or (g is not None and g.any()):
        return one
    calls = [(s.op, s) for recording in step.watched.recordings for s in recording.program.steps]
    drawn = next((op.function for op, s in calls if isinstance(op, Call) and s.reads and "generator" in op.arguments), None)
    if drawn is None:
        return one
    note = (
        f"its gradient is 0, for {drawn} gives a random number, which autograd takes for a constant; with the generator's state "
        "held still, differences are not 0. If a gradient is to go through the draw, write mean + std * torch.randn_like(std)"
    )
    return replace(one, verdict="undecided", cause="", note=note)


def _not_of_a_choice(one: InputFinding, step: WatchedStep | None) -> InputFinding:
    """A gradient behind what a library chooses: differences are of its choice, which moves as the library likes, or jumps."""
    if (one.verdict != "wrong" and one.note != STAIRS) or step is None:
        return one
    free = next((left.why for left in step.unexamined if FREE in left.why), "")
    if not free:
        return one
    note = (
        f"differences of the forward say otherwise, but it gives what its library chooses ({free}), and they are of that choice. "
        "An output that does not depend on it would decide it: vectors that are determined, or a product in which it drops out"
    )
    return replace(one, verdict="undecided", power=float("inf"), cause="", note=note)


def _in_short_numbers(one: InputFinding, answer: Answer) -> InputFinding:
    """A wrong gradient that has fewer digits than its input, in words."""
    if one.verdict != "wrong" or one.cause or one.name not in answer.names:
        return one
    at = answer.names.index(one.name)
    g, x = answer.gradients[at], answer.code.inputs[at]
    if g is None or x.dtype != np.float64 or g.shape != x.shape or not np.array_equal(g, g.astype(np.float32)):
        return one
    return replace(one, cause="the input is float64, and its gradient has only the digits of float32: where is it rounded?")

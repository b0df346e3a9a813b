"""The forward as a program: recorded on these very inputs, and the gradients that a backward pass gives held against its Δ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.causes.backward import law
from bpcompare.own.judged import Judged, Judging
from bpcompare.own.recorders import RECORDERS
from bpcompare.own.step import WatchedStep, harmless
from bpcompare.own.wrong import Wrong
from bpcompare.program import Recording, Step
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import LEAST
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.differences import SMALL
from bpcompare.tools.gradient.finding import NOT_ASKED, InputFinding, Verdict
from bpcompare.tools.gradient.tries import GRANTED

VERDICTS: Mapping[str, Verdict] = {
    "holds": "certified",
    "convention": "convention",
    "undecided": "undecided",
    "refuted": "wrong",
}
AGAIN = 64.0
"""u of the shortest format on the way times the sum of |terms| that a backward may be off by running the forward again."""
SHORTER = (
    "not decided: it is off by no more than what may come of running the forward again, a part of which is worked out in a "
    "shorter format. A forward that stays in one format would decide it"
)
ADDING = frozenset({"add", "sub", "cat", "stack"})
"""Functions whose slope does not depend on what they are given."""
BACK = ("base", "inductive")
"""What is claimed of a Δ."""

Weights = Callable[[int, tuple[int, ...]], Array]


def traced(
    framework: str,
    forward: Any,
    backward: Any,
    inputs: Mapping[str, Any],
    weights: Weights,
    reference: Mapping[Any, Any],
    budget: Budget,
) -> WatchedStep:
    """One backward pass through `forward`, from Σ dy · y to the inputs, recorded.

    `weights` draws dy for the number of an output and its shape. Raises what the code under test raises, ImportError where the
    framework's package is missing, ValueError where autograd leads from the output to no input.
    """
    asked = import_module(RECORDERS[framework]).asked
    watched, also = asked(forward, backward, inputs, weights, reference)
    step = WatchedStep(watched, also=also, sample=budget.sample())
    step.judge(budget.observed)
    return step


@dataclass(frozen=True, eq=False)
class Traced:
    """What a recorded forward says of the gradients of its inputs.

    Each claim is about one step, and rests on what was recorded beside it. Where a Δ between is wrong, or could not be told, the
    gradient of an input is held against the whole way instead: its Δ is worked out from the output on.
    """

    step: WatchedStep
    budget: Budget = field(default_factory=Budget)
    causes: bool = True

    @cached_property
    def findings(self) -> tuple[InputFinding, ...]:
        """Wrong places between, then every input and parameter."""
        between = [found for found in self.step.refuted if found[1].statement != "gradient"]
        inner = [_between(wrong, self._cause(wrong)) for wrong in (Wrong(*found) for found in between)]
        ends = [found for found in self.step.findings if found[1].statement == "gradient"]
        doubted = any(claim.statement in BACK for _, claim, _ in self.step.undecided)
        if between or doubted:
            ends = [found for one in self.step.judged for found in self._whole(one)]
        return (*inner, *(self._end(*found) for found in ends))

    @cached_property
    def power(self) -> float:
        """The least power on the way back: a mistake there is one of what it leads to."""
        sizes = [
            finding.power
            for _, claim, finding in self.step.findings
            if claim.statement in BACK and finding.outcome == "holds" and not finding.terms
        ]
        return max(sizes, default=0.0)

    def _whole(self, one: Judged) -> Iterator[tuple[Judged, Claim, Finding]]:
        """The findings about inputs, where nothing but the values between was recorded."""
        judging = Judging([opened(one.recording)], one.laws)
        judging.go_on(self.budget.until, self.budget.observed)
        (again,) = judging.judged()
        if again.left:
            self.budget.leave("the whole way from the output to the inputs")
        for claim, finding in again.findings:
            if claim.statement == "gradient":
                yield again, claim, finding

    def _end(self, one: Judged, claim: Claim, finding: Finding) -> InputFinding:
        shape = np.shape(one.values.recorded[claim.path])
        if finding.outcome == "refuted" and (size := _in_another_order(one, claim)) is not None:
            if size <= LEAST:
                return InputFinding(claim.subject, shape, "certified", max(size, self.power), finding.size)
            if _coarsest(one, claim) > format_of(claim.dtype or "float64").u:
                return InputFinding(claim.subject, shape, "undecided", size, finding.size, note=SHORTER)
        verdict = VERDICTS[finding.outcome]
        note = finding.note if finding.outcome != "refuted" else ""
        if harmless(claim, finding):
            verdict = "certified"
        cause = ""
        if finding.outcome == "refuted":
            cause = self._cause(Wrong(one, claim, finding))
        return InputFinding(
            claim.subject,
            shape,
            verdict,
            max(finding.power, self.power) if finding.outcome == "holds" and not finding.terms else finding.power,
            finding.size,
            finding.worst,
            finding.recorded,
            finding.expected,
            finding.radius,
            finding.off or 1,
            cause,
            note=note,
            terms=finding.terms if verdict == "certified" else 0.0,
        )

    def _cause(self, wrong: Wrong) -> str:
        if not self.causes:
            return "; ".join(filter(None, (wrong.finding.note, NOT_ASKED)))
        return wrong.finding.note if self.budget.over() else wrong.cause


def _in_another_order(one: Judged, claim: Claim) -> float | None:
    """The power that is left where a gradient lies outside of its ball by no more than another formula may round; else None.

    What a person writes may be right by other terms than the law's: u Σ|terms|, and a thousand times that, is granted to it, as
    differences grant it; and AGAIN times that of the shortest format on the way, for a backward that runs the forward again
    rounds there anew. A mistake has to be larger than that to be told from it.
    """
    got = one.values.recorded[claim.path].astype(np.float64)
    balls = Balls(one.values, format_of("float64"))
    balls = balls.of(claim) if claim.dtype else balls
    with np.errstate(all="ignore"):
        right = law(one, claim)
        terms = np.broadcast_to(evaluate(claim, balls, one.laws, majorant=True).magnitude(), right.mid.shape)
        granted = np.asarray(right.final_radius()) + max(GRANTED * balls.fmt.u, AGAIN * _coarsest(one, claim)) * terms
        off = np.abs(got - right.mid)
        if not (np.isfinite(off).all() and np.isfinite(granted).all() and (off <= granted).all()):
            return None
        sizes = np.abs(right.mid)
        seen = sizes > SMALL * sizes.max(initial=0.0)
    return float((2 * granted[seen] / sizes[seen]).max(initial=0.0)) if seen.any() else float("inf")


def _coarsest(one: Judged, claim: Claim) -> float:
    """The unit roundoff of the shortest format that a function on this way computes in; 0.0 where all have the run's own.

    On the way are what is made of the input, and what that is multiplied with: of what is only added, no slope knows.
    """
    program = one.recording.program
    found: dict[str, Step] = {}
    waiting = [step for step, _ in program.readers[program.by_delta[claim.path].path]]
    for step in waiting:
        if step.writes not in found:
            found[step.writes] = step
            waiting += [reader for reader, _ in program.readers.get(step.writes, ())]
    waiting = [*found.values()]
    for step in waiting:
        for path in () if step.writes in found and step.op.called in ADDING else step.needs:
            writer = program.writers.get(path)
            if writer is not None and path not in found:
                found[path] = writer
                waiting.append(writer)
    formats = {program.values[path].dtype for path in found if path in program.values}
    return max((format_of(name).u for name in formats if name), default=0.0)


def _between(wrong: Wrong, cause: str) -> InputFinding:
    """A wrong number on the way: no input's, but of what lies between."""
    finding = wrong.finding
    place = f"{wrong.module}: {wrong.culprit}" if wrong.module else wrong.culprit
    name = f"{place} ({wrong.line})" if wrong.line else place
    return InputFinding(
        name,
        np.shape(wrong.judged.values.recorded[wrong.claim.path]),
        "wrong",
        finding.power,
        finding.size,
        finding.worst,
        finding.recorded,
        finding.expected,
        finding.radius,
        finding.off,
        cause,
    )


def opened(recording: Recording) -> Recording:
    """The same program without any Δ but those of inputs and parameters."""
    program = recording.program
    values = {
        path: value if value.parameter or path in program.addends else replace(value, delta=None)
        for path, value in program.values.items()
    }
    return replace(recording, program=replace(program, values=values))

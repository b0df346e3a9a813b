"""One thing that left the proof: whose fault, where in their code, how far off, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bpcompare.engine.arithmetics import voices
from bpcompare.ops.call import Call
from bpcompare.own.causes.backward import law
from bpcompare.own.causes.cause import cause
from bpcompare.own.formula import formula
from bpcompare.own.judged import Judged
from bpcompare.program import Place, Step
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.oracle import Opinion, opinion

if TYPE_CHECKING:
    from bpcompare.own.step import WatchedStep

SEARCH = 8
"""Choices from which on a forward may be a search: the derivative of how it searches is not that of what it finds."""


HANDING_ON = frozenset({"identity", "view", "alias", "clone", "detach", "contiguous", "view_as", "reshape", "_unsafe_view"})
"""Functions that give back the numbers that they are given."""

PROMISED = {
    "lax.shard_map": "its devices have other numbers, and `out_specs` says that these are the same: a pmean makes them so",
}
"""What somebody's code says of its numbers by calling a function, where these are not so."""


@dataclass(frozen=True, eq=False)
class Wrong:
    """A refuted claim, in words of their code. `framework` is the one that their code is of."""

    judged: Judged
    claim: Claim
    finding: Finding
    framework: str = ""

    @property
    def backward(self) -> bool:
        """Whether it is about a Δ or a gradient."""
        return self.claim.statement in ("base", "inductive", "gradient")

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps that it may be the fault of: for a number, the one that made it; for a Δ, those that read the value."""
        program = self.judged.covered.program
        if self.backward:
            return tuple({step.name: step for step, _ in program.readers[self.path]}.values())
        return tuple(step for step in program.steps if step.name == self.claim.owners[-1][0]) if self.claim.owners else ()

    @cached_property
    def path(self) -> str:
        """The value that it is about."""
        program = self.judged.covered.program
        if self.claim.path in program.values:
            return self.claim.path
        value = program.by_delta.get(self.claim.path)
        return self.claim.subject if value is None else value.path

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where those steps stand in their code."""
        places = self.judged.recording.places
        found = [places[step.name] for step in self.steps if step.name in places]
        if not found and self.claim.subject in places:
            found = [places[self.claim.subject]]
        return tuple(dict.fromkeys(found))

    @property
    def _read_at(self) -> list[Place]:
        """The same, once for each step."""
        return [self.judged.recording.places[step.name] for step in self.steps if step.name in self.judged.recording.places]

    @property
    def culprit(self) -> str:
        """What is wrong, by name: a custom function, a function of the framework, an optimizer."""
        customs = [place.custom for place in self.places if place.custom]
        names = list(dict.fromkeys(customs or [place.function for place in self.places]))
        if not names:
            return self.judged.recording.title
        if self.claim.statement in ("update", "state"):
            return self.judged.recording.title
        return " or ".join(names[:3]) + (".backward" if self.backward else "")

    @property
    def searches(self) -> int:
        """How many choices the forward of a custom backward makes, where there are as many as a search has; else 0."""
        choices = sum(isinstance(op, Call) and op.function == "where" for _, op in self.claim.owners)
        return choices if self.backward and choices >= SEARCH and any(place.custom for place in self.places) else 0

    @cached_property
    def meant(self) -> str:
        """How to say that a backward of theirs is meant, where its forward is one of those whose derivative often is not."""
        custom = next((place.custom for place in self.places if place.custom), "")
        reads = sum(place.custom == custom for place in self._read_at)
        if custom and self.backward and reads >= SEARCH and not self.searches:
            why = f"its forward reads it {reads} times, as a solver of differential equations does"
            return f'{why}: if its backward solves an equation of its own (the adjoint one), intended=("{custom}",) says so'
        if not custom or self.claim.statement != "inductive":
            return ""
        functions = {op.function if isinstance(op, Call) else "" for _, op in self.claim.owners}
        if self.searches:
            why = f"its forward chooses {self.searches} times by what it compares, as a search for a root does"
            then = "is the derivative of what it finds"
        elif not law(self.judged, self.claim).mid.any():
            why, then = (
                "its forward is flat at these numbers",
                "stands for another function's (a straight-through estimate)",
            )
        elif "overlay" in functions:
            why, then = "its forward writes into the memory of what it is given", "gives Δ to what stood there before, on purpose"
        elif functions <= HANDING_ON:
            why, then = "its forward hands on what it is given", "is to turn or to scale the gradient"
        else:
            return ""
        return f'{why}: if its backward {then}, intended=("{custom}",) says so'

    @property
    def whose(self) -> str:
        """In words: how it may be meant; or that it is the framework's own function, where nothing of theirs stands between."""
        if self.meant:
            return self.meant
        for step in self.steps:
            if isinstance(step.op, Call) and step.op.function in PROMISED and not self.backward:
                return PROMISED[step.op.function]
        ours = any(place.custom or place.backward for place in self.places)
        if ours or not self.framework or not self.places or not all(isinstance(step.op, Call) for step in self.steps):
            return ""
        plural = "functions" if len({place.function for place in self.places}) > 1 else "function"
        again = ", a checkpoint that computed something else" if self.framework == "torch" and self.backward else ""
        unseen = f"or something changed its numbers unseen (.data, NumPy{again})"
        return f"{self.framework}'s own {plural}, which your code calls: a fault of {self.framework}'s, {unseen}"

    @property
    def module(self) -> str:
        """The path of the module."""
        return next((place.module for place in self.places if place.module), "")

    @property
    def line(self) -> str:
        """FILE:LINE; of a custom backward, where it is defined."""
        if self.backward and (custom := next((place.backward for place in self.places if place.backward), "")):
            return custom
        return next((place.line for place in self.places if place.line), "")

    @property
    def about(self) -> str:
        """Which quantity it is: "Δ of its input encoder.norm1:native_layer_norm"."""
        writer = self.judged.covered.program.writers.get(self.path)
        made = self.path if writer is None else writer.name
        if self.claim.statement == "gradient":
            return f"the gradient of {self.path}"
        if self.backward:
            return f"Δ (−∂E) of its input, the result of {made}" if writer is not None else f"Δ (−∂E) of its input {made}"
        if self.claim.statement in ("update", "state"):
            return self.claim.path
        return "its result"

    @cached_property
    def formula(self) -> tuple[str, str] | None:
        """The law of the element that is farthest off, in symbols and in numbers."""
        return formula(self.judged, self.claim, self.finding.worst)

    @cached_property
    def cause(self) -> str:
        """Which slip gives just these numbers, in words; "" where none is known that does."""
        try:
            found = "" if self.searches else cause(self.judged, self.claim)  # slips in so long a formula take minutes to look for
        except Exception:  # noqa: BLE001 — words about a mistake decide nothing
            found = ""
        return "; of the others: ".join(filter(None, (self.finding.note, found)))

    @cached_property
    def carried(self) -> tuple[list[str], int]:
        """What is made of the wrong number: gradients of parameters, by name, and how many other values."""
        program = self.judged.recording.program
        if self.claim.statement in ("gradient", "update", "state"):
            return [], 0
        reached, found = {self.path}, [self.path]
        if not self.backward:
            for step in program.steps:
                if reached & set(step.reads):
                    reached.add(step.writes)
            return [], len(reached) - 1
        for path in found:
            writer = program.writers.get(path)
            new = [one for one in (writer.reads if writer is not None else ()) if one not in reached]
            reached.update(new)
            found += new
        return [path for path in found if program.values[path].parameter and path != self.path], 0

    @property
    def kind(self) -> tuple[str, str]:
        """What is folded together: the same culprit, in the same way."""
        return self.culprit, self.claim.statement if not self.backward else "backward"

    @cached_property
    def opinion(self) -> Opinion | None:
        """What the forward pass alone says about the element that is farthest off."""
        finding = self.finding
        if not self.backward or not np.isfinite(finding.recorded):
            return None
        program = self.judged.covered.program
        try:
            return opinion(
                program,
                self.claim,
                self.judged.values,
                finding.worst,
                finding.expected,
                finding.recorded,
                self.judged.laws,
                voices(self.framework),
            )
        except Exception:  # noqa: BLE001 — an arithmetic that a law does not speak in has no opinion
            return None

    @property
    def asked(self) -> str:
        """Who was asked besides the complex step, in words: of another framework than the code's own, where one has a value."""
        others = [one for one in voices(self.framework) if one.source != self.framework]
        missing = [one.source for one in others if not one.installed]
        second = self.opinion.second if self.opinion is not None else ""
        if second and second != self.framework:
            return f"{second} was asked, too"
        why = f"{' and '.join(missing)} is not installed" if missing else "no other has a value"
        if second:
            return f"{second} was asked, too, which is the code's own framework: {why}"
        return f"no framework was asked: {why}"


def wrongs(step: WatchedStep) -> list[Wrong]:
    """What left the proof in a step, and was not meant to."""
    return [Wrong(*found, step.framework) for found in step.refuted]

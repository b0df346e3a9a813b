"""A judged recording with other gradients of its inputs and parameters, which alone are judged anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import format_of
from bpcompare.own import shares
from bpcompare.own.judged import Judged
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import judge
from bpcompare.proof.finding import Finding
from bpcompare.proof.values import StepValues


class Exchanged:
    """One judged recording, whose gradients are exchanged as often as is asked.

    No law reads the gradient of an input or of a parameter. So all other findings stay as they are, and so does what laws make of
    the numbers: it is worked out once.
    """

    def __init__(self, one: Judged) -> None:
        self._one = one
        self._balls = Balls(one.values, format_of("float64"), exact=True)

    @property
    def gradients(self) -> Mapping[str, Array]:
        """The recorded ones, by the name of the input or parameter."""
        claims = [claim for claim, _ in self._one.findings if claim.statement == "gradient"]
        return {claim.subject: self._one.values.recorded[claim.path] for claim in claims}

    def judged(self, gradients: Mapping[str, Array]) -> Judged:
        """With these gradients, by name; those of others stay. They have the shape and the format of those that were recorded."""
        one = self._one
        claims = {number: claim for number, (claim, _) in enumerate(one.findings) if claim.statement == "gradient"}
        paths = {claim.path: gradients[claim.subject] for claim in claims.values() if claim.subject in gradients}
        recording = replace(one.recording, recorded=_Beside(one.recording.recorded, paths))
        balls = self._balls.with_recorded(StepValues(recording.given, recording.recorded), paths)
        found: dict[int, Finding] = {number: finding for number, (_, finding) in enumerate(one.findings)}
        zeros: dict[str, float] = {}
        with np.errstate(all="ignore"):
            for number, claim in claims.items():
                if claim.path in paths:
                    found[number] = judge(claim, balls, one.laws, "", zeros)
                    if found[number].terms:
                        zeros[claim.path] = found[number].terms
            if any(finding.outcome == "convention" for finding in found.values()):
                found |= shares.together([claim for claim, _ in one.findings], found, balls, one.laws)
        pairs = tuple((claim, found[number]) for number, (claim, _) in enumerate(one.findings))
        return replace(one, covered=replace(one.covered, recording=recording), findings=pairs)


class _Beside(Mapping[str, Array]):
    """Arrays by path, some of them others than before."""

    def __init__(self, before: Mapping[str, Array], others: Mapping[str, Array]) -> None:
        self._before, self._others = before, others

    def __getitem__(self, path: str) -> Array:
        return self._others[path] if path in self._others else self._before[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._before)

    def __len__(self) -> int:
        return len(self._before)

"""A watched step without its numbers: its programs, a mark of every array, and what was proved of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bpcompare.own.change.mark import Mark, mark
from bpcompare.own.judged import Judged
from bpcompare.own.step import WatchedStep, harmless
from bpcompare.own.verdict import Verdict
from bpcompare.program import Place, Program

HELD = ("holds", "convention")


@dataclass(frozen=True, eq=False)
class Part:
    """One program that ran. `given` and `recorded` are marks by path; `unproved` are recorded paths that no claim holds of."""

    title: str
    program: Program
    places: Mapping[str, Place]
    given: Mapping[str, Mark]
    recorded: Mapping[str, Mark]
    unproved: frozenset[str] = frozenset()

    def place(self, step: str) -> Place:
        """Where a step stands."""
        return self.places.get(step, Place("", step))


@dataclass(frozen=True, eq=False)
class Outline:
    """Of one run. `parameters`: why each has no gradient, "" where it has one. `facts`: framework, version, device."""

    title: str
    verdict: Verdict
    facts: Mapping[str, str]
    parameters: Mapping[str, str]
    parts: tuple[Part, ...]

    @property
    def made_by(self) -> str:
        """The framework and its version."""
        return f"{self.facts.get('framework', '')} {self.facts.get('version', '')}".strip()


def outline(step: WatchedStep) -> Outline:
    """What is kept of a step."""
    parts = tuple(_part(one, {id(finding) for _, _, finding in step.deviations}) for one in step.judged)
    return Outline(step.title, step.verdict, dict(step.watched.facts), dict(step.watched.parameters), parts)


def _part(one: Judged, meant: set[int]) -> Part:
    recording = one.recording
    recorded = {path: mark(recording.recorded[path]) for path in recording.recorded}
    given = {path: mark(recording.given[path]) for path in recording.given}
    proved = set(_proved(one, meant))
    return Part(recording.title, recording.program, recording.places, given, recorded, frozenset(recorded.keys() - proved))


def _proved(one: Judged, meant: set[int]) -> Iterator[str]:
    for claim, finding in one.findings:
        if id(finding) not in meant and (finding.outcome in HELD or harmless(claim, finding)):
            yield claim.path

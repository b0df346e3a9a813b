"""The laws of then, on the numbers of now: whether what another call gives is what the old one would have given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bpcompare.own.change.mapping import Mapped
from bpcompare.own.judged import Judged, judged
from bpcompare.own.step import harmless
from bpcompare.program import Program, Recording, Step, Update, Value


@dataclass(frozen=True, eq=False)
class Crossed:
    """The findings; and whether they are about everything: all calls and updates of then, each decided."""

    judged: Judged
    whole: bool


def crossed(mapped: Mapped, now: Recording) -> Crossed:
    """The program of then, judged on numbers of now.

    A value that is not there now is open, and the old laws go through it. A step that reads what is not there at all is left
    out; what it gives is taken as it is, and so is Δ of what it reads.
    """
    then, numbers = mapped.then.program, _Numbers(mapped, now)
    written = {step.writes for step in then.steps}
    values = {path: numbers.value(value) for path, value in then.values.items() if path not in written}
    steps: list[Step] = []
    for step in then.steps:
        there = all(values.get(path) is not None for path in step.reads)
        moved = numbers.step(step) if there else None
        values[step.writes] = numbers.value(then.values[step.writes], lost=moved is None)
        steps += [moved] if moved is not None else []
    kept = {path: one for path in then.values if (one := values.get(path)) is not None}
    kept = _trusted(kept, then, {step.name for step in steps})
    updates = tuple(one for one in then.updates if numbers.update(one.parameter, one.claimed))
    program = Program(kept, tuple(steps), updates, then.end, then.addends)
    found = judged(Recording(mapped.then.title, program, numbers.given, numbers.recorded, mapped.then.places))
    whole = len(steps) == len(then.steps) and len(updates) == len(then.updates) and not found.failed
    undecided = any(finding.outcome == "undecided" and not harmless(claim, finding) for claim, finding in found.findings)
    return Crossed(found, whole and not undecided and bool(found.findings))


def _trusted(values: dict[str, Value], then: Program, kept: set[str]) -> dict[str, Value]:
    """The values; of whose Δ a part comes from a step that was left out, nothing is claimed."""
    whole = Program({path: values.get(path, replace(one, delta=None)) for path, one in then.values.items()}, *_rest(then))
    return {
        path: replace(value, trusted=True)
        if value.delta is not None and any(step.name not in kept for step in whole.behind(path))
        else value
        for path, value in values.items()
    }


def _rest(then: Program) -> tuple[tuple[Step, ...], tuple[Update, ...], str, tuple[str, ...]]:
    return then.steps, then.updates, then.end, then.addends


class _Numbers:
    """Numbers of now by the paths of then."""

    def __init__(self, mapped: Mapped, now: Recording) -> None:
        self.mapped, self.now = mapped, now
        self.given: dict[str, Any] = {}
        self.recorded: dict[str, Any] = {}
        for old, new in mapped.given.items():
            if new in now.given:
                self.given[old] = now.given[new]
        self._pairs: Mapping[str, str] = dict(mapped.recorded())

    def value(self, value: Value, *, lost: bool = False) -> Value | None:
        """A value with its numbers of now; open where there are none; None for what is given and not there."""
        new = self.mapped.values.get(value.path)
        there = self.now.program.values.get(new) if new is not None else None
        delta = value.delta if value.delta is not None and self._record(value.delta) else None
        if value.given or lost:
            if value.path not in self.given and not self._give(value.path, new):
                return None
            return replace(value, given=True, open=False, delta=delta, dtype=there.dtype if there is not None else value.dtype)
        closed = there is not None and not there.open and (self._record(value.path) or self._known(value.path, there))
        return replace(value, open=not closed, delta=delta, dtype=there.dtype if there is not None else value.dtype)

    def step(self, step: Step) -> Step | None:
        """A step, if all of its constants are there now."""
        if any(path not in self.given for path in step.constants.values()):
            return None
        state = {name: path for name, path in step.state.items() if self._record(path)}
        return replace(step, state=state)

    def update(self, parameter: str, writes: tuple[str, ...]) -> bool:
        """Whether all numbers of an update are there."""
        return parameter in self.given and all(self._record(path) for path in writes)

    def _give(self, path: str, new: str | None) -> bool:
        """A value that was given, and is made by a call now."""
        if new is None or new not in self.now.recorded:
            return False
        self.given[path] = self.now.recorded[new]
        return True

    def _known(self, path: str, there: Value) -> bool:
        """A value that was made by a call, and is given now."""
        if not there.given or there.path not in self.now.given:
            return False
        self.recorded[path] = self.now.given[there.path]
        return True

    def _record(self, path: str) -> bool:
        new = self._pairs.get(path)
        if new is None or new not in self.now.recorded:
            return False
        self.recorded[path] = self.now.recorded[new]
        return True

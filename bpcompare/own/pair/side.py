"""One backward pass of one program, as it is held against another: its numbers, and how far rounding may have moved them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.judged import Judged
from bpcompare.own.pair.prints import Print, distance, print_of
from bpcompare.own.step import WatchedStep
from bpcompare.program import Place, Program, Step

UNCLAIMED = 64
"""Roundings that a step is taken for of which nothing is claimed."""
BLUNT = 4096
"""Roundings beyond which a single claim counts no further: it is blunt somewhere, not everywhere."""


@dataclass(frozen=True)
class Spot:
    """A place in one of the two programs: module, function, "FILE:LINE"; the path and the shape of the value it makes."""

    module: str
    function: str
    line: str
    path: str
    shape: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f"{self.module}: " if self.module else ""
        return f"{where}{self.function}{f' ({self.line})' if self.line else ''}"


class Side:
    """One backward pass. Arrays are in float64 here, whatever they were computed in."""

    def __init__(self, judged: Judged, step: WatchedStep) -> None:
        self.judged = judged
        self.watched = step.watched
        several = sum(bool(one.recording.program.addends) for one in step.judged) > 1
        self.unwatched = {} if several else step.watched.unwatched
        self.program: Program = judged.recording.program
        self.findings = {claim.path: finding for claim, finding in judged.findings}
        self._prints: dict[str, Print] = {}

    def number(self, path: str) -> Array | None:
        """What a value holds; None where nobody recorded it."""
        value = self.program.values[path]
        found = self.judged.recording.given if value.given else self.judged.recording.recorded
        return _floats(found[path]) if path in found and not value.open else None

    def delta(self, path: str) -> Array | None:
        """Δ of a value (−∂E); None where nobody recorded it."""
        value = self.program.values[path]
        recorded = self.judged.recording.recorded
        if value.delta is None or value.delta not in recorded:
            return None
        found = _floats(recorded[value.delta])
        return None if found is None else -found if value.parameter else found

    def gradient(self, name: str) -> Array:
        """The gradient of a parameter (+∂E): of the run that nobody watched, where that gave another one.

        NaN where there is none.
        """
        if name in self.unwatched:
            return _row(self.unwatched[name], self.parameters[name])
        if name in self.unread:
            return _row(self.judged.recording.recorded[f"{name}.gradient"], self.parameters[name])
        delta = self.delta(name)
        return np.full_like(self.parameters[name], np.nan) if delta is None else -delta

    def print(self, path: str, *, delta: bool = False) -> Print | None:
        """The fingerprint of a value, or of its Δ; None where nobody recorded it."""
        key = f"{path}\0Δ" if delta else path
        if key not in self._prints:
            x = self.delta(path) if delta else self.number(path)
            if x is None:
                return None
            self._prints[key] = print_of(x)
        return self._prints[key]

    @cached_property
    def parameters(self) -> dict[str, Array]:
        """Every parameter, by its name; also those that nothing reads, and whose gradient is recorded nevertheless."""
        found = {path: self.number(path) for path, value in self.program.values.items() if value.parameter and value.delta}
        found |= {name: _floats(self.judged.recording.given[name]) for name in self.unread}
        return {path: x for path, x in found.items() if x is not None}

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Parameters that E does not depend on, as far as autograd goes."""
        one = self.judged.recording
        names = [name for name in self.watched.parameters if name not in self.program.values]
        return tuple(name for name in names if name in one.given and f"{name}.gradient" in one.recorded)

    @cached_property
    def loss(self) -> float:
        """E: every root, times the gradient that the way back began with; of the run that nobody watched, if that is another."""
        if "" in self.unwatched:
            return float(np.sum(np.asarray(self.unwatched[""], np.float64)))
        total = 0.0
        for step in self.program.steps:
            if step.writes in self.program.addends:
                parts = [self.number(path) for path in step.reads]
                if any(part is None for part in parts):
                    return float("nan")
                total += float(np.prod([np.sum(part) for part in parts if part is not None]))
        return total

    @property
    def roots(self) -> tuple[str, ...]:
        """The values that E is made of."""
        return tuple(step.reads[0] for step in self.program.steps if step.writes in self.program.addends)

    @cached_property
    def slack(self) -> dict[str, float]:
        """By value: how far rounding may have moved it, relative to its size: what each step on the way allows, added up."""
        found: dict[str, float] = dict.fromkeys(self.program.values, 0.0)
        for step in self.program.steps:
            before = max((found[path] for path in step.reads), default=0.0)
            found[step.writes] = before + self._allowed(step.writes, step.writes)
        return found

    @cached_property
    def slack_back(self) -> dict[str, float]:
        """The same of every Δ, which rests on what the steps behind it read, and on their Δ."""
        found: dict[str, float] = {}
        readers = self.program.readers
        for path in (*reversed([step.writes for step in self.program.steps]), *self.program.values):
            if path in found:
                continue
            behind = [found.get(step.writes, 0.0) for step, _ in readers[path]]
            read = [self.slack[one] for step, _ in readers[path] for one in step.reads]
            value = self.program.values[path]
            found[path] = max((*behind, *read), default=0.0) + self._allowed(value.delta or "", path)
        return found

    def _allowed(self, claim: str, path: str) -> float:
        u = UNITS.get(self.program.values[path].dtype, UNITS["float64"])
        finding = self.findings.get(claim)
        if finding is None or not isfinite(finding.power) or finding.power <= 0:
            return UNCLAIMED * u
        return min(finding.power, BLUNT * u)

    def terms(self, path: str) -> float:
        """Of a Δ that is 0 up to rounding, the size of the terms that cancel; else 0."""
        value = self.program.values.get(path)
        finding = self.findings.get(value.delta or "") if value is not None else None
        return finding.terms if finding is not None else 0.0

    def reads(self, x: Array) -> bool:
        """Whether the same numbers, and not all of them alike, are given to it as data."""
        like = print_of(x)
        given = (path for path, value in self.program.values.items() if value.given and not value.parameter)
        found = (self.print(path) for path in given)
        return like.count > 1 and not like.mute and any(one is not None and distance(like, one) == 0 for one in found)

    def place(self, step: Step) -> Place:
        """Where a step stands; inside of a function of the framework's own, where that was called."""
        places = self.judged.recording.places
        here = places.get(step.name, Place("", step.name))
        custom, at = here.custom, step
        for _ in range(len(self.program.steps)):
            if here.line or not custom:
                break
            after = self.program.readers.get(at.writes, ())
            if not after:
                break
            at = after[0][0]
            here = places.get(at.name, here)
        return here

    def spot(self, step: Step) -> Spot:
        """The same, for people."""
        place = self.place(step)
        x = self.print(step.writes)
        number = self.number(step.writes) if x is not None else None
        shape = () if number is None else tuple(number.shape)
        return Spot(place.module, place.custom or place.function, place.line, step.writes, shape)

    def parameter_of(self, path: str) -> str:
        """The parameter that a value is, or is only moved from; "" for other values."""
        while path in self.program.writers:
            writer = self.program.writers[path]
            x, y = self.print(path), self.print(writer.reads[0]) if len(writer.reads) == 1 else None
            if x is None or y is None or x.count != y.count:
                return ""
            path = writer.reads[0]
        return path if self.program.values[path].parameter else ""

    def steps(self) -> Iterator[Step]:
        """Every step but those that only add up E."""
        for step in self.program.steps:
            if step.writes not in self.program.addends and step.writes != self.program.end:
                yield step


def _row(x: Any, like: Array) -> Array:
    found = _floats(x)
    return np.full_like(like, np.nan) if found is None or found.shape != like.shape else found


def _floats(x: Any) -> Array | None:
    found = np.asarray(x)
    return None if found.dtype.kind == "c" else found.astype(np.float64)

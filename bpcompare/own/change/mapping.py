"""Which value of one run is which of another: by the calls that write and read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bpcompare.ops.call import Fixed, Read
from bpcompare.own.change.outline import Part
from bpcompare.own.change.pairing import COPIES, Match, function_of, matches
from bpcompare.program import Step


@dataclass(frozen=True, eq=False)
class Mapped:
    """Two programs, their steps in pairs, and the values of the one by those of the other.

    `values`: paths of values, then by now. `given`: paths of what is given, constants among them. `renamed`: of these,
    parameters that have another name. `rewired`: by step now, values that it reads in the place of others, (then, now).
    """

    then: Part
    now: Part
    matches: tuple[Match, ...]
    values: Mapping[str, str]
    given: Mapping[str, str]
    renamed: Mapping[str, str]
    rewired: Mapping[str, tuple[tuple[str, str], ...]]

    def named(self, parameter: str) -> str:
        """What a parameter is called now."""
        return self.renamed.get(parameter, parameter)

    def recorded(self) -> Iterator[tuple[str, str]]:
        """Paths of recorded numbers, then and now, in the order of time: values, their Δ and gradients, state, updates."""
        order = {path: number for number, path in enumerate(self.then.program.values)}
        pairs = sorted(self.values.items(), key=lambda pair: order.get(pair[0], 0))
        yield from pairs
        for old, new in reversed(pairs):
            a, b = self.then.program.values.get(old), self.now.program.values.get(new)
            if a is not None and b is not None and a.delta is not None and b.delta is not None:
                yield a.delta, b.delta
        for match in self.matches:
            if match.alone:
                a_state, b_state = match.then[0].state, match.now[0].state
                yield from ((a_state[name], b_state[name]) for name in a_state.keys() & b_state.keys())
        now = {update.parameter: update for update in self.now.program.updates}
        for before in self.then.program.updates:
            after = now.get(self.named(before.parameter))
            if after is not None:
                yield before.writes, after.writes
                yield from ((before.slots[name], after.slots[name]) for name in before.slots if name in after.slots)
                yield from ((before.stages[name], after.stages[name]) for name in before.stages if name in after.stages)


def mapped(then: Part, now: Part, renamed: Mapping[str, str] | None = None) -> Mapped:
    """Which value is which. `renamed`: parameters of which another part has shown their new names."""
    return _Mapping(then, now, dict(renamed or {})).result()


class _Mapping:
    def __init__(self, then: Part, now: Part, renamed: dict[str, str]) -> None:
        self.then, self.now, self.renamed = then, now, renamed
        self.matches = matches(then, now)
        self.values: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.rewired: dict[str, list[tuple[str, str]]] = {}
        self._before, self._after = _sources(then), _sources(now)
        unmatched = [match for match in self.matches if not match.alone]
        self._gone = {step.writes for match in unmatched for step in match.then}
        self._new = {step.writes for match in unmatched for step in match.now}
        self._taken: set[str] = set()

    def result(self) -> Mapped:
        for match in self.matches:
            if match.then and match.now:
                for old, new in zip(match.then, match.now, strict=True) if match.alone else ():
                    self._reads(old, new)
                self._is(match.then[-1].writes, match.now[-1].writes)
                self._gone.discard(match.then[-1].writes)
                self._new.discard(match.now[-1].writes)
        for path in (*self.then.program.values, *self.then.given):
            there = self.renamed.get(path, path)
            if path not in self.values and path not in self.given and self._parameter(path) and there in self.now.given:
                self._give(path, there)
        self._updates()
        if self.then.program.end in self.then.program.values:
            self._is(self.then.program.end, self.now.program.end)
        rewired = {name: tuple(pairs) for name, pairs in self.rewired.items()}
        return Mapped(self.then, self.now, self.matches, self.values, self.given, self.renamed, rewired)

    def _updates(self) -> None:
        """What an optimizer is given: state before, gradients, the number of the step; by the parameter's name and its own."""
        for update in self.then.program.updates:
            old, new = update.parameter, self.renamed.get(update.parameter, update.parameter)
            for path in self.then.given:
                if path == old or path.startswith(f"{old}."):
                    there = new + path[len(old) :]
                    if path not in self.given and there in self.now.given:
                        self.given[path] = there

    def _reads(self, old: Step, new: Step) -> None:
        before, after = _arguments(old), _arguments(new)
        for place in before.keys() & after.keys() if before.keys() != after.keys() else before:
            a, b = before[place], after[place]
            if a[0] == b[0] == "fixed":
                self.given.setdefault(a[1], b[1])
            elif a[0] == b[0]:
                self._read(self._before(a[1]), self._after(b[1]), new.name)
        for name in old.constants.keys() & new.constants.keys():
            self.given.setdefault(old.constants[name], new.constants[name])

    def _read(self, old: str, new: str, reader: str) -> None:
        if self.values.get(old) == new or old in self._gone or new in self._new:
            return  # it is the same; or it is told of the call that is gone or new
        if old in self.values or new in self._taken or not self._fits(old, new):
            self.rewired.setdefault(reader, []).append((old, new))
        else:
            self._give(old, new)

    def _fits(self, old: str, new: str) -> bool:
        """Whether what is given can be the same thing: a parameter of the same name, or one that came for one that went."""
        if old not in self.then.given or new not in self.now.given or self._parameter(old) != self._parameter(new, now=True):
            return False
        if not self._parameter(old) or self.renamed.get(old, old) == new:
            return True
        if old in self.now.program.values or new in self.then.program.values or old in self.renamed:
            return False
        self.renamed[old] = new
        return True

    def _parameter(self, path: str, *, now: bool = False) -> bool:
        value = (self.now if now else self.then).program.values.get(path)
        return value is not None and value.parameter

    def _is(self, old: str, new: str) -> None:
        self.values[old] = new
        self._taken.add(new)

    def _give(self, old: str, new: str) -> None:
        self._is(old, new)
        self.given[old] = new


def _sources(part: Part) -> Any:
    """From a value to what it is a copy of."""
    origin = {step.writes: step.reads[0] for step in part.program.steps if function_of(step) in COPIES and step.reads}

    def source(path: str) -> str:
        while path in origin:
            path = origin[path]
        return path

    return source


def _arguments(step: Step) -> dict[str, tuple[str, str]]:
    """Every array that a step reads, by its place among the arguments: what kind it is of, and its path."""
    found: dict[str, tuple[str, str]] = {}

    def enter(place: str, value: Any) -> None:
        if isinstance(value, Read):
            found[place] = ("read", step.reads[value.slot])
        elif isinstance(value, Fixed):
            found[place] = ("fixed", step.constants[value.name])
        elif isinstance(value, (tuple, list)):
            for number, one in enumerate(value):
                enter(f"{place}.{number}", one)

    for name, value in step.op.passed.items():
        enter(name, value)
    return found

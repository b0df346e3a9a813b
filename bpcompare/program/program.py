"""Steps over values: what one run computes, and which numbers of it are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bpcompare.ops.op import Op, UpdateOp


@dataclass(frozen=True, slots=True)
class Value:
    """One quantity of the run, under the path of its number.

    `open`: its number was not recorded, and is worked out by the step that writes it. `delta` is the path of its recorded Δ;
    without one its Δ is open, too, and is worked out from the steps that read it. `given` values stand fixed before the step:
    data, parameters, state. The recorded gradient of a `parameter` has the frameworks' sign, +∂E. `owner` is the layer or
    parameter that it belongs to. `dtype` is its own format, where the values of a program have several. `trusted`: its Δ was
    recorded, and others rest on it, but nothing is claimed of it, for a step that reads it has no law.
    """

    path: str
    owner: str
    given: bool = False
    open: bool = False
    delta: str | None = None
    parameter: bool = False
    dtype: str = ""
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One op: `writes` the value op(`reads`), with `parameters` by role, and `constants` (draws, and state before it) by name.

    `name` is the owner of its law. `starts` are where each read begins along their joined first axis. `state` are the paths
    of what it leaves for the next run of it, by name.
    """

    name: str
    op: Op
    reads: tuple[str, ...]
    writes: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    starts: tuple[int, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Every path that it reads."""
        return (*self.reads, *self.parameters.values(), *self.constants.values())


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of a parameter: by the rule `op`, from its gradient and its `slots` (paths by name); kept where op is None.

    `t` is the path of the update's number. `dtype` is the format of its arithmetic, `formats` those of slots and stages that have
    another. `counts` are slots that the step reads as they are after it. `stages` are what was recorded of the way to it, in
    the order in which each is made of those before it, by the rule `way`.
    """

    parameter: str
    op: UpdateOp | None
    writes: str
    gradient: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    t: str = "t"
    dtype: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    way: UpdateOp | None = None

    @property
    def claimed(self) -> tuple[str, ...]:
        """The paths of all that is recorded of it: slots, stages, and the parameter after the step."""
        return (*self.slots.values(), *self.stages.values(), self.writes)


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in an order in which each reads what was given or written before. `end` is the path of the scalar E.

    `addends` are what E is the sum of, the error first; E itself, where nothing is added to it. The laws that give them say −∂E
    themselves: there the way back begins.
    """

    values: Mapping[str, Value]
    steps: tuple[Step, ...]
    updates: tuple[Update, ...]
    end: str
    addends: tuple[str, ...]

    def is_open(self, path: str) -> bool:
        """Whether the number at `path` was not recorded, and is worked out. What is no value (draws, state) is given."""
        return path in self.values and self.values[path].open

    @cached_property
    def writers(self) -> Mapping[str, Step]:
        """The step that writes a value, by its path."""
        return {step.writes: step for step in self.steps}

    @cached_property
    def by_delta(self) -> Mapping[str, Value]:
        """The value whose Δ, or gradient, is recorded at a path."""
        return {value.delta: value for value in self.values.values() if value.delta is not None}

    @cached_property
    def readers(self) -> Mapping[str, tuple[tuple[Step, int | str], ...]]:
        """For every path: the steps that read it, each with the source's slot or the parameter's role; the error first."""
        found: dict[str, list[tuple[Step, int | str]]] = {path: [] for path in self.values}
        for step in sorted(self.steps, key=lambda step: step.writes != self.addends[0]):
            for slot, path in enumerate(step.reads):
                found[path].append((step, slot))
            for role, path in step.parameters.items():
                found[path].append((step, role))
        return {path: tuple(pairs) for path, pairs in found.items()}

    def behind(self, path: str) -> Iterator[Step]:
        """The steps that Δ of a value comes from, nearest first: its readers, and on through values whose Δ is open."""
        seen: dict[str, Step] = {}
        waiting = [step for step, _ in self.readers[path]]
        for step in waiting:
            if step.name in seen:
                continue
            seen[step.name] = step
            if step.writes not in self.addends and self.values[step.writes].delta is None:
                waiting += [reader for reader, _ in self.readers[step.writes]]
        yield from seen.values()

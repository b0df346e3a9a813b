"""One rank: its step, and in it each gradient as it was accumulated there, and as it was when others had had a part in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call
from bpcompare.own.coverage import REDUCED, TOGETHER
from bpcompare.own.step import WatchedStep
from bpcompare.program import Recording, Step, Update


@dataclass(frozen=True, eq=False)
class Reduction:
    """A parameter's gradient on one rank. `used`: something arrived there; `shared`: somebody wrote into it afterwards."""

    recording: Recording
    step: Step
    op: Call

    @property
    def local(self) -> Array:
        """What was accumulated on this rank; 0 where nothing arrived."""
        found: Array = self.recording.given[self.step.reads[0]]
        return found

    @property
    def left(self) -> Array:
        """What stood in `.grad` when backward was over."""
        found: Array = self.recording.recorded[self.step.writes]
        return found

    @property
    def parameter(self) -> str:
        """The parameter's name."""
        return str(self.op.arguments["parameter"])

    @property
    def used(self) -> bool:
        """Whether a gradient arrived on this rank."""
        return bool(self.op.arguments["used"])

    @property
    def shared(self) -> bool:
        """Whether others had a part in it."""
        return self.op.function == REDUCED

    @property
    def hook(self) -> str:
        """The communication hook in between, "" for none."""
        return str(self.op.arguments["hook"])

    @property
    def dtype(self) -> str:
        """Its format."""
        return self.recording.program.values[self.step.writes].dtype


@dataclass(frozen=True, eq=False)
class Rank:
    """One rank's step."""

    number: int
    step: WatchedStep

    @cached_property
    def reductions(self) -> Mapping[str, Reduction]:
        """By the name of the parameter, "name (2)" for its second backward pass. Those before the last, if they are shared."""
        found = [Reduction(one, step, step.op) for one, step in self._steps() if isinstance(step.op, Call) and _is_one(step.op)]
        last = {one.parameter: one for one in found}
        return {one.step.name: one for one in found if one.shared or one is last[one.parameter]}

    @cached_property
    def parameters(self) -> Mapping[str, Array]:
        """The parameters that its forward read, as they were."""
        return {
            value.path: one.given[value.path]
            for one in self.step.watched.recordings
            for value in one.program.values.values()
            if value.given and value.parameter and value.path in one.given
        }

    @cached_property
    def updates(self) -> Mapping[str, tuple[Recording, Update]]:
        """The parameters that an optimizer moved by their gradients: the last time."""
        return {update.parameter: (one, update) for one, update in self._updates()}

    @property
    def moves(self) -> Counter[str]:
        """How often an optimizer moved each parameter."""
        return Counter(update.parameter for _, update in self._updates())

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """Functions by which it spoke with other ranks itself."""
        found = {getattr(step.op, "function", "") for _, step in self._steps()}
        return tuple(sorted(name for name in found if name.startswith(TOGETHER)))

    def _updates(self) -> Iterator[tuple[Recording, Update]]:
        for one in self.step.watched.recordings:
            yield from ((one, update) for update in one.program.updates if update.op is not None)

    def _steps(self) -> Iterator[tuple[Recording, Step]]:
        for one in self.step.watched.recordings:
            for step in one.program.steps:
                yield one, step


def _is_one(op: Call) -> bool:
    return {"parameter", "used", "hook"} <= op.arguments.keys()

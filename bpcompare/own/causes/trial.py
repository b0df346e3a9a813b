"""A wrong gradient, and what it would be if some steps of the forward were taken back in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare.laws import Law, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import closed
from bpcompare.ops.call import Call
from bpcompare.own.judged import Judged
from bpcompare.program import Program, Step
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import Question
from bpcompare.proof.values import StepValues
from bpcompare.proof.walk import Walk

Edit = Callable[[Any, Any], Any]
"""From a law, and where it is asked, to another Δ."""
Lookup = Callable[[str], Any]
Other = tuple[str, Callable[[], Any]]
"""A slip in words, and the gradient that it gives."""
OPERANDS = frozenset({"self", "other", "exponent"})
"""Arguments that may be numbers, and are no axes and no switches where they are whole ones."""
ORDINALS = ("first", "second", "third", "fourth", "fifth")


class Trial:
    """One claim about a gradient, evaluated with other laws, other numbers, or another Δ between.

    All its gradients have the sign of the claim's: +∂E of an input or a parameter, and −∂E where a Δ between is claimed.
    """

    def __init__(self, one: Judged, claim: Claim) -> None:
        self.one, self.claim = one, claim
        self.plain = _Plain(one.values)
        self._claims: dict[str, Claim] = {}
        self._sign = 1.0 if claim.statement == "gradient" else -1.0
        self.program = one.covered.program
        self.steps = _concerned(self.program, claim)

    @cached_property
    def read(self) -> tuple[str, ...]:
        """What its steps read, each once."""
        return tuple(dict.fromkeys(path for step in self.steps for path in step.reads))

    @cached_property
    def right(self) -> Array:
        """The gradient as it must be, in float64."""
        return np.asarray(closed(self.claim.value(self.plain, self.one.laws)), np.float64)

    @cached_property
    def harmless(self) -> Mapping[str, Edit]:
        """Largest elements that are subtracted only so that nothing overflows: taken for constants, as most do, by no mistake."""
        picked = [step for step in self.steps if function(step) in ("amax", "max")]
        if not picked:
            return {}
        edits: dict[str, Edit] = {step.name: lambda _, at: np.zeros(np.shape(at.xs[at.slot])) for step in picked}
        without = np.asarray(closed(self.claim.value(self.plain, Edited(self.one.laws, edits))), np.float64)
        size = float(np.abs(self.right).max(initial=0.0))
        return edits if float(np.abs(without - self.right).max(initial=0.0)) <= 1e-12 * size else {}

    def gradient(self, edits: Mapping[str, Edit], get: Lookup | None = None) -> Array:
        """The gradient where these steps have another Δ. `get`: other numbers than the recorded ones."""
        return np.asarray(
            closed(self.claim.value(get or self.plain, Edited(self.one.laws, {**self.harmless, **edits}))), np.float64
        )

    def back(self, path: str, edits: Mapping[str, Edit]) -> Array:
        """The gradient by a value between."""
        found = Walk(self.program, self.plain, Edited(self.one.laws, {**self.harmless, **edits})).back(path)
        return -self._sign * np.asarray(closed(found), np.float64)

    def through(self, path: str, gradient: Array) -> Array:
        """The claim's gradient, if that of the value at `path` were `gradient`."""
        if path == self.source:
            return gradient
        name = f"{path}.delta"
        if path not in self._claims:
            values = {**self.program.values, path: replace(self.program.values[path], delta=name)}
            self._claims[path] = Question(replace(self.program, values=values)).by_path[self.claim.path]
        found = self._claims[path].value(
            lambda asked: -self._sign * gradient if asked == name else self.plain(asked), self.one.laws
        )
        return np.asarray(closed(found), np.float64)

    def recomputed(self, changed: Mapping[str, Step], after: Mapping[str, Callable[[Array], Array]] | None = None) -> Lookup:
        """The numbers of the forward with some steps changed, and with something done to what others give `after` that."""
        numbers: dict[str, Any] = {}

        def get(path: str) -> Any:
            return numbers[path] if path in numbers else self.plain(path)

        with np.errstate(all="ignore"):
            for step in self.steps:
                if self.program.values[step.writes].open:
                    continue
                step = changed.get(step.name, step)  # noqa: PLW2901
                y = np.asarray(closed(Walk(self.program, get, self.one.laws).forward(step)), np.float64)
                numbers[step.writes] = after[step.name](y) if after and step.name in after else y
        return get

    @cached_property
    def source(self) -> str:
        """The value whose gradient is claimed."""
        return next((path for path, value in self.program.values.items() if value.delta == self.claim.path), "")

    @cached_property
    def groups(self) -> tuple[tuple[Step, ...], ...]:
        """Steps that one call in the code made: those of a loop together. The last come first."""
        found: dict[Any, list[Step]] = {}
        for step in self.steps:
            place = self.one.recording.places.get(step.name)
            key: Any = step.name
            if place is not None and place.line:
                # A line may hold several calls of one function: they read other parameters, or other shapes.
                reads = tuple((path if self._parameter(path) else "", self.shape(path)) for path in step.reads)
                key = place.line, place.function, function(step), reads
            found.setdefault(key, []).append(step)
        return tuple(tuple(steps) for steps in reversed(found.values()))

    def _parameter(self, path: str) -> bool:
        return path in self.program.values and self.program.values[path].parameter

    def where(self, step: Step, *, line: bool = True) -> str:
        """A step by the name that the author's framework has for it, with its line."""
        place = self.one.recording.places.get(step.name)
        called = f"`{(place.function if place else step.name).lstrip('_')}`"
        return f"{called} ({place.line})" if line and place is not None and place.line else called

    @cached_property
    def numbered(self) -> tuple[str, ...]:
        """Values that its steps read, and that they write."""
        return tuple(dict.fromkeys((*self.read, *(step.writes for step in self.steps))))

    def named(self, path: str) -> str:
        """A value in words: the result of a step, the input that another function gave, or what is given by its name."""
        writer = self.program.writers.get(path)
        if writer is None:
            return f"`{path}`"
        return f"the {'result of' if writer in self.steps else 'input, from'} {self.where(writer)}"

    def line(self, step: Step) -> str:
        """FILE:LINE in brackets behind a space, or nothing."""
        place = self.one.recording.places.get(step.name)
        return f" ({place.line})" if place is not None and place.line else ""

    def shape(self, path: str) -> tuple[int, ...]:
        """The shape of a value; () for one that is not known."""
        values = self.one.values
        if path not in values.given and path not in values.recorded and self.program.is_open(path):
            return np.shape(self.number(path))
        return np.shape(values.given[path] if path in values.given else values.recorded.get(path, 0.0))

    def number(self, path: str) -> Array:
        """What a value is: given, recorded, or worked out from what was."""
        return np.asarray(closed(self._walk.number(path)), np.float64)

    @cached_property
    def _walk(self) -> Walk:
        return Walk(self.program, self.plain, self.one.laws)

    def numbers(self) -> Iterator[float]:
        """Floats that stand in the code: arguments, and scalars that are given."""
        for step in self.steps:
            named = (x for name, x in step.op.passed.items() if isinstance(x, float) or name in OPERANDS)
            yield from (float(x) for x in named if type(x) in (int, float) and np.isfinite(x) and x)
        for x in (self.one.values.given[path] for path in self.read if path in self.one.values.given):
            if np.size(x) == 1 and np.asarray(x).dtype.kind == "f":
                yield float(np.asarray(x).reshape(()))


def _concerned(program: Program, claim: Claim) -> tuple[Step, ...]:
    """The steps that a slip may stand at: those whose laws the claim uses, and what these read of which no Δ was recorded."""
    found = {name for name, _ in claim.owners} - {"backward"}
    waiting = list(found)
    steps = {step.name: step for step in program.steps}
    while waiting:
        for path in steps[waiting.pop()].reads:
            writer = program.writers.get(path)
            if writer is not None and program.values[path].delta is None and writer.name not in found:
                found.add(writer.name)
                waiting.append(writer.name)
    return tuple(step for step in program.steps if step.name in found - {"backward"})


def function(step: Step) -> str:
    """The law's name of what it calls."""
    return step.op.called


def arguments(step: Step) -> Mapping[str, Any]:
    """What it is called with."""
    return step.op.passed


def exactly(step: Step, **changed: Any) -> Step:
    """The step with other arguments."""
    return replace(step, op=replace(step.op, arguments={**step.op.arguments, **changed})) if isinstance(step.op, Call) else step


def right(law: Any, at: Any) -> Array:
    """Δ as it must be."""
    return np.asarray(closed(law.delta(at)), np.float64)


def result(law: Any, at: Any) -> Array:
    """What the step gives."""
    return np.asarray(closed(law.forward(at)), np.float64)


def only(slot: int, edit: Edit) -> Edit:
    """The edit for one operand; Δ of the others as it must be."""
    return lambda law, at: edit(law, at) if at.slot == slot else right(law, at)


def seen(at: Any) -> Array:
    """Δ of the result."""
    return np.asarray(closed(at.dy), np.float64)


def ordinal(number: int) -> str:
    """In words, counted from 0."""
    return ORDINALS[number] if number < len(ORDINALS) else f"{number + 1}th"


class _Plain:
    """Looks up a number that was given or recorded. It is always the same, so what laws make of it is `kept`."""

    def __init__(self, values: StepValues) -> None:
        self._values = values
        self.kept = _Kept()

    def __call__(self, path: str) -> Any:
        values = self._values
        x = values.given[path] if path in values.given else values.recorded[path]
        return x if isinstance(x, int) or x.dtype.kind != "f" else np.asarray(x, np.float64)


class _Kept(dict[str, Any]):
    """What laws have evaluated, of every step: many slips are tried on the same numbers."""

    most = 1_000


class Edited(Laws):
    """The right laws, but for Δ of some steps."""

    def __init__(self, laws: Laws, edits: Mapping[str, Edit]) -> None:
        super().__init__(laws.ops, laws.updates, laws.calls, laws.rules)
        self._laws, self._edits = laws, edits

    def of(self, owner: str, op: Any) -> Law:
        """The law of `op` at `owner`."""
        law = self._laws.of(owner, op)
        return _Otherwise(law, self._edits[owner]) if owner in self._edits else law


class _Otherwise:
    """A law with another Δ."""

    def __init__(self, law: Any, edit: Edit) -> None:
        self._law, self._edit = law, edit

    def delta(self, at: Any) -> Any:
        """Δ as the slip has it."""
        return self._edit(self._law, at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._law, name)


def all_of(steps: Sequence[Step], edit: Edit) -> dict[str, Edit]:
    """The same edit at several steps."""
    return {step.name: edit for step in steps}

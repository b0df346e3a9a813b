"""The proof as a list: every step of the induction for one program, with what it rests on and how to evaluate it.

Certificate, oracle, diagnosis and exact mode all read this one list. A claim names quantities of one step by path; whoever
evaluates it supplies a lookup from path to number, in the arithmetic of their choice.

Premises that a plan (or the step before) supplies: "x.a" of an input x, "target", "drop.mask", a parameter's id for its value
before the step, "….before" for state and slots before the step, "t" for the number of the update. All others are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bpcompare.laws import Laws, UpdateAt
from bpcompare.numbers.number import Num
from bpcompare.ops.op import Op, UpdateOp
from bpcompare.program import Program, Step, Update, Value
from bpcompare.proof.walk import Lookup, Walk

Statement = Literal["forward", "base", "inductive", "gradient", "update", "state"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One recorded quantity and the step of the proof it must satisfy.

    `subject` is the layer or parameter it belongs to, `owners` the laws it uses with their ops, `reads()` the paths it rests
    on, `value(lookup, laws)` what the laws make of them. `dtype` is the format it was computed in, "" for that of the whole run.
    """

    path: str
    statement: Statement
    subject: str
    owners: tuple[tuple[str, Op], ...]
    reads: Callable[[], tuple[str, ...]]
    value: Callable[[Lookup, Laws], Num]
    dtype: str = ""

    @property
    def premises(self) -> tuple[str, ...]:
        """The paths it rests on, each once. Listed when asked for: at a wide fork they are many."""
        return tuple(dict.fromkeys(self.reads()))


def claims(program: Program) -> tuple[Claim, ...]:
    """Every claim of `program`, each after those it rests on: forward, E, Δ in reverse order, gradients, updates.

    A claim exists for what was recorded only. The same list holds for every step of a run.
    """
    values = tuple(program.values.values())
    found = []
    for step in program.steps:
        found += [_forward(program, step)] if not program.values[step.writes].open else []
        found += [_state(program, step, name) for name in step.state]
    found += [_delta(program, value) for value in reversed(values) if _claimed(value) and not value.parameter]
    found += [_delta(program, value) for value in values if _claimed(value) and value.parameter]
    for update in program.updates:
        found += _update(update)
    return tuple(found)


def _forward(program: Program, step: Step) -> Claim:
    value = program.values[step.writes]

    def number(get: Lookup, laws: Laws) -> Num:
        return Walk(program, get, laws).forward(step)

    into = tuple(_into(program, step))
    return Claim(
        step.writes, "forward", value.owner, _owners(into), lambda: _needs(program, [step]), number, _written(program, into)
    )


def _state(program: Program, step: Step, name: str) -> Claim:
    owner = program.values[step.writes].owner

    def number(get: Lookup, laws: Laws) -> Num:
        return Walk(program, get, laws).state(step, name)

    into = tuple(_into(program, step))
    return Claim(
        step.state[name], "state", owner, _owners(into), lambda: _needs(program, [step]), number, _narrowest(program, into)
    )


def _claimed(value: Value) -> bool:
    return value.delta is not None and not value.trusted


def _delta(program: Program, value: Value) -> Claim:
    """Δ of a value, −∂E, recorded at a path; of a parameter its gradient, +∂E, as frameworks record it."""
    path, steps = value.path, tuple(program.behind(value.path))
    ends = any(step.writes in program.addends for step in steps)
    statement: Statement = "gradient" if value.parameter else "base" if ends else "inductive"

    # Operands of two formats are computed with in the wider one, and what comes back is rounded to an operand's own.
    narrowed = any(_wider(program.values[step.writes].dtype, value.dtype) for step in steps)

    def number(get: Lookup, laws: Laws) -> Num:
        delta = Walk(program, get, laws).back(path)
        delta = 1.0 * delta if narrowed else delta  # which rounds and changes nothing
        return -delta if value.parameter else delta

    def reads() -> tuple[str, ...]:
        deltas = (program.values[step.writes].delta for step in steps)
        return (*_needs(program, steps), *(delta for delta in deltas if delta is not None))

    recorded = value.delta or path
    return Claim(recorded, statement, value.owner, _owners(steps), reads, number, _narrowest(program, steps, value.dtype))


def _owners(steps: Iterable[Step]) -> tuple[tuple[str, Op], ...]:
    return tuple((step.name, step.op) for step in steps)


ORDER = ("", "float64", "float32", "float16", "bfloat16")
"""Formats from the widest to the narrowest."""


def _wider(one: str, other: str) -> bool:
    return ORDER.index(one) < ORDER.index(other)


def _written(program: Program, steps: Iterable[Step]) -> str:
    """The narrowest format among the values that steps write. What they read is converted first, where that is exact."""
    return max((program.values[step.writes].dtype for step in steps), key=ORDER.index, default="")


def _narrowest(program: Program, steps: Iterable[Step], own: str = "") -> str:
    """The narrowest format among the values that steps read and write: the one that they round in."""
    found = {own}
    for step in steps:
        found |= {program.values[path].dtype for path in (*step.reads, step.writes) if path in program.values}
    return max(found, key=ORDER.index)


def _into(program: Program, step: Step, met: set[str] | None = None) -> Iterator[Step]:
    """What a step's number is worked out by: the steps that write the open values which it reads, and itself, once each."""
    met = set() if met is None else met
    for path in step.needs:
        if program.is_open(path) and path not in met:
            met.add(path)
            yield from _into(program, program.writers[path], met)
    yield step


def _needs(program: Program, steps: Iterable[Step]) -> tuple[str, ...]:
    """The paths that steps read; in place of an open one, those that it is worked out from."""
    found: dict[str, None] = {}
    met: set[str] = set()
    for step in steps:
        for one in _into(program, step, met):
            found |= {path: None for path in one.needs if not program.is_open(path)}
    return tuple(found)


def _update(update: Update) -> list[Claim]:
    """The slots and the parameter after the step."""
    op, parameter, slots = update.op, update.parameter, update.slots
    if op is None:
        return [Claim(update.writes, "update", parameter, (), lambda: (parameter,), lambda get, laws: get(parameter))]
    before = tuple(f"{path}.before" for path in slots.values())
    counts = {name: slots[name] for name in update.counts}
    premises = (parameter, update.gradient, *before)

    def at(get: Lookup, name: str = "") -> UpdateAt[UpdateOp]:
        before = {name: get(f"{path}.before") for name, path in slots.items()}
        return UpdateAt(op, get(update.t), get(parameter), get(update.gradient), before, name)

    def slot(name: str, path: str) -> Claim:
        def value(get: Lookup, laws: Laws) -> Num:
            return laws.update(parameter, op).slot(at(get, name))

        dtype = update.formats.get(name, update.dtype)
        return Claim(path, "state", parameter, ((parameter, op),), lambda: premises, value, dtype)

    def value(get: Lookup, laws: Laws) -> Num:
        after = {name: get(path) for name, path in counts.items()}
        return laws.update(parameter, op).parameter(at(get).but(after=after))

    def reads() -> tuple[str, ...]:
        return (*premises, *counts.values())

    last = Claim(update.writes, "update", parameter, ((parameter, op),), reads, value, update.dtype)
    return [slot(name, path) for name, path in slots.items()] + [last]

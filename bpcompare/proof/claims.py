"""The proof as a list: every step of the induction for one program, with what it rests on and how to evaluate it.

Certificate, oracle, diagnosis and exact mode all read this one list. A claim names quantities of one step by path; whoever
evaluates it supplies a lookup from path to number, in the arithmetic of their choice.

Premises that a plan (or the step before) supplies: "x.a" of an input x, "target", "drop.mask", a parameter's id for its value
before the step, "….before" for state and slots before the step, "t" for the number of the update. All others are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, overload

from bpcompare.laws import Laws, UpdateAt
from bpcompare.numbers.number import Num
from bpcompare.ops.op import Op, UpdateOp
from bpcompare.program import Program, Step, Update, Value
from bpcompare.proof.walk import Lookup, Walk

Statement = Literal["forward", "base", "inductive", "gradient", "update", "state"]


KEPT = 16
"""So many premises of a claim are kept when they were listed once."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One recorded quantity and the step of the proof it must satisfy.

    `subject` is the layer or parameter it belongs to, `owners` the laws it uses with their ops, `reads()` the paths it rests
    on, `value(lookup, laws)` what the laws make of them. `dtype` is the format it was computed in, "" for that of the whole run.
    `inner` is the format in which one call works it out before it rounds it to `dtype`, once; "" where that is not known.
    `halves()` are the two claims that a Δ behind one activation falls into.
    """

    path: str
    statement: Statement
    subject: str
    owners: tuple[tuple[str, Op], ...]
    reads: Callable[[], tuple[str, ...]]
    value: Callable[[Lookup, Laws], Num]
    dtype: str = ""
    inner: str = ""
    halves: Callable[[], Halves] | None = None
    _listed: list[tuple[str, ...]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def premises(self) -> tuple[str, ...]:
        """The paths it rests on, each once. Listed when asked for, and kept if they are few: at a wide fork they are many."""
        if self._listed:
            return self._listed[0]
        found = tuple(dict.fromkeys(self.reads()))
        if len(found) <= KEPT:
            self._listed.append(found)
        return found


@dataclass(frozen=True, slots=True)
class Halves:
    """Δ of in, by way of Δ of a = g(in): that of the value `through` from those who read it, and Δ of in from it.

    `path` is where its number is looked up; nobody records it under that.
    """

    through: str
    path: str
    back: Claim
    own: Claim


class Claims(Sequence[Claim]):
    """Claims in their order, each made when it is first looked at: a graph of single nodes has many, and a verdict reads few.

    `paths` are theirs, in the same order.
    """

    def __init__(self, program: Program, entries: Sequence[tuple[str, Callable[..., Claim], tuple[Any, ...]]]) -> None:
        self._program = program
        self.paths = tuple(path for path, _, _ in entries)
        self._entries = entries
        self._made: dict[int, Claim] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Claim: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Claim, ...]: ...

    def __getitem__(self, index: int | slice) -> Claim | tuple[Claim, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        if number not in self._made:
            _, make, where = self._entries[number]
            self._made[number] = make(*where)
        return self._made[number]

    def __iter__(self) -> Iterator[Claim]:
        return (self[number] for number in range(len(self)))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The place of each claim, by its path."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """What each claim says. All of them are made for it."""
        return tuple(claim.statement for claim in self)

    def about(self, owner: str) -> list[int]:
        """The places of the claims that ask the law of `owner`, in order. None of them is made for it."""
        found: set[str] = set()
        step = self._steps.get(owner)
        if step is not None:
            found |= {*_worked_out(self._program, step), *_sent_back(self._program, step, {step.writes})}
        update = self._updates.get(owner)
        if update is not None and update.op is not None:
            found |= {*update.claimed}
        return sorted(self.numbers[path] for path in found if path in self.numbers)

    @cached_property
    def _steps(self) -> Mapping[str, Step]:
        return {step.name: step for step in self._program.steps}

    @cached_property
    def _updates(self) -> Mapping[str, Update]:
        return {update.parameter: update for update in self._program.updates}


def _worked_out(program: Program, step: Step) -> Iterator[str]:
    """What is recorded of a step: what it writes and its state; of an open value, what is worked out from it."""
    yield from step.state.values()
    if not program.is_open(step.writes):
        yield step.writes
        return
    for reader, _ in program.readers[step.writes]:
        yield from _worked_out(program, reader)


def _sent_back(program: Program, step: Step, met: set[str]) -> Iterator[str]:
    """The recorded Δ that come from a step: of what it reads; where that is open, of what made it."""
    for path in (*step.reads, *step.parameters.values()):
        value = program.values.get(path)
        if value is None or path in met:
            continue
        met.add(path)
        if value.delta is not None:
            yield value.delta
        elif path in program.writers and path not in program.addends:  # with which the way back begins
            yield from _sent_back(program, program.writers[path], met)


class ByPath(Mapping[str, Claim]):
    """Claims by their paths."""

    def __init__(self, listed: Claims) -> None:
        self._listed = listed

    def __getitem__(self, path: str) -> Claim:
        return self._listed[self._listed.numbers[path]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed.paths)

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, path: object) -> bool:
        return path in self._listed.numbers


def claims(program: Program) -> Claims:
    """Every claim of `program`, each after those it rests on: forward, E, Δ in reverse order, gradients, updates.

    A claim exists for what was recorded only. The same list holds for every step of a run.
    """
    values = tuple(program.values.values())
    found: list[tuple[str, Callable[..., Claim], tuple[Any, ...]]] = []
    for step in program.steps:
        if not program.values[step.writes].open:
            found.append((step.writes, _forward, (program, step)))
        found += [(path, _state, (program, step, name)) for name, path in step.state.items()]
    claimed = [value for value in values if value.delta is not None and not value.trusted]
    for value in (*(one for one in reversed(claimed) if not one.parameter), *(one for one in claimed if one.parameter)):
        found.append((value.delta or value.path, _delta, (program, value)))
    for update in program.updates:
        if update.op is not None:
            found += [(path, _slot, (update, update.op, name, path)) for name, path in update.slots.items()]
        if update.way is not None:
            found += [(path, _stage, (update, update.way, name, path)) for name, path in update.stages.items()]
        found.append((update.writes, _update, (update,)))
    return Claims(program, found)


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
    halves = partial(_halves, program, value) if _through(program, value) else None
    dtype = _narrowest(program, steps, value.dtype)
    return Claim(recorded, statement, value.owner, _owners(steps), reads, number, dtype, halves=halves)


def _through(program: Program, value: Value) -> bool:
    """Whether one step alone reads a value, and nobody records the Δ of what it writes."""
    (step, slot), *others = program.readers[value.path] or ((None, ""),)
    if step is None or others or isinstance(slot, str) or value.parameter or step.writes in program.addends:
        return False
    return program.values[step.writes].delta is None and program.addends[0] not in {
        reader.writes for reader, _ in program.readers[step.writes]
    }


def _halves(program: Program, value: Value) -> Halves:
    """See `Halves`: the claims of a program in which the Δ of what the value's reader writes is recorded."""
    ((step, _),) = program.readers[value.path]
    through = program.values[step.writes]
    between = replace(through, delta=f"{through.path}.back")
    recorded = replace(program, values={**program.values, through.path: between})
    return Halves(through.path, f"{through.path}.back", _delta(recorded, between), _delta(recorded, value))


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


def _update(update: Update) -> Claim:
    """The parameter after the step."""
    op, parameter, slots = update.op, update.parameter, update.slots
    if op is None:
        return Claim(update.writes, "update", parameter, (), lambda: (parameter,), lambda get, laws: get(parameter))
    left = {name: slots[name] for name in update.counts} | dict(update.stages)

    def value(get: Lookup, laws: Laws) -> Num:
        after = {name: get(path) for name, path in left.items()}
        return laws.update(parameter, op).parameter(_before(update, op, get).but(after=after))

    def reads() -> tuple[str, ...]:
        return (*_reads(update), *left.values())

    return Claim(update.writes, "update", parameter, ((parameter, op),), reads, value, update.dtype)


def _slot(update: Update, op: UpdateOp, name: str, path: str) -> Claim:
    """A slot after the step."""
    parameter = update.parameter

    def value(get: Lookup, laws: Laws) -> Num:
        return laws.update(parameter, op).slot(_before(update, op, get, name))

    dtype = update.formats.get(name, update.dtype)
    return Claim(path, "state", parameter, ((parameter, op),), lambda: _reads(update), value, dtype)


def _stage(update: Update, way: UpdateOp, name: str, path: str) -> Claim:
    """What is recorded of the way to the step, from those of its stages that come before."""
    before = list(update.stages)[: list(update.stages).index(name)]
    left = {name: update.slots[name] for name in update.counts} | {one: update.stages[one] for one in before}

    def value(get: Lookup, laws: Laws) -> Num:
        after = {name: get(path) for name, path in left.items()}
        return laws.update(update.parameter, way).slot(_before(update, way, get, name).but(after=after))

    def reads() -> tuple[str, ...]:
        return (*_reads(update), *left.values())

    dtype, inner = update.formats.get(name, update.dtype), getattr(way, "inner", "")
    owners = ((update.parameter, way),)
    return Claim(path, "state", update.parameter, owners, reads, value, dtype, inner if _wider(inner, dtype) else "")


def _reads(update: Update) -> tuple[str, ...]:
    return (update.parameter, update.gradient, *(f"{path}.before" for path in update.slots.values()))


def _before(update: Update, op: UpdateOp, get: Lookup, name: str = "") -> UpdateAt[UpdateOp]:
    before = {name: get(f"{path}.before") for name, path in update.slots.items()}
    return UpdateAt(op, get(update.t), get(update.parameter), get(update.gradient), before, name)

"""Which call of one run is which of another: by module, function and order; calls put in or taken out shift nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, groupby, zip_longest
from typing import Any, TypeVar

from bpcompare.ops.call import Call
from bpcompare.own.change.outline import Part
from bpcompare.program import Step

COPIES = frozenset({"clone", "contiguous", "alias", "lift_fresh"})
"""Functions that change neither numbers nor shape: whether they are called is a matter of memory."""
SHAPES = frozenset({"view", "_unsafe_view", "reshape", "_reshape_alias", "view_copy", "flatten", "unflatten"})
"""Functions that give the same numbers in row order another shape: which of them is called is a matter of memory."""
T = TypeVar("T")
Key = Callable[[T], Any]


@dataclass(frozen=True, slots=True)
class Match:
    """Steps that stand at one place: one and one; none and one that is new; one that is gone and none; several for others."""

    then: tuple[Step, ...]
    now: tuple[Step, ...]

    @property
    def alone(self) -> bool:
        """Whether one stands for one."""
        return len(self.then) == len(self.now) == 1


def matches(then: Part, now: Part) -> tuple[Match, ...]:
    """All steps of two programs but copies, in the order of time."""
    return tuple(_matched(_steps(then), _steps(now), _keys(then, now)))


def together(then: Sequence[Part], now: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Recordings by their titles, in the order of time."""
    for old, new in _blocks(then, now, lambda one: one.title):
        yield from zip((*old, *[None] * (len(new) - len(old))), (*new, *[None] * (len(old) - len(new))), strict=True)


def function_of(step: Step) -> str:
    """What a step calls; functions that only shape are one."""
    name = step.op.called
    return "reshape" if name in SHAPES else name


def _steps(part: Part) -> list[Step]:
    return [step for step in part.program.steps if function_of(step) not in COPIES]


def _keys(then: Part, now: Part) -> tuple[Key[Step], Key[Step], Key[Step]]:
    """Module and function; function; module."""
    ours = {id(step): then for step in then.program.steps} | {id(step): now for step in now.program.steps}

    def module(step: Step) -> str:
        return ours[id(step)].place(step.name).module

    def function(step: Step) -> tuple[str, int]:
        return function_of(step), step.op.output if isinstance(step.op, Call) else 0

    return lambda step: (module(step), function(step)), function, module


def _matched(then: Sequence[Step], now: Sequence[Step], keys: tuple[Key[Step], Key[Step], Key[Step]]) -> Iterator[Match]:
    """By module and function; between them by function alone; between these, what each module calls for what it called."""
    whole, function, module = keys
    for block in _blocks(then, now, whole):
        for old, new in _blocks(*block, function):
            yield from _within(old, new, module)


def _within(then: Sequence[Step], now: Sequence[Step], module: Key[Step]) -> Iterator[Match]:
    if len(then) == len(now):
        yield from (Match((a,), (b,)) for a, b in zip(then, now, strict=True))
        return
    runs, others = ([tuple(group) for _, group in groupby(steps, module)] for steps in (then, now))
    for old, new in _blocks(runs, others, lambda run: module(run[0])):
        before, after = tuple(chain.from_iterable(old)), tuple(chain.from_iterable(new))
        if len(before) == len(after) or not before or not after:
            yield from (Match(one, other) for one, other in zip_longest(*map(_each, (before, after)), fillvalue=()))
        else:
            yield Match(before, after)


def _each(steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    return [(step,) for step in steps]


def _blocks(then: Sequence[T], now: Sequence[T], key: Key[T]) -> Iterator[tuple[Sequence[T], Sequence[T]]]:
    """Pairs that are equal by the key, one by one, and between them what is not."""
    a, b = [key(one) for one in then], [key(one) for one in now]
    if a == b:
        yield from ((then[at : at + 1], now[at : at + 1]) for at in range(len(then)))
        return
    for kind, i, k, j, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from ((then[i + at : i + at + 1], now[j + at : j + at + 1]) for at in range(k - i))
        else:
            yield then[i:k], now[j:m]

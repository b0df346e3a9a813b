"""What two updates differ in, or may differ in, though this one step is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.rule import Rule
from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.prints import Index, distance, print_of
from bpcompare.own.pair.settings import WORDS, equal, said, unlike
from bpcompare.own.pair.updates import Move

LATER = "a step whose result is the same in both cannot show it: watch a later one"
VELOCITY = "it is the gradient itself: what it is multiplied with in the next step does not show"
NEAR = 1e-5
"""How far apart, relative to its largest element, state may be that two programs keep, in float32 or float64."""


def unshown(updates: Sequence[Held], first: Mapping[str, Move], second: Mapping[str, Move]) -> Iterator[tuple[str, str]]:
    """What is not shown, and why: settings of a rule, and what is kept for the next step.

    The first step of Adam, say, is the same for any decay of its moments, and that of momentum for any dampening.
    """
    written_out = False
    for held in updates:
        if held.outcome != "same":
            continue
        one, other = (moves[name].rule for moves, name in ((first, held.match.firsts[0]), (second, held.match.seconds[0])))
        if one is not None and other is not None and isinstance(one.op, Rule) and isinstance(other.op, Rule):
            yield from _settings(one.op, other.op)
        else:
            written_out = True
    if written_out:
        yield from _kept(first, second, ("the first", "the second"))
        yield from _kept(second, first, ("the second", "the first"))
        yield from _factors(first, second)


def _settings(one: Rule, other: Rule) -> Iterator[tuple[str, str]]:
    if one.function != other.function:
        yield f"the rule: {one.function} in the first, {other.function} in the second", LATER
        return
    for name in unlike(one, other):
        x, y = one.settings.get(name), other.settings.get(name)
        yield f"{WORDS.get(name, name)}: {said(_off(x, y))} in the first, {said(_off(y, x))} in the second", LATER


def _off(x: Any, other: Any) -> Any:
    """A setting's value; 0 where a rule does not have it, and the other's is a number."""
    return 0 if x is None and isinstance(other, (int, float)) else x


def _kept(moves: Mapping[str, Move], others: Mapping[str, Move], names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """What one program keeps, sought by its numbers in all that the other keeps, whatever it is called there."""
    pool = {id(x): print_of(x) for other in others.values() for x in (*other.kept.values(), other.after)}
    index = Index([(str(number), one) for number, one in pool.items()])
    for parameter, move in moves.items():
        for name, x in move.kept.items():
            one = print_of(x)
            near = index.near(one, NEAR)
            if one.count > 1 and not one.mute and not any(distance(one, pool[int(other)]) <= NEAR for other in near):
                yield (
                    f"{_called(name, move, parameter)} in {names[0]}",
                    f"nothing that {names[1]} keeps holds its numbers: its next step may be another",
                )


def _called(name: str, move: Move, parameter: str) -> str:
    """State by name; of a known rule, whose it is."""
    return name if move.rule is None else f"{name} of {parameter}"


def _factors(first: Mapping[str, Move], second: Mapping[str, Move]) -> Iterator[tuple[str, str]]:
    """State that is the gradient itself after a first step (a velocity): by what it is multiplied later does not show.

    Where both programs call the same functions, one after the other, their constants are compared instead.
    """
    ones, others = _functions(first), _functions(second)
    if ones and [name for name, _ in ones] == [name for name, _ in others]:
        for (name, some), (_, more) in zip(ones, others, strict=True):
            if len(some) != len(more) or not all(map(equal, some, more)):
                a, b = (" and ".join(map(said, numbers)) or "none" for numbers in (some, more))
                yield f"a constant of {name}: {a} in the first, {b} in the second", LATER
        return
    for moves, where in ((first, "the first"), (second, "the second")):
        gradients = [one for move in moves.values() if (one := print_of(move.gradient)).count > 1 and one.scale]
        index = Index([(str(number), one) for number, one in enumerate(gradients)])
        for parameter, move in moves.items():
            for name, x in move.kept.items():
                one = print_of(x)
                if any(distance(one, gradients[int(other)]) <= NEAR for other in index.near(one, NEAR)):
                    yield f"{_called(name, move, parameter)} in {where}", VELOCITY


def _functions(moves: Mapping[str, Move]) -> list[tuple[str, list[float]]]:
    """The functions of an update that was recorded one by one, each with the single numbers that it is called with."""
    recording = next((move.recording for move in moves.values() if move.rule is None), None)
    if recording is None:
        return []
    found = []
    for step in recording.program.steps:
        given = [recording.given[path] for path in step.reads if recording.program.values[path].given]
        numbers = [float(np.asarray(x).ravel()[0]) for x in given if np.size(x) == 1]
        numbers += [float(x) for x in step.op.passed.values() if isinstance(x, (int, float)) and not isinstance(x, bool)]
        found.append((step.op.called, numbers))
    return found

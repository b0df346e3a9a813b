"""Two programs, held against each other: whether they compute the same, where they part, and whose fault that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Literal

from bpcompare.own.check import Checked
from bpcompare.own.pair.data import other_data
from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.passes import Passes
from bpcompare.own.pair.side import Side
from bpcompare.own.pair.stepped import stepped
from bpcompare.own.pair.unshown import unshown
from bpcompare.own.pair.updates import Move, moves, updates
from bpcompare.own.step import WatchedStep, Watching
from bpcompare.own.verdict import Said, Verdict

Sameness = Literal["the same", "the same in part", "undecided", "differ", "wrong", "not comparable"]

Seen = WatchedStep | Watching | Checked
"""What can be compared: what `check` gave, or a `watch`."""


class Compared(Said):
    """The verdict about two programs. It is worked out when it is first asked for.

    `alone` is what is said of each program by itself, `names` what the two are called. `beside`: other, less sharp runs of the
    two, held against each other: as they are, where these are float64 copies.
    """

    codes: ClassVar[Mapping[str, int]] = {
        "the same": 0,
        "differ": 1,
        "wrong": 1,
        "not comparable": 2,
        "the same in part": 4,
        "undecided": 4,
    }

    def __init__(
        self,
        steps: tuple[WatchedStep, WatchedStep],
        given: Mapping[str, str | Sequence[str]] | None = None,
        *,
        alone: tuple[Verdict, Verdict] | None = None,
        names: tuple[str, str] = ("the first", "the second"),
        beside: Compared | None = None,
    ) -> None:
        self.steps = steps
        self.beside = beside
        self.names = names
        self.alone = alone or (steps[0].verdict, steps[1].verdict)
        self.again = ""
        """The command that shows this again, where there is one."""
        self._given = dict(given or {})

    @cached_property
    def passes(self) -> tuple[Passes, ...]:
        """Their backward passes, in order; none where the two made not as many."""
        sides = [[Side(one, step) for one in step.judged if one.recording.program.addends] for step in self.steps]
        if len(sides[0]) != len(sides[1]):
            return ()
        return tuple(Passes(one, other, self._given) for one, other in zip(sides[0], sides[1], strict=True))

    @cached_property
    def obstacles(self) -> tuple[str, ...]:
        """Why the two cannot be compared, in words; nothing where they can."""
        if not self.passes:
            numbers = [sum(bool(one.recording.program.addends) for one in step.judged) for step in self.steps]
            said = " and ".join(f"{name} made {number}" for name, number in zip(self.names, numbers, strict=True))
            return (f"{said} backward passes that can be read: as many of each are compared",)
        found = []
        for one in self.passes:
            alone = one.matched.first_alone, one.matched.second_alone
            if not one.matched.matches:
                found.append(f"no parameter of {self.names[0]} holds the numbers of one of {self.names[1]}")
            elif all(alone):
                first, second = (f"{', '.join(some[:3])}{' …' if len(some) > 3 else ''}" for some in alone)
                found.append(f"parameters do not hold the same numbers: {first} of {self.names[0]}, {second} of {self.names[1]}")
            if not found and one.parting is not None and (words := other_data(one.pairing, one.parting)):
                found.append(f"data do not hold the same numbers: {words}")
        return tuple(dict.fromkeys(found))

    @property
    def gradients(self) -> tuple[Held, ...]:
        """Gradients of matched parameters, of all passes."""
        return tuple(held for one in self.passes for held in one.gradients)

    @cached_property
    def moves(self) -> tuple[dict[str, Move], dict[str, Move]]:
        """By program: the first step of every parameter."""
        return moves(self.steps[0].judged), moves(self.steps[1].judged)

    @cached_property
    def updates(self) -> tuple[Held, ...]:
        """What is added to matched parameters, where both programs make a step."""
        return tuple(updates(self.gradients, *self.moves))

    @cached_property
    def first(self) -> Parting | None:
        """The place, in both programs, where they part first; None where they do not, or cannot be compared."""
        if self.obstacles:
            return None
        found = next((one.parting for one in self.passes if one.parting is not None), None)
        return found or stepped(self.updates, *self.moves)

    @property
    def unwatched(self) -> tuple[str, ...]:
        """Those that give other bits when nobody watches, and have no other fault: their gradients are those of that run."""
        return tuple(
            name
            for name, step in zip(self.names, self.steps, strict=True)
            if step.watched.unwatched and len(self.passes) == 1 and set(step.unexamined) <= set(step.also)
        )

    @cached_property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """What was not compared, or shows nothing, each with why. Such a "the same" is one in part."""
        found: list[tuple[str, str]] = []
        for one in self.passes:
            for number, names in enumerate((one.matched.first_alone, one.matched.second_alone)):
                found += [(name, self._without_partner(one, number, name)) for name in names]
            found += [(str(held.match), "its gradient is 0 in both: nothing could show") for held in one.gradients if held.zero]
        found += self._unmoved()
        if self.beside is not None and self.beside.verdict == "differ" and not self._differing:
            found.append(("the two as they are", "their gradients are farther apart than rounding explains"))
        found += [
            (name, f"{verdict} by itself")
            for name, verdict in zip(self.names, self.alone, strict=True)
            if verdict not in ("certified", "wrong") and name not in self.unwatched
        ]
        return tuple(dict.fromkeys(found))

    def _without_partner(self, one: Passes, number: int, name: str) -> str:
        """Why a parameter of a program has none: the other may read the same numbers without a gradient."""
        side, other = ((one.first, one.second), (one.second, one.first))[number]
        if other.reads(side.parameters[name]):
            return f"{self.names[1 - number]} reads the same numbers, and has no gradient for them: they are frozen there"
        return f"it has no partner in {self.names[1 - number]}"

    def _unmoved(self) -> list[tuple[str, str]]:
        """Steps of an optimizer that were not compared."""
        made = [bool(one) for one in self.moves]
        if made[0] != made[1]:
            return [("the update", f"{self.names[made[0]]} makes none that can be read")]
        told = {name for held in self.updates for name in held.match.firsts}
        names = [name for held in self.gradients for name in held.match.firsts if made[0] and name not in told]
        unread = [(name, "its update cannot be read in both") for name in names]
        return unread if self._differing else [*unread, *unshown(self.updates, *self.moves)]

    @property
    def blamed(self) -> tuple[str, ...]:
        """Who is wrong by its own law. Of programs that differ though both are right, neither is."""
        return tuple(name for name, verdict in zip(self.names, self.alone, strict=True) if verdict == "wrong")

    @cached_property
    def verdict(self) -> Sameness:
        """In words; "the same" only where losses and all gradients agree, nothing is missing, and both are certified."""
        if self.obstacles:
            return "not comparable"
        if self._differing:
            return "differ"
        if self.blamed:
            return "wrong"
        if "undecided" in self._outcomes:
            return "undecided"
        return "the same in part" if self.missing else "the same"

    @cached_property
    def _outcomes(self) -> set[str]:
        kept = {state.outcome for one in self.passes for state in one.states}
        return {said for one in self.passes for said in one.outcomes} | {one.outcome for one in self.updates} | kept

    @property
    def _differing(self) -> bool:
        return "differs" in self._outcomes

    def assert_same(self) -> None:
        """Raises AssertionError, with all that is said about it, unless the verdict is "the same"."""
        self._demand("the same")

    def __str__(self) -> str:
        from bpcompare.own.pair.text import text

        return text(self)


def compare(
    first: Seen,
    second: Seen,
    *,
    map: Mapping[str, str | Sequence[str]] | None = None,  # noqa: A002
    names: tuple[str, str] = ("the first", "the second"),
) -> Compared:
    """Do two programs compute the same loss, and the same gradients? Of any two steps, whatever framework each is in.

        bpcompare.compare(bpcompare.check(model, x, target=y, loss=...), bpcompare.check(loss, params, x, y))

    Each is judged by itself first: that says who is wrong. Then values are paired by what they hold, whatever their layout, and
    gradients of matched parameters are held against each other element by element. Parameters are matched by content and by name;
    `map`: by a name of the first program, the name of the second's parameter, or the names of its parts. `names`: what a report
    calls the two.
    Of what `check` gave, the float64 copies are compared, and where there are none, the programs as they are.
    Raises TypeError for what is neither, and MapError (a ValueError) for a `map` that cannot be, once the verdict is asked for.
    """
    for one in (first, second):
        if not isinstance(one, (Checked, WatchedStep, Watching)):
            raise TypeError(f"compare takes what bpcompare.check or a watch gave, not a {type(one).__name__}")
    runs = _runs(first, second)
    alone = _alone(first, runs[0][0]), _alone(second, runs[0][1])
    beside = Compared(runs[1], map, names=names) if len(runs) > 1 else None
    return Compared(runs[0], map, alone=alone, names=names, beside=beside)


def _runs(first: Seen, second: Seen) -> list[tuple[WatchedStep, WatchedStep]]:
    """The runs that both have, the sharpest first: float64 copies, unless parameters of only one of them were woken."""
    runs = [_readable(one) for one in (first, second)]
    woken = ["woken" in one[0].title for one in runs]
    if woken[0] != woken[1] or len(runs[0]) != len(runs[1]):
        return [(runs[0][-1], runs[1][-1])]
    return list(zip(*runs, strict=True))


def _readable(given: Seen) -> list[WatchedStep]:
    """The runs, the float64 copy first, without one that failed."""
    if not isinstance(given, Checked):
        return [given.step if isinstance(given, Watching) else given]
    return [run for run in given.runs if run.watched.recordings] or [given.runs[-1]]


def _alone(given: Seen, step: WatchedStep) -> Verdict:
    """What is said of a program by itself: of the run that is compared; "wrong" where any of its runs is."""
    return "wrong" if given.verdict == "wrong" else step.verdict

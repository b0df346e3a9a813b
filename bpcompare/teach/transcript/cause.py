"""Why printed numbers are wrong: one cause for as many of them as possible, before causes one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import nan, prod
from time import monotonic

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.mistakes.mistake import Sabotaged
from bpcompare.network import Network
from bpcompare.numbers.ball import Ball
from bpcompare.plan import Plan
from bpcompare.plan.naming import Place
from bpcompare.proof.claims import Claim
from bpcompare.proof.worked import Fixed, Run, enclosures, values
from bpcompare.teach.transcript.printed import Printed

FORMS = 16
"""Places at which a mistake is tried alone: so many layers, and so many parameters."""
SHARP = 10.0
"""Half units of the last digit by which numbers must be off, all together, before a formula that gives them is believed."""
SHARP_AGAINST = 100.0
"""Likewise where the formula would spoil numbers that are printed right: the number then comes from elsewhere."""


@dataclass(frozen=True)
class Cause:
    """A wrong formula that `gives` refuted numbers; `against` it: printed numbers that are right, and what it would make of them.

    `sharp`: for each number that it gives, how far that number is from the right value, in half units of its last digit.
    `mistake` is None where weights were read transposed. `alone`: the layer or parameter at which it is made, if not everywhere.
    """

    title: str
    formula: str
    mistake: Mistake | None
    alone: str
    gives: tuple[str, ...] = ()
    against: tuple[tuple[str, float], ...] = ()
    sharp: tuple[float, ...] = ()

    @property
    def code(self) -> str:
        """The code in the catalogue, or nothing."""
        return self.mistake.code if self.mistake else ""


@dataclass(frozen=True)
class Group:
    """Refuted numbers that one cause explains, and the causes that explain them alike."""

    names: tuple[str, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Entry:
    """A printed number with its place, and the right value; whether it is confirmed or refuted.

    `carried`: the value, and its uncertainty, that the right rule gives from the printed numbers before it; None where the
    printed number agrees with that. `rounded`: it agrees, and those numbers are rounded but not wrong: that explains it.
    """

    name: str
    at: Place
    printed: Printed
    right: float
    confirmed: bool
    carried: tuple[float, float] | None = None
    rounded: bool = False

    def given(self, run: Run) -> float:
        """By how many half units of its last digit a run explains a printed number; 0 where the run does not give it."""
        return abs(self.printed.value - self.right) / self.printed.half if self.printed.admits(_value(run, self.at)[0]) else 0.0

    def carried_on(self, run: Run) -> float:
        """The same for a run that goes on from the printed numbers. What is rounded on the way moves the last digit by one."""
        value, room = _value(run, self.at)
        near = 3 * self.printed.half + room
        if self.carried is None or not abs(self.printed.value - value) <= near:
            return 0.0
        return abs(self.printed.value - self.carried[0]) / (near + self.carried[1])


class Clock:
    """Whether the `seconds` for the search are over."""

    def __init__(self, seconds: float) -> None:
        self._until = monotonic() + seconds
        self.over = False

    def look(self) -> bool:
        """Whether they are over now."""
        self.over = self.over or monotonic() > self._until
        return self.over


def causes(
    plan: Plan, listed: Sequence[Claim], entries: Sequence[Entry], clock: Clock, printed: Fixed | None = None
) -> tuple[Cause, ...]:
    """Every wrong formula that gives at least one refuted number, the best explanation first.

    Each formula is tried in two ways: on exact numbers throughout, and with each step computed from the `printed` numbers before
    it, as a person does who works with written numbers. The search ends when the time of `clock` is over. One entry for each
    mistake and set of numbers: the form that contradicts the fewest right numbers, and is made in most places.
    """
    found: dict[tuple[str, tuple[str, ...]], Cause] = {}
    for cause, own_plan, laws in _candidates(plan):
        if clock.look():
            break
        try:
            exact = values(own_plan, listed, laws)
            rounded = None if printed is None else enclosures(own_plan, listed, laws, printed)
        except (ArithmeticError, ValueError, TypeError):  # a wrong formula need not make sense everywhere
            continue
        sharp = {}
        for one in entries:
            if not one.confirmed:
                sharp[one.name] = max(one.given(exact), 0.0 if rounded is None else one.carried_on(rounded))
        gives = tuple(name for name, by in sharp.items() if by > 0)
        if not gives:
            continue
        spoiled = [one for one in entries if one.confirmed and not _left_alone(one, exact, rounded)]
        against = tuple((one.name, _value(exact, one.at)[0]) for one in spoiled)
        known = found.get((cause.title, gives))
        if known is None or len(against) < len(known.against):
            by = tuple(sharp[name] for name in gives)
            found[cause.title, gives] = replace(cause, gives=gives, against=against, sharp=by)
    return tuple(sorted(found.values(), key=lambda cause: len(cause.against) - len(cause.gives)))


def _left_alone(one: Entry, exact: Run, rounded: Run | None) -> bool:
    """Whether a number that is right would still be printed so."""
    if one.printed.admits(_value(exact, one.at)[0]):
        return True
    return rounded is not None and one.printed.admits(*_value(rounded, one.at))


def common(found: Sequence[Cause], entries: Sequence[Entry], carried: Mapping[str, Sequence[str]]) -> list[Group]:
    """Groups of refuted numbers with one cause each, the largest first; in a group, causes that explain it alike.

    A cause explains what it gives, and what was `carried` on from numbers that it gives (by name: the slips it rests on).
    It must spoil nothing that is printed right, and the numbers must be off by enough to tell.
    """
    refuted = [one.name for one in entries if not one.confirmed]
    left = {one.name for one in entries if not one.confirmed and not one.rounded} or set(refuted)
    least = min(2, len(left))
    usable = [
        (one, _explained(one, carried)) for one in found if not one.against and prod(map(_at_least_one, one.sharp)) >= SHARP
    ]
    groups: list[Group] = []
    taken: set[str] = set()
    while usable:
        best = max((names & left for _, names in usable), key=len)
        if len(best) < max(least, 1):
            break
        alike = [(one, names) for one, names in usable if names & left == best]
        whole = set.intersection(*(names for _, names in alike)) - taken
        groups.append(Group(tuple(name for name in refuted if name in whole), tuple(one for one, _ in alike)))
        left -= best
        taken |= whole
    return groups


def _at_least_one(sharp: float) -> float:
    return min(max(sharp, 1.0), 1e12)


def believed(cause: Cause, name: str) -> bool:
    """Whether a cause may be named for one number: chance gives a number of few digits, too, for there are many formulas."""
    return cause.sharp[cause.gives.index(name)] >= (SHARP_AGAINST if cause.against else SHARP)


def _explained(cause: Cause, carried: Mapping[str, Sequence[str]]) -> set[str]:
    names = set(cause.gives)
    while more := {name for name, slips in carried.items() if name not in names and slips and names.issuperset(slips)}:
        names |= more
    return names


_Attempt = tuple[Cause, Plan, Laws]


def _candidates(plan: Plan) -> Iterator[_Attempt]:
    """Every way to go wrong that is tried, those made in most places first: a cause, and the plan and laws of a run with it."""
    yield from _transposed(plan)
    for mistake in MISTAKES.values():
        for alone, laws in _forms(mistake, plan.network):
            yield Cause(mistake.title, mistake.wrong, mistake, alone), plan, laws


def _forms(mistake: Mistake, network: Network) -> Iterator[tuple[str, Laws]]:
    """The mistake at all of its places, then at one layer alone, then at one parameter alone."""
    alone: list[tuple[str, Laws]] = []
    for places in (mistake.places, *mistake.others):
        found = places(network, LAWS)
        if found:
            yield "", Sabotaged(LAWS, found)
        if len(found) > 1:
            alone += ((owner, Sabotaged(LAWS, {owner: law})) for owner, law in found.items())
    yield from alone[:FORMS]
    yield from islice(mistake.at_each_parameter(network), FORMS)


def _transposed(plan: Plan) -> Iterator[_Attempt]:
    """Square weights that were given as values, read with rows for columns: their shape does not show the mix-up."""
    network = plan.network
    for name, x in plan.parameters.items():
        layers = [
            layer for layer, role in network.uses[name] if role == "weight" and network.layers[layer].op.connects == "units"
        ]
        square = x.ndim == 2 and x.shape[0] == x.shape[1] and not np.array_equal(x, x.T)
        if layers and square and isinstance(network.parameters[name].init, np.ndarray):
            turned = replace(plan, parameters={**plan.parameters, name: np.ascontiguousarray(x.T)})
            title = f"{name} read with its rows for columns (torch keeps weights as [out, in])"
            yield Cause(title, "transpose = true beside the weights in the spec", None, ""), turned, LAWS


def _value(run: Run, at: Place) -> tuple[float, float]:
    """The run's number at a place and its room; NaN where a wrong law made an array of another shape."""
    found = run[at.step - 1][at.path]
    x, room = (found.mid, np.asarray(found.rad)) if isinstance(found, Ball) else (found, np.zeros(()))
    whole = len(x.shape) in (0, len(at.index)) and all(i < size for i, size in zip(at.index, x.shape, strict=False))
    if not whole:
        return nan, nan
    return float(x[at.index] if x.shape else x), float(room[at.index] if room.ndim else room)

"""Why printed numbers are wrong: one cause for as many of them as possible, before causes one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import log10, nan

import numpy as np

from bpcompare.claims import Claim
from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.mistakes.mistake import Sabotaged
from bpcompare.naming import Place
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.transcript.printed import Printed
from bpcompare.worked import Run, values

FORMS = 16
"""Places at which a mistake is tried alone: so many layers, and so many parameters."""
SHARP = 10.0
"""Half units of the last digit by which numbers must be off, all together, before a formula that gives them is believed."""
SHARP_AGAINST = 100.0
"""Likewise where the formula would spoil numbers that are printed right: the number then comes from elsewhere."""


@dataclass(frozen=True)
class Cause:
    """A wrong formula that `gives` refuted numbers; `against` it: printed numbers that are right, and what it would make of them.

    `mistake` is None where weights were read transposed. `alone`: the layer or parameter at which it is made, if not everywhere.
    """

    title: str
    formula: str
    mistake: Mistake | None
    alone: str
    gives: tuple[str, ...]
    against: tuple[tuple[str, float], ...]

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
    """A printed number with its place, and the right value; whether it is confirmed or refuted."""

    name: str
    at: Place
    printed: Printed
    right: float
    confirmed: bool

    @property
    def sharpness(self) -> float:
        """By how many half units of its last digit it is off."""
        return abs(self.printed.value - self.right) / self.printed.half

    def given(self, run: Run) -> bool:
        """Whether a run gives the printed number."""
        return self.printed.admits(_value(run, self.at))


def causes(plan: Plan, listed: Sequence[Claim], entries: Sequence[Entry]) -> tuple[Cause, ...]:
    """Everything that gives at least one refuted number when the whole run is made with it, the most fitting first.

    One entry for each mistake and set of numbers: the form that spoils least, and is made in most places.
    """
    found: dict[tuple[str, tuple[str, ...]], Cause] = {}
    for cause, attempt in _candidates(plan, listed):
        try:
            run = attempt()
        except (ArithmeticError, ValueError, TypeError):  # a wrong formula need not make sense everywhere
            continue
        gives = tuple(one.name for one in entries if not one.confirmed and one.given(run))
        if gives:
            spoiled = [one for one in entries if one.confirmed and not one.given(run)]
            against = tuple((one.name, _value(run, one.at)) for one in spoiled)
            known = found.get((cause.title, gives))
            if known is None or len(against) < len(known.against):
                found[cause.title, gives] = replace(cause, gives=gives, against=against)
    return tuple(sorted(found.values(), key=lambda cause: len(cause.against) - len(cause.gives)))


def common(found: Sequence[Cause], entries: Sequence[Entry], carried: Mapping[str, Sequence[str]]) -> list[Group]:
    """Groups of refuted numbers with one cause each, the largest first; in a group, causes that explain it alike.

    A cause explains what it gives, and what was `carried` on from numbers that it gives (by name: the slips it rests on).
    It must spoil nothing that is printed right, and the numbers must be off by enough to tell.
    """
    by_name = {one.name: one for one in entries}
    left = {one.name for one in entries if not one.confirmed}
    least = min(2, len(left))
    usable = [(one, _explained(one, carried)) for one in found if not one.against and _sharp(one, by_name) >= SHARP]
    groups = []
    while usable:
        best = max((names & left for _, names in usable), key=len)
        if len(best) < max(least, 1):
            break
        alike = tuple(one for one, names in usable if names & left == best)
        groups.append(Group(tuple(one.name for one in entries if one.name in best), alike))
        left -= best
    return groups


def believed(cause: Cause, one: Entry) -> bool:
    """Whether a cause may be named for `one` number: chance gives a number of few digits, too, for there are many formulas."""
    return one.sharpness >= (SHARP_AGAINST if cause.against else SHARP)


def _explained(cause: Cause, carried: Mapping[str, Sequence[str]]) -> set[str]:
    names = set(cause.gives)
    while more := {name for name, slips in carried.items() if name not in names and slips and names.issuperset(slips)}:
        names |= more
    return names


def _sharp(cause: Cause, by_name: Mapping[str, Entry]) -> float:
    return 10.0 ** sum(log10(max(by_name[name].sharpness, 1.0)) for name in cause.gives)


_Attempt = tuple[Cause, Callable[[], Run]]


def _candidates(plan: Plan, listed: Sequence[Claim]) -> Iterator[_Attempt]:
    """Every way to go wrong that is tried, those made in most places first: a cause, and the run that is made with it."""
    yield from _transposed(plan, listed)
    for mistake in MISTAKES.values():
        for alone, laws in _forms(mistake, plan.network):
            yield Cause(mistake.title, mistake.wrong, mistake, alone, (), ()), partial(values, plan, listed, laws)


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


def _transposed(plan: Plan, listed: Sequence[Claim]) -> Iterator[_Attempt]:
    """Square weights that were given as values, read with rows for columns: nothing in their shape tells."""
    network = plan.network
    for name, x in plan.parameters.items():
        layers = [layer for layer, role in network.uses[name] if role == "weight" and network.layers[layer].op.name == "dense"]
        square = x.ndim == 2 and x.shape[0] == x.shape[1] and not np.array_equal(x, x.T)
        if layers and square and isinstance(network.parameters[name].init, np.ndarray):
            turned = replace(plan, parameters={**plan.parameters, name: np.ascontiguousarray(x.T)})
            title = f"{name} read with its rows for columns (torch keeps weights as [out, in])"
            cause = Cause(title, "transpose = true beside the weights in the spec", None, "", (), ())
            yield cause, partial(values, turned, listed, LAWS)


def _value(run: Run, at: Place) -> float:
    """The run's number at a place; NaN where a wrong law made an array of another shape."""
    x = run[at.step - 1][at.path]
    whole = len(x.shape) in (0, len(at.index)) and all(i < size for i, size in zip(at.index, x.shape, strict=False))
    return float(x[at.index] if x.shape else x) if whole else nan

"""Every printed number against the rule: confirmed, or refuted with the right value, what it follows from, and its cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.network import Network
from bpcompare.network.parameter import Initializer
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.naming import Names, Place, UnknownNameError
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.proof.worked import Run, enclosures
from bpcompare.report.lines import clipped
from bpcompare.teach.transcript.cause import Cause, Clock, Entry, Group, believed, causes, common
from bpcompare.teach.transcript.printed import Printed
from bpcompare.teach.transcript.reader import SHOWN, Numbers, TranscriptError
from bpcompare.teach.transcript.reading import Column, Known, Outcome

MOST_STEPS = 1_000
CAUSES = 60.0
"""Seconds for the search of causes."""
BY_HAND = 2_000
"""Weights of a net that somebody may have worked out with rounded numbers, step by step."""


@dataclass(frozen=True)
class Checked:
    """One printed number.

    `right` is the exact value, known up to `room`. An `open` one may be right or wrong, as it was rounded or not; `finer` is the
    number beside it that is printed with more decimals, if any. For a refuted one: `carried` is what the other printed numbers
    before it give (with its room), `follows` whether the printed number lies in there, `slips` the refuted ones it rests on;
    `causes` are formulas that give it, `doubted` those that do so no better than chance, `rounded_up` the numbers that show that
    the printer does not cut digits off.
    """

    name: str
    printed: Printed
    right: float
    room: float
    outcome: Outcome
    finer: str = ""
    carried: tuple[float, float] | None = None
    follows: bool = False
    slips: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    doubted: tuple[str, ...] = ()
    rounded_up: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether it is right."""
        return self.outcome == "confirmed"

    @property
    def exact(self) -> bool:
        """Whether nothing was rounded away."""
        return self.printed.stands_for(self.right, self.room)


@dataclass(frozen=True)
class Transcript:
    """Everything that was checked, in the order of the file. `drawn`: weights that the spec gives no values to.

    `cut_short`: not all formulas of the catalogue were tried, for it took too long.
    """

    spec: str
    source: str
    checked: tuple[Checked, ...]
    groups: tuple[Group, ...] = ()
    drawn: tuple[str, ...] = ()
    cut_short: bool = False

    @property
    def refuted(self) -> tuple[Checked, ...]:
        """Numbers that are wrong."""
        return tuple(one for one in self.checked if one.outcome == "refuted")

    @property
    def open(self) -> tuple[Checked, ...]:
        """Numbers that say too little to be confirmed or refuted."""
        return tuple(one for one in self.checked if one.outcome == "open")


def check(network: Network, numbers: Numbers) -> Transcript:
    """Check printed numbers. Raises TranscriptError for names that mean nothing, SpecError for a network that cannot be run."""
    places = _places(network, numbers)
    plan = draw(network, "float64", max(at.step for at in places.values()))
    listed = question(plan).claims
    signed = {
        name: _signed(printed, places[name], gradient_sign=numbers.gradient_sign) for name, printed in numbers.numbers.items()
    }
    right = enclosures(plan, listed, LAWS, {})
    known = {name: Known(name, printed, *_at(right, places[name])) for name, printed in signed.items()}
    columns: dict[str, list[Known]] = {}
    for name, one in known.items():
        columns.setdefault(_kind(places[name]), []).append(one)
    by_kind = {kind: Column(numbers) for kind, numbers in columns.items()}
    checked = []
    for name, one in known.items():
        found = by_kind[_kind(places[name])].reading(one)
        turned = _turned(places[name], gradient_sign=numbers.gradient_sign)
        finer = found.finer.name if found.finer else ""
        value = -one.right if turned else one.right
        checked.append(Checked(name, numbers.numbers[name], value, one.room, found.outcome, finer))
    groups: tuple[Group, ...] = ()
    cut_short = False
    if any(one.outcome == "refuted" for one in checked):
        checked, groups, cut_short = _explained(plan, listed, checked, places, known, gradient_sign=numbers.gradient_sign)
    drawn = tuple(
        name
        for name, parameter in network.parameters.items()
        if isinstance(parameter.init, Initializer) and parameter.init.kind not in ("zeros", "ones")
    )
    return Transcript(network.name, numbers.source, tuple(checked), groups, drawn, cut_short)


def _places(network: Network, numbers: Numbers) -> dict[str, Place]:
    names = Names(network)
    found: dict[str, Place] = {}
    problems = []
    for name in numbers.numbers:
        try:
            found[name] = names.place(name)
        except UnknownNameError as error:
            problems.append(f"  {clipped(name, 80)}: {error}")
    taken: dict[Place, str] = {}
    for name, at in found.items():
        if at in taken:
            problems.append(f"  {clipped(name, 80)}: the same number as {clipped(taken[at], 80)}")
        taken[at] = name
    if problems:
        more = [f"  … and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        raise TranscriptError("\n".join(["these names mean nothing here:", *problems[:SHOWN], *more]))
    steps = max(at.step for at in found.values())
    if steps > MOST_STEPS:
        raise TranscriptError(f"step {steps:,}: at most {MOST_STEPS:,} steps are worked out")
    return found


def _kind(at: Place) -> str:
    """What is printed alike: gradients, Δ, E … of whatever node and step."""
    return Path(at.path).kind


def _turned(at: Place, *, gradient_sign: bool) -> bool:
    return gradient_sign and Path(at.path).kind == "delta"


def _signed(printed: Printed, at: Place, *, gradient_sign: bool) -> Printed:
    """The number as the textbook has it: Δ may have been printed with the other sign."""
    return replace(printed, value=-printed.value) if _turned(at, gradient_sign=gradient_sign) else printed


def _at(run: Run, at: Place) -> tuple[float, float]:
    ball = run[at.step - 1][at.path]
    if isinstance(ball, np.ndarray):  # whole numbers of the data
        return float(ball[at.index]), 0.0
    return float(ball.mid[at.index]), float(ball.rad[at.index] if getattr(ball.rad, "ndim", 0) else ball.rad)


def _explained(
    plan: Plan,
    listed: Sequence[Claim],
    checked: Sequence[Checked],
    places: Mapping[str, Place],
    known: Mapping[str, Known],
    *,
    gradient_sign: bool,
) -> tuple[list[Checked], tuple[Group, ...], bool]:
    fixed: dict[tuple[int, str], list[tuple[tuple[int, ...], float, float]]] = {}
    for name, at in places.items():
        typed = known[name]
        if at.path.removesuffix(".a") not in plan.network.integer_inputs:
            fixed.setdefault((at.step, at.path), []).append(
                (at.index, typed.printed.value, 0.0 if typed.exact else typed.printed.half)
            )
    going = enclosures(plan, listed, LAWS, fixed)
    wrong = {one.name: places[one.name] for one in checked if one.outcome == "refuted"}
    found = [
        _carried(listed, one, going, places[one.name], known[one.name], wrong, gradient_sign=gradient_sign) for one in checked
    ]
    found = _without_rounding(found)
    entries = [_entry(one, places[one.name], known[one.name], going) for one in found if one.outcome != "open"]
    slips = {one.name: one.slips for one in found}
    clock = Clock(CAUSES)
    tried = causes(plan, listed, entries, clock)
    shared = common(tried, entries, slips)
    asked = {one.name for one in found if one.outcome == "refuted" and not (one.follows and not one.slips)}
    if _covered(shared, asked) < len(asked) and sum(x.size for x in plan.parameters.values()) <= BY_HAND:
        by_hand = causes(plan, listed, entries, clock, fixed)
        shared = max(shared, common(by_hand, entries, slips), key=lambda groups: _covered(groups, asked))
        tried = (*tried, *by_hand)
    in_groups = {name: group for group in shared for name in group.names}
    rounded_up = tuple(
        one.name for one in entries if one.confirmed and not known[one.name].exact and not one.printed.cut(one.right)
    )

    def told(one: Checked) -> Checked:
        if one.outcome != "refuted":
            return one
        if one.name in in_groups:
            return replace(one, causes=in_groups[one.name].causes, rounded_up=rounded_up)
        mine, doubted = _own(tried, one.name)
        return replace(one, causes=mine, doubted=doubted, rounded_up=rounded_up)

    return [told(one) for one in found], tuple(shared), clock.over


def _covered(groups: Sequence[Group], asked: AbstractSet[str]) -> int:
    return len(asked & {name for group in groups for name in group.names})


def _without_rounding(found: Sequence[Checked]) -> list[Checked]:
    """Numbers that follow from rounded ones are no slips that others carry on."""
    rounded: set[str] = set()
    while more := {one.name for one in found if one.follows and rounded.issuperset(one.slips)} - rounded:
        rounded |= more
    return [replace(one, slips=tuple(name for name in one.slips if name not in rounded)) for one in found]


def _entry(one: Checked, at: Place, known: Known, going: Run) -> Entry:
    carried = None if one.follows else _at(going, at)
    return Entry(one.name, at, known.printed, known.right, one.confirmed, carried, rounded=one.follows and not one.slips)


def _own(tried: Sequence[Cause], name: str) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """What gives one number, of each mistake the form that fits best; and the titles of what chance may give as well."""
    kept: dict[str, Cause] = {}
    doubted: dict[str, None] = {}
    for cause in tried:
        if name in cause.gives:
            if believed(cause, name):
                kept.setdefault(cause.title, cause)
            else:
                doubted[cause.code or cause.title] = None
    return tuple(kept.values()), tuple(doubted)


def _carried(
    listed: Sequence[Claim],
    one: Checked,
    going: Run,
    at: Place,
    known: Known,
    wrong: Mapping[str, Place],
    *,
    gradient_sign: bool,
) -> Checked:
    """A refuted number beside what the printed numbers before it give."""
    if one.outcome != "refuted":
        return one
    value, room = _at(going, at)
    follows = isfinite(room) and known.printed.admits(value, room)
    slips = _slips(listed, at, {place: name for name, place in wrong.items() if name != one.name}) if follows else ()
    carried = (-value if _turned(at, gradient_sign=gradient_sign) else value, room)
    return replace(one, carried=carried, follows=follows, slips=slips)


def _slips(listed: Sequence[Claim], at: Place, wrong: Mapping[Place, str]) -> tuple[str, ...]:
    """The refuted numbers that this one rests on, directly or not."""
    by_path = {claim.path: claim for claim in listed}
    reached: set[tuple[int, str]] = set()
    waiting = [(at.step, at.path)]
    while waiting:
        step, path = waiting.pop()
        if (step, path) in reached or step < 1:
            continue
        reached.add((step, path))
        if path in by_path:
            waiting += [(step, premise) for premise in by_path[path].premises]
        elif f"{path}.update" in by_path:
            waiting.append((step - 1, f"{path}.update"))
        elif Path(path).earlier and Path(path).after in by_path:
            waiting.append((step - 1, Path(path).after))
    # Elements of one quantity do not rest on each other.
    reached.remove((at.step, at.path))
    return tuple(name for place, name in wrong.items() if (place.step, place.path) in reached)

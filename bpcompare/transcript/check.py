"""Every printed number against the rule: confirmed, or refuted with the right value, what it follows from, and its cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from bpcompare.claims import Claim, claims
from bpcompare.draw import plan as draw
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.transcript.naming import Place, UnknownNameError, place
from bpcompare.transcript.printed import Printed
from bpcompare.transcript.reader import Numbers, TranscriptError
from bpcompare.values import given_values
from bpcompare.worked import Run, enclosures, values

MOST_STEPS = 1_000
FORMS = 16
"""Forms of one mistake that are tried: at all of its places, and at each alone."""


@dataclass(frozen=True)
class Cause:
    """A catalogue mistake that gives a printed number, and the printed numbers that it would spoil: right, and against it."""

    mistake: Mistake
    everywhere: bool
    against: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Checked:
    """One printed number.

    `right` is the exact value, known up to `room`. For a refuted one: `carried` is what the other printed numbers before it give
    (with its room), `follows` whether the printed number lies in there, `slips` the refuted ones it rests on.
    """

    name: str
    printed: Printed
    right: float
    room: float
    confirmed: bool
    carried: tuple[float, float] | None = None
    follows: bool = False
    slips: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """Everything that was checked, in the order of the file."""

    spec: str
    source: str
    checked: tuple[Checked, ...]

    @property
    def refuted(self) -> tuple[Checked, ...]:
        """Numbers that are wrong."""
        return tuple(one for one in self.checked if not one.confirmed)


def check(network: Network, numbers: Numbers) -> Transcript:
    """Check printed numbers. Raises TranscriptError for names that mean nothing, SpecError for a network that cannot be run."""
    steps = max((_step(name) for name in numbers.numbers), default=1)
    if steps > MOST_STEPS:
        raise TranscriptError(f"step {steps:,}: at most {MOST_STEPS:,} steps are worked out")
    plan = draw(network, "float64", max(steps, 1))
    listed = claims(plan)
    places = _places(plan, listed, numbers)
    signed = {name: _signed(printed, places[name], positive=numbers.positive) for name, printed in numbers.numbers.items()}
    right = enclosures(plan, listed, LAWS, {})
    checked = [
        _checked(name, numbers.numbers[name], signed[name], places[name], right, positive=numbers.positive) for name in signed
    ]
    wrong = [one.name for one in checked if not one.confirmed]
    if wrong:
        checked = _explained(plan, listed, checked, places, signed, positive=numbers.positive)
    return Transcript(network.name, numbers.source, tuple(checked))


def _step(name: str) -> int:
    prefix, separator, _ = name.partition("/")
    digits = prefix.removeprefix("step")
    return int(digits) if separator and prefix.startswith("step") and digits.isdigit() and len(digits) < 7 else 1


def _places(plan: Plan, listed: Sequence[Claim], numbers: Numbers) -> dict[str, Place]:
    shapes = _shapes(plan, listed)
    by_path = {claim.path: claim for claim in listed}
    found: dict[str, Place] = {}
    problems = []
    for name in numbers.numbers:
        try:
            found[name] = place(plan, by_path, shapes, name)
        except UnknownNameError as error:
            problems.append(f"  {name}: {error}")
    taken: dict[Place, str] = {}
    for name, at in found.items():
        if at in taken:
            problems.append(f"  {name}: the same number as {taken[at]}")
        taken[at] = name
    if problems:
        raise TranscriptError("\n".join(["these names mean nothing here:", *problems]))
    return found


def _shapes(plan: Plan, listed: Sequence[Claim]) -> dict[str, tuple[int, ...]]:
    """The shape of everything that can be named."""
    network, rows = plan.network, len(plan.batches[0])
    given = given_values(plan, 1, None)
    shapes: dict[str, tuple[int, ...]] = {name: x.shape for name, x in plan.parameters.items()}
    for claim in listed:
        kind = claim.path.rpartition(".")[2]
        if claim.path == "error":
            shapes[claim.path] = ()
        elif claim.subject in network.layers and kind in ("in", "a", "delta"):
            shapes[claim.path] = (rows, *network.shape(claim.subject))
        elif f"{claim.path}.before" in given:
            shapes[claim.path] = given[f"{claim.path}.before"].shape
        else:
            shapes[claim.path] = plan.parameters[claim.subject].shape
    return shapes


def _signed(printed: Printed, at: Place, *, positive: bool) -> Printed:
    """The number as the article has it: Δ may have been printed with the other sign."""
    return replace(printed, value=-printed.value) if positive and at.path.endswith(".delta") else printed


def _at(run: Run, at: Place) -> tuple[float, float]:
    ball = run[at.step - 1][at.path]
    return float(ball.mid[at.index]), float(ball.rad[at.index] if getattr(ball.rad, "ndim", 0) else ball.rad)


def _checked(name: str, shown: Printed, meant: Printed, at: Place, right: Run, *, positive: bool) -> Checked:
    value, room = _at(right, at)
    confirmed = isfinite(room) and meant.admits(value, room)
    turned = positive and at.path.endswith(".delta")
    return Checked(name, shown, -value if turned else value, room, confirmed)


def _explained(
    plan: Plan,
    listed: Sequence[Claim],
    checked: Sequence[Checked],
    places: Mapping[str, Place],
    meant: Mapping[str, Printed],
    *,
    positive: bool,
) -> list[Checked]:
    fixed: dict[tuple[int, str], list[tuple[tuple[int, ...], float, float]]] = {}
    for name, printed in meant.items():
        at = places[name]
        fixed.setdefault((at.step, at.path), []).append((at.index, printed.value, printed.half))
    going = enclosures(plan, listed, LAWS, fixed)
    wrong = {one.name: places[one.name] for one in checked if not one.confirmed}
    causes = _causes(plan, listed, checked, places, meant)
    found = []
    for one in checked:
        if one.confirmed:
            found.append(one)
            continue
        at = places[one.name]
        value, room = _at(going, at)
        follows = isfinite(room) and meant[one.name].admits(value, room)
        turned = positive and at.path.endswith(".delta")
        slips = _slips(listed, at, {place: name for name, place in wrong.items() if name != one.name}) if follows else ()
        carried = (-value if turned else value, room)
        found.append(replace(one, carried=carried, follows=follows, slips=slips, causes=causes.get(one.name, ())))
    return found


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
        elif path.removesuffix(".before") in by_path and path.endswith(".before"):
            waiting.append((step - 1, path.removesuffix(".before")))
    return tuple(name for place, name in wrong.items() if (place.step, place.path) in reached)


def _causes(
    plan: Plan, listed: Sequence[Claim], checked: Sequence[Checked], places: Mapping[str, Place], meant: Mapping[str, Printed]
) -> dict[str, tuple[Cause, ...]]:
    """For each refuted number the mistakes that give it when the whole run is made with them, the most fitting first."""
    network = plan.network
    owners = frozenset([*network.layers, *(f"{name}.g" for name in network.layers), "error", *network.parameters])
    found: dict[str, list[tuple[int, Cause]]] = {}
    for mistake in MISTAKES.values():
        for number, laws in enumerate(mistake.forms(network, owners)):
            if number >= FORMS:
                break
            run = _attempt(plan, listed, laws)
            if run is None:
                continue
            for one in checked:
                if one.confirmed or not _gives(run, places[one.name], meant[one.name]):
                    continue
                against = tuple(
                    (other.name, float(run[places[other.name].step - 1][places[other.name].path][places[other.name].index]))
                    for other in checked
                    if other.confirmed and not _gives(run, places[other.name], meant[other.name])
                )
                fitting = sum(_gives(run, places[other.name], meant[other.name]) for other in checked)
                found.setdefault(one.name, []).append((-fitting, Cause(mistake, number == 0, against)))
    return {name: _best(candidates) for name, candidates in found.items()}


def _best(candidates: list[tuple[int, Cause]]) -> tuple[Cause, ...]:
    """One entry a mistake, the one that agrees with most of the printed numbers."""
    kept: dict[str, Cause] = {}
    for _, cause in sorted(candidates, key=lambda pair: pair[0]):
        kept.setdefault(cause.mistake.code, cause)
    return tuple(kept.values())


def _attempt(plan: Plan, listed: Sequence[Claim], laws: Any) -> Run | None:
    try:
        return values(plan, listed, laws)
    except (ArithmeticError, ValueError, TypeError):  # a wrong formula need not make sense everywhere
        return None


def _gives(run: Run, at: Place, printed: Printed) -> bool:
    x = run[at.step - 1][at.path]
    if x.shape and len(x.shape) != len(at.index):
        return False
    try:
        return printed.admits(float(x[at.index]))
    except IndexError:  # a transposed weight has another shape
        return False

"""What becomes of matched parameters, in both programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.judged import Judged
from bpcompare.own.pair.gradients import VAGUE, Held
from bpcompare.own.pair.layout import Alignment
from bpcompare.own.pair.parameters import Match
from bpcompare.own.pair.side import Spot
from bpcompare.program import Place, Recording, Update

BEFORE, GRADIENT = "parameter", "gradient"
"""How paths of a parameter, and of its gradient, begin where an update was recorded function by function."""

SMALLEST = 1e-300
"""What a radius of 0 is taken for where it is divided by."""
ROUNDINGS = 8
"""Roundings of a parameter's size that its update may be off by: what is compared is what was added to it."""


@dataclass(frozen=True, eq=False)
class Move:
    """One parameter's step: the parameter before and after it, where that was, its gradient, the rule if it is a known one.

    `unit` is the unit roundoff of the parameter's format. `kept`: what is left for the next step, by name; where the update was
    recorded function by function, that of all parameters, and these themselves.
    """

    before: Array
    after: Array
    spot: Spot
    gradient: Array
    rule: Update | None = None
    unit: float = UNITS["float64"]
    kept: Mapping[str, Array] = field(default_factory=dict)
    recording: Recording | None = None

    @property
    def change(self) -> Array:
        """What was added to it."""
        return self.after - self.before


def moves(judged: Sequence[Judged]) -> dict[str, Move]:
    """Every parameter's first step, by its name."""
    found: dict[str, Move] = {}
    for one in judged:
        program, recording = one.recording.program, one.recording
        for update in program.updates:
            if update.op is not None and update.writes in recording.recorded:
                name, paths = update.parameter, (update.parameter, update.writes, update.gradient)
                found.setdefault(name, _move(recording, paths, recording.places.get(name), update))
        if not program.addends and not program.updates:
            for name, writes in _written(recording):
                paths = f"{BEFORE}.{name}", writes, f"{GRADIENT}.{name}"
                after = recording.recorded.get(writes)
                if after is not None and np.shape(after) == np.shape(recording.given[paths[0]]):
                    found.setdefault(name, _move(recording, paths, recording.places.get(program.writers[writes].name)))
    return found


def _move(recording: Recording, paths: tuple[str, str, str], place: Place | None, rule: Update | None = None) -> Move:
    """One step: the paths of the parameter, of what it becomes, and of the gradient; NaN where that is not known."""
    before, after, slope = recording.given[paths[0]], recording.recorded[paths[1]], recording.given.get(paths[2])
    spot = Spot("", recording.title, place.line if place is not None else "", paths[1])
    gradient = np.full(np.shape(before), np.nan) if slope is None else _floats(slope)
    unit = UNITS.get(str(np.asarray(after).dtype), UNITS["float64"])
    paths_kept = recording.kept if rule is None else rule.slots
    kept = {name: _floats(recording.recorded[path]) for name, path in paths_kept.items() if path in recording.recorded}
    return Move(_floats(before), _floats(after), spot, gradient, rule, unit, kept, recording)


def _written(recording: Recording) -> Iterator[tuple[str, str]]:
    """By the name of a parameter: what it has become; where nobody said so, what comes of it and is read by nothing."""
    program = recording.program
    read = {path for step in program.steps for path in step.reads}
    for path in (path for path in program.values if path.startswith(f"{BEFORE}.")):
        if path in recording.kept:
            yield path.removeprefix(f"{BEFORE}."), recording.kept[path]
        else:
            last = [step.writes for step in program.steps if path in step.reads and step.writes not in read]
            if len(last) == 1:
                yield path.removeprefix(f"{BEFORE}."), last[0]


def _floats(x: object) -> Array:
    return np.asarray(x).astype(np.float64)


def updates(gradients: Sequence[Held], first: Mapping[str, Move], second: Mapping[str, Move]) -> list[Held]:
    """Changes of matched parameters, element by element, where both programs make one.

    Where a gradient is rounding alone, so is what a rule like Adam's makes of it: such elements are left out.
    """
    found = []
    for gradient in {(held.match.firsts, held.match.seconds): held for held in gradients}.values():
        match, alignment = gradient.match, gradient.alignment
        if alignment is None or not (set(match.firsts) <= set(first) and set(match.seconds) <= set(second)):
            continue
        ones, others = [first[name] for name in match.firsts], [second[name] for name in match.seconds]
        slopes = [one.gradient for one in ones], [one.gradient for one in others]
        rows = alignment.first([one.change for one in ones]), alignment.second([one.change for one in others])
        scale = max(float(np.abs(row).max(initial=0.0)) for row in rows)
        if not scale:
            found.append(Held(match, 0.0, 0.0, alignment, zero=True))
            continue
        size = max(float(np.abs(one.before).max(initial=0.0)) for one in (*ones, *others))
        lost = ROUNDINGS * max(one.unit for one in (*ones, *others)) * size / scale
        known = _known(gradient, alignment.first(slopes[0]), alignment.second(slopes[1]))
        found.append(_worst(match, alignment, (rows[0] / scale, rows[1] / scale), known + lost))
    return found


def _known(gradient: Held, one: Array, other: Array) -> Array:
    """How far, relative to itself, rounding may have moved the gradient of each element; 0 where it is 0 in both."""
    size = np.minimum(np.abs(one), np.abs(other))
    scale = max(float(np.abs(row).max(initial=0.0)) for row in (one, other))
    with np.errstate(all="ignore"):
        found = gradient.allowed * scale / size
    return np.where((one == 0) & (other == 0), 0.0, np.nan_to_num(found, nan=np.inf, posinf=np.inf))


def _worst(match: Match, alignment: Alignment, rows: tuple[Array, Array], radius: Array) -> Held:
    """The element that is farthest outside of its radius, for all of them. What nobody knows well enough is left out."""
    gap = np.where(radius <= VAGUE, np.abs(rows[0] - rows[1]), 0.0)
    at = int(np.argmax(gap / np.maximum(radius, SMALLEST)))
    ratio = float(rows[0][at] / rows[1][at]) if rows[1][at] else float("nan")
    alike = bool((np.abs(rows[0] - ratio * rows[1]) <= radius * (1 + abs(ratio)))[radius <= VAGUE].all())
    return Held(match, float(gap[at]), min(float(radius[at]), VAGUE), alignment, ratio=ratio if alike else float("nan"))

"""What becomes of matched parameters, in both programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.judged import Judged
from bpcompare.own.pair.gradients import VAGUE, Held
from bpcompare.own.pair.layout import Alignment
from bpcompare.own.pair.parameters import Match
from bpcompare.own.pair.settings import EQUAL
from bpcompare.own.pair.side import Spot
from bpcompare.program import Place, Recording, Update

BEFORE, GRADIENT = "parameter", "gradient"
"""How paths of a parameter, and of its gradient, begin where an update was recorded function by function."""

SLOPE = ".grad"
"""How the path of a gradient ends where an optimizer of somebody's own reads it."""
ADDED = frozenset({"add", "sub", "mul", "div", "addcmul", "addcdiv", "lerp"})
"""Functions by which parameters are moved in place."""
BEFORE_IT = ".grad before"
"""How the path of what a gradient held ends, where a pass added to it."""

SMALLEST = 1e-300
"""What a radius of 0 is taken for where it is divided by."""
ROUNDINGS = 8
"""Roundings of a parameter's size that its update may be off by: what is compared is what was added to it."""


@dataclass(frozen=True, eq=False)
class Move:
    """One parameter's step: the parameter before and after it, where that was, its gradient, the rule if it is a known one.

    `unit` is the unit roundoff of the parameter's format. `kept`: what is left for the next step, by name; where the update was
    recorded function by function, that of all parameters, and these themselves. `given` are the gradients that backward passes
    gave before it, one behind the other; `earlier` is what the gradient held before the first of them, where it was added to.
    """

    before: Array
    after: Array
    spot: Spot
    gradient: Array
    rule: Update | None = None
    unit: float = UNITS["float64"]
    kept: Mapping[str, Array] = field(default_factory=dict)
    recording: Recording | None = None
    given: tuple[Array, ...] = ()
    earlier: Array | None = None

    @property
    def change(self) -> Array:
        """What was added to it."""
        return self.after - self.before


def moves(judged: Sequence[Judged]) -> dict[str, Move]:
    """Every parameter's first step, by its name; by its rule where it is recorded by that, too."""
    found: dict[str, Move] = {}
    given: dict[str, list[Array]] = {}
    earlier: dict[str, Array] = {}
    for one in judged:
        program, recording = one.recording.program, one.recording
        for value in program.values.values() if program.addends else ():
            if value.parameter and value.delta is not None and value.delta in recording.recorded:
                given.setdefault(value.path, []).append(_floats(recording.recorded[value.delta]))
        for path in (path for path in recording.given if path.endswith(BEFORE_IT)):
            earlier.setdefault(path.removesuffix(BEFORE_IT), _floats(recording.given[path]))
        for name, move in _stepped(recording):
            if name not in found or (found[name].rule is None and _again(found[name], move)):
                found[name] = replace(move, given=tuple(given.get(name, ())), earlier=earlier.get(name))
    return found


def _again(one: Move, other: Move) -> bool:
    """Whether a step that was recorded function by function is told again, by its rule."""
    return other.rule is not None and np.array_equal(one.before, other.before) and np.array_equal(one.after, other.after)


def _stepped(recording: Recording) -> Iterator[tuple[str, Move]]:
    """The steps that a recording is about, by the parameter: by a known rule, or function by function."""
    program = recording.program
    for update in program.updates:
        if update.op is not None and update.writes in recording.recorded:
            paths = update.parameter, update.writes, update.gradient
            yield update.parameter, _move(recording, paths, recording.places.get(update.parameter), update)
    if program.addends or program.updates:
        return
    for name, paths in _written(recording):
        after = recording.recorded.get(paths[1])
        if after is not None and np.shape(after) == np.shape(recording.given[paths[0]]):
            yield name, _move(recording, paths, recording.places.get(program.writers[paths[1]].name))


def _move(recording: Recording, paths: tuple[str, str, str], place: Place | None, rule: Update | None = None) -> Move:
    """One step: the paths of the parameter, of what it becomes, and of the gradient; NaN where that is not known."""
    before, after, slope = recording.given[paths[0]], recording.recorded[paths[1]], recording.given.get(paths[2])
    spot = Spot("", recording.title, place.line if place is not None else "", paths[1])
    gradient = np.full(np.shape(before), np.nan) if slope is None else _floats(slope)
    unit = UNITS.get(str(np.asarray(after).dtype), UNITS["float64"])
    paths_kept = recording.kept if rule is None else rule.slots
    kept = {name: _floats(recording.recorded[path]) for name, path in paths_kept.items() if path in recording.recorded}
    return Move(_floats(before), _floats(after), spot, gradient, rule, unit, kept, recording)


def _written(recording: Recording) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """By the name of a parameter: the paths of it, of what it has become, and of its gradient.

    Where nobody said what it has become, it is what comes of it and is read by nothing.
    """
    program = recording.program
    read = {path for step in program.steps for path in step.reads}
    for path in program.values:
        if path.startswith(f"{BEFORE}."):
            name = path.removeprefix(f"{BEFORE}.")
            last = [step.writes for step in program.steps if path in step.reads and step.writes not in read]
            last = [recording.kept[path]] if path in recording.kept else last
            if len(last) == 1:
                yield name, (path, last[0], f"{GRADIENT}.{name}")
        elif path in recording.given and f"{path}{SLOPE}" in recording.given:
            writes = _in_place(recording, path, read)
            if writes:
                yield path, (path, writes, f"{path}{SLOPE}")


def _in_place(recording: Recording, path: str, read: set[str]) -> str:
    """What a parameter becomes that is written in place, once or several times; "" where that is not clear.

    What stands in it after each time is given anew, as NAME (2), and must be what was written there.
    """
    written, version = "", path
    for number in count(2):
        last = [
            step.writes
            for step in recording.program.steps
            if step.reads[:1] == (version,) and step.writes not in read and step.op.called in ADDED
        ]
        if len(last) != 1:
            return ""
        written, version = last[0], f"{path} ({number})"
        if version not in recording.given:
            return written if _moved(recording, path, written) else ""
        if not np.array_equal(recording.given[version], recording.recorded.get(written, np.nan)):
            return ""
    return ""


def _moved(recording: Recording, path: str, writes: str) -> bool:
    """Whether a value is made of more than the parameter: of its gradient, or of state of its shape."""
    shape = np.shape(recording.given[path])
    behind = {one for one in _behind(recording, writes) if one in recording.given and one.partition(" (")[0] != path}
    return any(np.shape(recording.given[one]) == shape for one in behind)


def _behind(recording: Recording, path: str) -> set[str]:
    """All that a value is made of."""
    found, waiting = {path}, [path]
    while waiting:
        writer = recording.program.writers.get(waiting.pop())
        new = [one for one in (writer.reads if writer is not None else ()) if one not in found]
        found.update(new)
        waiting += new
    return found


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
    # One of them may have its learning rate in float32: of a schedule, say, or from a state.
    constant = abs(ratio - 1) if alike and abs(ratio - 1) <= EQUAL else 0.0
    allowed = min(float(radius[at]) + constant, VAGUE)
    return Held(match, float(gap[at]), allowed, alignment, ratio=ratio if alike else float("nan"))

"""Where two programs part: the first place, in both, after which nothing is the same again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.pair.layout import natural, telling
from bpcompare.own.pair.pairing import Pairing, tolerance
from bpcompare.own.pair.prints import Print, distance
from bpcompare.own.pair.side import UNCLAIMED, Side, Spot
from bpcompare.program import Step

Way = Literal["forward", "back", "state", "update"]


@dataclass(frozen=True)
class Parting:
    """The place. `first` and `second` are the steps that part, where a program has one; `before` the last pair in front of them.

    On the way back, these are the steps whose backward parts: Δ of what they give is the same, that of what they read is not.
    `order`: the steps, if there are such in front, from which on the same numbers stand in another order. `causes` are in words.
    """

    way: Way
    first: Spot | None
    second: Spot | None
    before: tuple[Spot, Spot] | None = None
    steps: tuple[Step | None, Step | None] = (None, None)
    causes: tuple[str, ...] = ()
    order: tuple[Spot, Spot] | None = None


def forward(pairing: Pairing) -> Parting:
    """The first value without a partner on the way forward."""
    lost = pairing.lost_forward
    lost = _beyond_moves(pairing.first, lost[0]), _beyond_moves(pairing.second, lost[1])
    first = _first(lost[0])
    partners = _read(first, pairing.forward.forward)
    second = _first(lost[1], partners) or _first(lost[1])
    if first is None and second is not None:
        first = _after(pairing.first, _read(second, pairing.forward.backward))
    elif second is None and first is not None:
        second = _after(pairing.second, partners)
    return Parting(
        "forward",
        None if first is None else pairing.first.spot(first),
        None if second is None else pairing.second.spot(second),
        _pair(pairing, first, second),
        (first, second),
        order=_reordered(pairing, first, second),
    )


def back(pairing: Pairing) -> Parting:
    """The first Δ without a partner on the way back: what reads that value sends back something else, or nothing."""
    lost = pairing.lost_back
    a, b = _reader(pairing.first, lost[0]), _reader(pairing.second, lost[1])
    if a is not None:
        b = _reader(pairing.second, lost[1], set(pairing.forward.forward.get(a.writes, ()))) or b
    cut = _cut(pairing.second, _value(pairing.first, lost[0])), _cut(pairing.first, _value(pairing.second, lost[1]))
    if cut[0] is not None:
        b = cut[0]
        a = _writer(pairing.first, pairing.forward.backward.get(b.writes, ())) or a
    elif cut[1] is not None:
        a = cut[1]
        b = _writer(pairing.second, pairing.forward.forward.get(a.writes, ())) or b
    elif a is None or b is None:
        a = a or (_writer(pairing.first, pairing.forward.backward.get(b.writes, ())) if b is not None else None)
        b = b or (_writer(pairing.second, pairing.forward.forward.get(a.writes, ())) if a is not None else None)
    whose = "" if not any(cut) else "the second" if cut[0] is not None else "the first"
    causes = (f"{whose} goes on with a copy that is cut off (detach, stop_gradient): nothing is sent back from there",)
    spots = (None if a is None else pairing.first.spot(a), None if b is None else pairing.second.spot(b))
    return Parting("back", *spots, None, (a, b), causes if whose else ())


def _value(side: Side, lost: Sequence[str]) -> Print | None:
    """The first value of these that is read, and of whose readers no Δ is lost; its print."""
    gone = set(lost)
    for path in lost:
        if side.program.readers[path] and not any(step.writes in gone for step, _ in side.program.readers[path]):
            return side.print(path)
    return None


def _cut(side: Side, copied: Print | None) -> Step | None:
    """The first step that reads such a value as one that is given."""
    if copied is None or copied.mute or copied.count < 2:
        return None
    for step in side.steps():
        for path in step.reads:
            value = side.program.values[path]
            given = side.print(path) if value.given and not value.parameter else None
            if given is not None and distance(copied, given) <= tolerance(UNCLAIMED * UNITS["float64"], max(side.slack.values())):
                return step
    return None


def _reordered(pairing: Pairing, first: Step | None, second: Step | None) -> tuple[Spot, Spot] | None:
    """The steps from which on the same numbers stand in another order, if what the two steps read does."""
    if first is None or second is None:
        return None
    found = None
    pair = _turned(pairing, first, second)
    while pair is not None:
        ones, others = (side.program.writers.get(path) for side, path in zip((pairing.first, pairing.second), pair, strict=True))
        if ones is None or others is None:
            break
        found = pairing.first.spot(ones), pairing.second.spot(others)
        pair = _turned(pairing, ones, others)
    return found


def _turned(pairing: Pairing, first: Step, second: Step) -> tuple[str, str] | None:
    """What the two read that holds the same numbers, in orders that are no two ways in which people lay out an array."""
    for path in first.reads:
        x = pairing.first.number(path)
        for partner in pairing.forward.forward.get(path, ()):
            y = pairing.second.number(partner) if partner in second.reads else None
            if x is None or y is None or pairing.first.parameter_of(path) or not telling([x]):
                continue
            allowed = tolerance(pairing.first.slack[path], pairing.second.slack[partner]) * float(np.abs(x).max(initial=0.0))
            if not natural(x, y, allowed):
                return path, partner
    return None


def _beyond_moves(side: Side, lost: list[Step]) -> list[Step]:
    """The steps without those that only lay a parameter out for the next one: a bias is broadcast before it is added."""
    found = [step for step in lost if not (len(step.reads) == 1 and _moved(side, step.reads[0], step.writes))]
    return found or lost


def _moved(side: Side, path: str, writes: str) -> bool:
    """Whether a parameter's own numbers stand in what a step gives."""
    one, other = side.print(path), side.print(writes)
    return side.program.values[path].parameter and one is not None and other is not None and distance(one, other) == 0.0


def _first(lost: Sequence[Step], reading: set[str] | None = None) -> Step | None:
    """The first step that is lost, though nothing that it reads is; with `reading`, one that reads some of these."""
    gone = {step.writes for step in lost}
    for step in lost:
        if gone.isdisjoint(step.reads) and (reading is None or not reading.isdisjoint(step.reads)):
            return step
    return None


def _read(step: Step | None, partners: object) -> set[str]:
    """The partners of what a step reads."""
    if step is None:
        return set()
    return {other for path in step.reads for other in partners.get(path, ())}  # type: ignore[attr-defined]


def _after(side: Side, paths: set[str]) -> Step | None:
    """The first step that reads one of these."""
    return next((step for step in side.steps() if not paths.isdisjoint(step.reads)), None)


def _writer(side: Side, paths: object) -> Step | None:
    return next((side.program.writers[path] for path in paths if path in side.program.writers), None)  # type: ignore[attr-defined]


def _reader(side: Side, lost: Sequence[str], writing: set[str] | None = None) -> Step | None:
    """The first reader, on the way back, of a value whose Δ is lost though Δ of what its readers give is not."""
    gone = set(lost)
    for path in lost:
        readers = [step for step, _ in side.program.readers[path]]
        if any(step.writes in gone for step in readers) or not readers:
            continue
        if writing is None:
            return readers[-1]
        found = next((step for step in readers if step.writes in writing), None)
        if found is not None:
            return found
    return None


def _pair(pairing: Pairing, first: Step | None, second: Step | None) -> tuple[Spot, Spot] | None:
    """The last pair in front: of what the first reads, the value that was made last, with its partner that was."""
    if first is None:
        return None
    writers, others = pairing.first.program.writers, pairing.second.program.writers
    order = {step.writes: number for number, step in enumerate(pairing.first.program.steps)}
    made = [path for path in first.reads if path in writers and path in pairing.forward.forward]
    for path in sorted(made, key=lambda path: (bool(pairing.first.parameter_of(path)), -order[path])):
        found = [other for other in pairing.forward.forward[path] if other in others]
        if found:
            read = set(second.reads) if second is not None else set()
            other = next((one for one in found if one in read), found[-1])
            return pairing.first.spot(writers[path]), pairing.second.spot(others[other])
    return None


def apart(pairing: Pairing, parting: Parting) -> float | None:
    """How far what the two steps give is apart, relative; None where that says nothing."""
    a, b = parting.steps
    if a is None or b is None:
        return None
    one, other = pairing.first.print(a.writes), pairing.second.print(b.writes)
    if one is None or other is None or one.count != other.count:
        return None
    return distance(one, other)

"""Whether two programs were given the same data, where that shows: at the place where they part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcompare.numbers.ball.format import UNITS
from bpcompare.own.pair.pairing import Pairing
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.prints import Index, Print, distance, print_of
from bpcompare.own.pair.side import UNCLAIMED, Side
from bpcompare.program import CUT_OFF, Step
from bpcompare.report.numbers import short

NEAR = UNCLAIMED * UNITS["float64"]
"""How far apart, relative to their size, data may be that two programs prepared in the same way."""


def other_data(pairing: Pairing, parting: Parting) -> str:
    """In words: that the two steps at which they part read data of one size that hold other numbers; "" where they do not."""
    a, b = parting.steps
    if a is None or b is None:
        return ""
    ones, others = _unshared(pairing.first, a, pairing.second), _unshared(pairing.second, b, pairing.first)
    for path, one in ones:
        for other_path, other in others:
            if one.count == other.count:
                sizes = f"{one.count:,} numbers each{_ratio(one, other)}"
                names = _called(pairing.first, path, a), _called(pairing.second, other_path, b)
                return f"{names[0]} in the first, {names[1]} in the second ({sizes})"
    return ""


def _called(side: Side, path: str, step: Step) -> str:
    """Data have no names in torch: by who reads them."""
    return f"what {side.spot(step)} is given" if path.startswith("constant") else path


def _unshared(side: Side, step: Step, other: Side) -> list[tuple[str, Print]]:
    """The data that a step reads, of more than one number, that are nowhere among the other program's."""
    known = [(path, one) for path, one in _given(other, other.judged.recording.given) if one.count > 1]
    index, prints = Index(known), dict(known)
    read = [*(path for path in step.reads if _is_data(side, path)), *step.constants.values()]
    found = []
    for path, one in _given(side, read):
        near = index.near(one, NEAR)
        if one.count > 1 and not any(distance(one, prints[path]) <= NEAR for path in near):
            found.append((path, one))
    return found


def _is_data(side: Side, path: str) -> bool:
    value = side.program.values[path]
    return value.given and not value.parameter and not path.startswith(CUT_OFF)


def _given(side: Side, paths: object) -> Iterator[tuple[str, Print]]:
    for path in paths:  # type: ignore[attr-defined]
        x = np.asarray(side.judged.recording.given[path])
        if x.dtype.kind in "fiub":
            yield path, print_of(x.astype(np.float64))


def _ratio(one: Print, other: Print) -> str:
    """That one is a constant times the other."""
    if one.ordered is None or other.ordered is None or not one.scale or not other.scale:
        return ""
    alike = np.abs(one.ordered / one.scale - other.ordered / other.scale).max() <= NEAR
    return f"; the first is {short(one.scale / other.scale)} times the second" if alike else ""

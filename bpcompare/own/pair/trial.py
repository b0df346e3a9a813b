"""What if a step had been another one? Its result is worked out, and looked for in the other program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import UNITS
from bpcompare.ops.call import Call, Read
from bpcompare.own.pair.pairing import Pairing, tolerance
from bpcompare.own.pair.prints import Index, Print, distance, print_of
from bpcompare.own.pair.side import UNCLAIMED, Side
from bpcompare.program import Step

STEPS = 8
"""Steps behind a change that are worked out."""
SIDES = ("the first", "the second")
"""What the two programs are called in a cause."""


class Trials:
    """Trials between two programs. `lost` are the values that have no partner, of each."""

    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self.sides = pairing.first, pairing.second
        self.lost = [
            [(step.writes, one) for step in steps if (one := side.print(step.writes)) is not None]
            for side, steps in zip(self.sides, pairing.lost_forward, strict=True)
        ]
        self._index = [Index(found) for found in self.lost]
        self._prints = [dict(found) for found in self.lost]

    def value(self, which: int, step: Step, op: Call | None = None, reads: Mapping[int, Any] | None = None) -> Array | None:
        """What a step of one program would give, called otherwise or with other numbers; None where nobody can say."""
        side, call = self.sides[which], op or step.op
        xs = [side.number(path) for path in step.reads]
        for slot, x in (reads or {}).items():
            xs[slot] = x
        if any(x is None for x in xs) or not isinstance(call, Call):
            return None
        given = side.judged.recording.given
        constants = {name: _plain(given[path]) for name, path in step.constants.items()}
        return worked_out(side, At(call, xs, {}, constants))

    def onward(self, which: int, path: str, x: Array) -> Iterator[Array]:
        """What the next steps of a program would give, if the value at `path` were `x`."""
        program, changed = self.sides[which].program, {path: x}
        for step in program.steps:
            if changed.keys().isdisjoint(step.reads) or len(changed) > STEPS:
                continue
            reads = {slot: changed[one] for slot, one in enumerate(step.reads) if one in changed}
            y = self.value(which, step, reads=reads)
            if y is not None:
                changed[step.writes] = y
                yield y

    def found(self, which: int, x: Array | None, slack: float) -> str | None:
        """The path of a value of one program, without a partner, that holds the numbers of `x`; None where there is none."""
        if x is None or x.dtype.kind not in "fiu":
            return None
        one = print_of(x)
        if one.mute:
            return None
        side = self.sides[which]
        most = tolerance(slack + UNCLAIMED * UNITS["float64"], max(side.slack.values(), default=0.0))
        near = self._index[which].near(one, most)
        return next((path for path in near if distance(one, self._prints[which][path]) <= most), None)

    def multiple(self, which: int, one: Print, slack: float) -> tuple[str, float] | None:
        """A value of one program that is a constant times what the print is of, with that constant."""
        if one.count < 3 or not one.scale or one.ordered is None or one.ordered[0] == one.ordered[-1]:
            return None
        side = self.sides[which]
        most = tolerance(slack, max(side.slack.values(), default=0.0))
        for path, other in self.lost[which]:
            if other.count != one.count or not other.scale or other.ordered is None:
                continue
            for sign in (1.0, -1.0):
                a, b = one.ordered / one.scale, other.ordered / other.scale
                if float(np.abs(a - (b if sign > 0 else -b[::-1])).max()) <= most:
                    return path, sign * other.scale / one.scale
        return None


def worked_out(side: Side, at: At[Any]) -> Array | None:
    """A law on plain numbers; None where it does not speak of them."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(side.judged.laws.of("", at.op).forward(at))
    except Exception:  # noqa: BLE001 — a trial that cannot be made is none
        return None


def called(function: str, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> Call:
    """A call of a function of one array."""
    return Call(function, {"self": Read(0), **arguments}, (shape,))


def otherwise(op: Call, **arguments: Any) -> Call:
    """The same call with other arguments."""
    return replace(op, arguments={**op.arguments, **arguments})


def _plain(x: Any) -> Any:
    return x.astype(np.float64) if getattr(x, "dtype", None) is not None and x.dtype.kind == "f" else x

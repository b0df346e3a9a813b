"""What the laws make of a claim, as a ball."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.ball.format import HEADROOM, WIDE, format_of
from bpcompare.numbers.number import Num, Side
from bpcompare.ops.call import Call
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entries import BLOCK, Entries, blocks, is_update
from bpcompare.proof.reduced import reduced


def evaluate(claim: Claim, balls: Balls, laws: Laws, side: Side = None, ties: Side = None, *, majorant: bool = False) -> Ball:
    """The law of a claim as a ball, on the numbers of `balls`; it has the shape of the claim's array.

    `side` is the branch taken at a kink, `ties` the entry taken where several share a maximum: "low" and "high" are the extremes
    of what is valid, None the law's convention. `majorant`: evaluate the law with absolute values, too, even if it is not
    rearranged.
    """
    if claim.inner:
        return _rounded(
            evaluate(replace(claim, inner=""), balls.within(claim.inner), laws, side, ties, majorant=majorant), balls.fmt
        )
    fmt = format_for(claim, balls, laws, side, ties, majorant=majorant)
    get = balls.lookup(fmt)
    if not (side or ties or majorant) and is_update(claim):
        shape = balls.values.recorded[claim.path].shape
        if prod(shape) > BLOCK:
            return _in_blocks(claim, balls, laws, shape, fmt)
    if not (side or ties or majorant) and fmt.largest == balls.fmt.largest and (channels := _channels(claim, balls, laws)):
        return _by_channels(claim, balls, laws, channels, fmt)
    value = claim.value(get, laws)
    if fmt.largest > balls.fmt.largest and isinstance(value, Ball):
        value = _narrowed(value, balls.fmt)
    # A plain number was not worked out: no formula could have another order.
    return value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), balls.fmt)


def _in_blocks(claim: Claim, balls: Balls, laws: Laws, shape: tuple[int, ...], fmt: Format) -> Ball:
    """A law that is about each entry by itself, on some entries after the other."""
    size, entries = prod(shape), Entries(balls, shape)
    mid, radius = np.empty(size), np.empty(size)
    for among in blocks(size, BLOCK):
        value = claim.value(lambda path, among=among: entries.ball(path, fmt, among), laws)  # type: ignore[misc]
        ball = value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), fmt)
        mid[among], radius[among] = ball.mid, ball.final_radius()
    return Ball(mid.reshape(shape), balls.fmt, 0.0, radius.reshape(shape))


def _channels(claim: Claim, balls: Balls, laws: Laws) -> int:
    """How many channels there are, if the law of a large claim speaks of each by itself, and of nothing else; else 0."""
    owner, op = claim.owners[0] if len(claim.owners) == 1 else ("", None)
    if not isinstance(op, Call) or not getattr(laws.of(owner, op), "channels", False):
        return 0
    read = [balls.number(path) for path in claim.premises]
    shapes = [x.shape for x in (*read, balls.values.recorded[claim.path]) if isinstance(x, np.ndarray)]
    largest = max(shapes, key=prod)
    if prod(largest) <= BLOCK or len(largest) < 2 or len(shapes) <= len(read):
        return 0
    alike = all(shape == largest or shape == largest[1:2] for shape in shapes)
    return largest[1] if alike else 0


def _by_channels(claim: Claim, balls: Balls, laws: Laws, channels: int, fmt: Format) -> Ball:
    """A law that is about each channel by itself, on some channels after the other: what is made of them stays in the cache."""
    x = balls.values.recorded[claim.path]
    mid, radius = np.empty(x.shape), np.empty(x.shape)
    most = max(prod(np.shape(balls.number(path))) for path in (claim.path, *claim.premises))

    for among in blocks(channels, max(BLOCK * channels // most, 1)):
        value = claim.value(_Channels(balls, fmt, among), laws)
        ball = value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), fmt)
        _some(mid, among)[...] = ball.mid
        _some(radius, among)[...] = ball.final_radius()
    return Ball(mid, balls.fmt, 0.0, radius)


class _Channels:
    """Looks up some channels of quantities as balls; `kept` is what laws made of them, for the other claims about one step."""

    def __init__(self, balls: Balls, fmt: Format, among: slice) -> None:
        self._balls, self._fmt, self._among = balls, fmt, among
        self.kept = balls.kept(fmt, among.start)

    def __call__(self, path: str) -> Num:
        part = _some(self._balls.number(path), self._among)
        return self._balls.part(path, self._fmt, part) if part.dtype.kind == "f" else part


def _some(x: Any, among: slice) -> Any:
    """Some channels of an array."""
    return x[among] if x.ndim == 1 else x[:, among]


def format_for(claim: Claim, balls: Balls, laws: Laws, side: Side = None, ties: Side = None, *, majorant: bool = False) -> Format:
    """The format of the balls that the law of a claim is evaluated in; see `evaluate`."""
    rearranged = majorant or any(_rearranged(owner, op, laws) for owner, op in claim.owners)
    room = 1.0 if once(claim, laws) else HEADROOM
    factors = reduced(claim)
    if factors and balls.whole:
        factors = 0.0
    fmt = balls.fmt
    if fmt.u > WIDE and claim.owners and all(_widened(owner, op, laws) for owner, op in claim.owners):
        fmt = _with_room(fmt)
    special = rearranged or side or ties or factors or room != HEADROOM
    return fmt(rearranged=rearranged, side=side, ties=ties, room=room, factors=factors) if special else fmt


def _rounded(ball: Ball, fmt: Format) -> Ball:
    """What was worked out in a wider format, rounded to `fmt` once."""
    return 1.0 * Ball(ball.mid, fmt, 0.0, np.asarray(ball.final_radius()))


def _narrowed(ball: Ball, fmt: Format) -> Ball:
    """What was worked out in more room, rounded to `fmt` at the end: infinite where it may pass the largest number of that."""
    radius = np.asarray(ball.final_radius())
    within = np.where(np.abs(ball.mid) + radius < fmt.largest, radius, np.inf)
    return Ball(ball.mid, fmt, 0.0, within, major=ball.magnitude())


def _widened(owner: str, op: Any, laws: Laws) -> bool:
    return isinstance(op, Call) and bool(getattr(laws.of(owner, op), "widened", False))


@cache
def _with_room(fmt: Format) -> Format:
    return replace(fmt, largest=format_of("float32").largest)


def _rearranged(owner: str, op: Any, laws: Laws) -> bool:
    law = laws.update(owner, op) if op.role == "update" else laws.of(owner, op)
    return law.rearranged


def once(claim: Claim, laws: Laws) -> bool:
    """Whether it is about a value, each entry of which is one operation of what was recorded."""
    if claim.statement != "forward" or len(claim.owners) != 1:
        return False
    owner, op = claim.owners[0]
    return isinstance(op, Call) and bool(getattr(laws.of(owner, op), "once", False))

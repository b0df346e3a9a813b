"""How far a claim may leave its ball because of an algorithm that the backend has named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import Format
from bpcompare.numbers.number import Num
from bpcompare.ops import Op
from bpcompare.ops.algorithms import Algorithm, algorithm
from bpcompare.proof.claims import Claim
from bpcompare.proof.walk import Lookup

SPACE = (-2, -1)
"""The axes of an image, and of a kernel."""


def latitude(
    claim: Claim, declared: Mapping[str, str], shape: tuple[int, ...], fmt: Format, lookup: Callable[[Format], Lookup], laws: Laws
) -> Array | float:
    """What to add to the radius of `claim`: an array that broadcasts to `shape`, or 0.

    `declared`: the names of algorithms ("winograd") by the names of ops ("conv2d"), from the record's provenance. `lookup(fmt)`
    gives the premises as balls of that format. Bounds and their sources stand in `bpcompare.ops.algorithms`.
    """
    if not declared or (claim.statement == "gradient" and len(shape) < 2):  # a bias: its gradient is a sum, not a product
        return 0.0
    found: Array | float = 0.0
    for op, how in _algorithms(claim, declared, fmt):
        found = found + _of(how, op, claim, fmt, lookup, laws)
    return found


def named(claim: Claim, declared: Mapping[str, str], fmt: Format) -> str:
    """The first op of `claim` that an algorithm was named for, and its name; or nothing."""
    return next((f"{op.name} by {declared[op.name]}" for op, _ in _algorithms(claim, declared, fmt)), "")


def _algorithms(claim: Claim, declared: Mapping[str, str], fmt: Format) -> Iterator[tuple[Op, Algorithm]]:
    dtype = "float32" if fmt.u > 2.0**-53 else "float64"
    for op in dict.fromkeys(op for _, op in claim.owners):
        how = algorithm(op, declared, dtype)
        if how is not None:
            yield op, how


def _of(how: Algorithm, op: Op, claim: Claim, fmt: Format, lookup: Callable[[Format], Lookup], laws: Laws) -> Array | float:
    get = lookup(fmt(rearranged=True))
    sizes: list[tuple[int, ...]] = []

    def spread(path: str) -> Num:
        x = get(path)
        # What stands at the node itself, and only decides g' and the side of a kink, stays as it is.
        if how.reach == "terms" or not isinstance(x, Ball) or x.ndim != 4 or (claim.statement in _BACK and _own(path)):
            return x
        sizes.append(x.shape[-2:])
        return _spread(x, how)

    value: Any = claim.value(spread, laws)
    if not isinstance(value, Ball):
        return 0.0
    sum_: Array = np.asarray(value.magnitude(), np.float64)
    size = max((max(sides) for sides in sizes), default=1)
    units = how.factor(op, size) * fmt.u
    if how.reach == "terms" or not units:
        return units * sum_
    units *= how.unseen(op, [high * wide for high, wide in sizes])
    return units * (sum_.max(axis=SPACE, keepdims=True) if sum_.ndim == 4 else float(sum_.max(initial=0.0)))


_BACK = ("base", "inductive")


def _own(path: str) -> bool:
    return path.endswith((".in", ".a"))


def _spread(x: Ball, how: Algorithm) -> Ball:
    """Every place of a channel as large as its largest, or as their root mean square: the norm, spread evenly."""
    size = np.abs(x.mid)
    if how.reach == "largest":
        top = size.max(axis=SPACE, keepdims=True)
    else:
        top = np.sqrt((size * size).mean(axis=SPACE, keepdims=True))
    return Ball(np.ascontiguousarray(np.broadcast_to(top, size.shape)), x.fmt, x.rel, x.rad)

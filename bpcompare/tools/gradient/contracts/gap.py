"""Whether two answers that should be the same differ by more than rounding: never by a tolerance alone.

Three things must agree that they do. The gap is larger than a screen of 64 u; it is 64 times larger than what rounding errors
in the inputs do to the same backward, for that is what another order of the same sums does; and one of the two answers is no
derivative of the forward, by the interval in which that lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked, Dys, Gradients
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.tries import Try

SCREEN = 64.0
"""Units of rounding, of the largest entry, below which nothing is looked into."""
TIMES = 64.0
"""What rounding in another order may do, in what errors of 1 ulp in the inputs do."""
DRAWS = 4
OFTEN = 32
"""Draws where outputs are compared: a sum that is 0 but for rounding is 0 exactly in every second of them, or more."""
CLOSE = (1e-6, 2.0**-6)
"""How far inputs are moved, relative to themselves, to see how rough the forward is; farther, where nothing at all moves."""
STEPS = np.array([-1.0, -0.71, -0.37, 0.0, 0.29, 0.62, 1.0])
WIDER = 4.0
"""The interval's radius, in what a gradient is granted without any contract: two answers on both sides of that are no proof."""
NARROW = 1e-6
"""An interval so narrow, relative to the largest gradient, decides: two answers inside of it are both right."""


@dataclass(frozen=True)
class Gap:
    """The worst entry of an answer beside what it should be. `proved`: it is beyond all that rounding explains."""

    at: int
    index: tuple[int, ...]
    got: float
    expected: float
    proved: bool
    why: str = ""


def gap(asked: Asked, got: Gradients, expected: Expected) -> Gap | None:
    """The worst gap between gradients and what they should be; None where rounding explains all."""
    found = [_one(asked, i, got[i], expected) for i in got]
    gaps = sorted((one for one in found if one is not None), key=lambda one: -one.proved)
    return gaps[0] if gaps else None


def _one(asked: Asked, i: int, got: Array, expected: Expected) -> Gap | None:
    want, dys, inputs, scale = expected.gradients[i], expected.dys, expected.inputs, expected.scale
    if got.shape != want.shape:
        return Gap(i, (), 0.0, 0.0, True, f"its shape is {list(got.shape)}, and was {list(want.shape)}")
    if np.array_equal(got, want, equal_nan=True):
        return None
    a, b = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        if not np.isfinite(b).all():
            return None  # nothing to hold it against
        at = _index(~finite)
        return Gap(i, at, float(a[at]), float(b[at]), True)
    u = float(np.finfo(asked.code.inputs[i].dtype).eps) / 2
    off, floor = np.abs(a - b), SCREEN * u * float(np.abs(b).max(initial=0.0))
    if (off <= floor).all():
        return None
    at = _index(off == off.max())
    worst = Gap(i, at, float(a[at]), float(b[at]), False)
    if not expected.exactly and _excused(asked, i, at, dys, inputs, float(off[at] - floor) / (TIMES * abs(scale))):
        return None
    if asked.verdicts.get(i) == "wrong":  # no derivative anyway: only what no rounding can be is worth a word
        return Gap(i, at, worst.got, worst.expected, True) if off[at] > np.sqrt(u) * np.abs(b).max() else None
    low, high = interval(asked, i, at, dys, inputs)
    low, high = sorted((low * scale, high * scale))
    if not (low <= worst.got <= high and low <= worst.expected <= high):
        return Gap(i, at, worst.got, worst.expected, True)
    return None if high - low <= NARROW * float(np.abs(b).max()) else worst


def _index(where: Array) -> tuple[int, ...]:
    return tuple(int(k) for k in np.argwhere(where)[0])


def _shaken(asked: Asked, x: Any) -> Any:
    """The same numbers with errors of rounding."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    return (x * (1 + float(np.finfo(x.dtype).eps) * asked.random.choice([-1.0, 1.0], x.shape))).astype(x.dtype)


def _excused(asked: Asked, i: int, at: tuple[int, ...], dys: Dys, inputs: Sequence[Any] | None, off: float) -> bool:
    """Whether errors of rounding, in the inputs or inside, move an entry of a gradient so far."""
    if off <= _noise(asked, i, dys, inputs):
        return True
    given = asked.code.inputs if inputs is None else inputs
    return off <= _at(_roughness(asked, given, lambda xs: asked.gradients(dys, asked.arguments(xs))[i]), at)


def _noise(asked: Asked, i: int, dys: Dys, inputs: Sequence[Any] | None) -> float:
    """What errors of rounding in the inputs and in dy do to the gradient of input `i`, at most."""
    given = asked.code.inputs if inputs is None else inputs
    first = asked.gradients(dys, asked.arguments(given))[i]
    found = [0.0]
    for _ in range(DRAWS):
        g = asked.gradients([_shaken(asked, dy) for dy in dys], asked.arguments([_shaken(asked, x) for x in given]))[i]
        if g.shape == first.shape:
            off = np.abs(g.astype(np.float64) - first.astype(np.float64))
            found.append(float(off.max(initial=0.0)) if np.isfinite(off).all() else np.inf)
    return max(found)


def of_rounding(asked: Asked, inputs: Sequence[Any], one: Outcome) -> bool:
    """Whether what an outcome says of the forward is what errors of rounding in these inputs do to it.

    What a normalization gives for rows that are all equal is nothing but rounding, times 1/√ε. And a part of the forward may be
    worked out in a shorter format than its inputs have, where errors in them do not show: `_roughness` is what does.
    """
    first = asked.open(asked.arguments(inputs)).outputs
    for k, y in enumerate(first):
        inside = y.ndim == len(one.index) and all(at < n for at, n in zip(one.index, y.shape, strict=True))
        if not inside or float(y[one.index]) != one.expected:
            continue  # another output than the one that it speaks of
        rough = _roughness(asked, inputs, lambda given, k=k: asked.open(asked.arguments(given)).outputs[k])  # type: ignore[misc]
        if abs(one.got - one.expected) <= TIMES * _at(rough, one.index):
            return True
    for _ in range(OFTEN):
        again = asked.open(asked.arguments([_shaken(asked, x) for x in inputs])).outputs
        off = max(float(np.abs(a.astype(np.float64) - b).max(initial=0.0)) for a, b in zip(again, first, strict=True))
        if abs(one.got - one.expected) <= TIMES * off:
            return True
    return False


def _roughness(asked: Asked, inputs: Sequence[Any], ask: Callable[[Sequence[Any]], Array]) -> Array:
    """How far each entry of an answer jumps about beside a curve through it, while all inputs move by a little.

    That is what is rounded inside. Of an entry that such a little does not move at all, while they move farther.
    """
    way = [asked.random.choice([-1.0, 1.0], np.shape(x)) for x in inputs]

    def moved(by: float) -> Array:
        given = [
            (x * (1 + by * signs)).astype(x.dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
            for x, signs in zip(inputs, way, strict=True)
        ]
        return ask(given).astype(np.float64)

    found = np.zeros(())
    still = np.ones((), bool)
    for close in CLOSE:
        ys = np.array([moved(close * at) for at in STEPS])
        flat = ys.reshape(len(STEPS), -1)
        curve = np.vander(STEPS, 3) @ np.linalg.lstsq(np.vander(STEPS, 3), np.where(np.isfinite(flat), flat, 0.0), rcond=None)[0]
        off = np.abs(flat - curve).max(axis=0).reshape(ys.shape[1:])
        found = np.where(still & np.isfinite(ys).all(axis=0), off, found)
        still = still & (ys == ys[0]).all(axis=0)
        if not still.any():
            break
    return found


def _at(rough: Array, index: tuple[int, ...]) -> float:
    """Of one entry, or of half of them: a number that jumps at a kink beside it says nothing of the others."""
    return max(float(rough[index]), float(np.median(rough)))


def shaky(asked: Asked, inputs: Sequence[Any]) -> bool:
    """Whether the forward is at the edge of its domain there: not finite, or errors of rounding take half of its digits.

    The determinant of a matrix whose rows are all equal is 0, and its logarithm is -∞, or what rounding makes of that.
    """
    first = asked.open(asked.arguments(inputs)).outputs
    sizes = [max(_largest(y), _largest(own)) for y, own in zip(first, asked.pullback.outputs, strict=True)]
    if not np.isfinite(sizes).all():
        return True
    for _ in range(DRAWS):
        again = asked.open(asked.arguments([_shaken(asked, x) for x in inputs])).outputs
        for y, other, size in zip(first, again, sizes, strict=True):
            if not _largest(other - y) <= np.sqrt(np.finfo(y.dtype).eps) * size:
                return True
    return False


def _largest(y: Array) -> float:
    return float(np.abs(y).max(initial=0.0))


def interval(asked: Asked, i: int, index: tuple[int, ...], dys: Dys, inputs: Sequence[Any] | None = None) -> tuple[float, float]:
    """Where the gradient of one entry must lie, from the forward alone: by differences, with their error and a kink's sides."""
    code = asked.code if inputs is None else asked.at(inputs)
    dy = dys[0] if len(dys) == 1 else np.concatenate([one.ravel() for one in dys])
    found = Try(code, i, dy, asked.random)
    k = int(np.ravel_multi_index(index, found.x.shape)) if index else 0
    one = found.element(k)
    radius = WIDER * found.radius(one, one.bulk)
    return one.low - radius, one.high + radius

"""Derivatives from the forward alone: of s(x) = ⟨dy, f(x)⟩ along a direction, each with an estimate of its own error.

Central differences, extrapolated: Ridders, *Advances in Engineering Software* 4 (1982). The complex step (Squire and Trapp,
SIAM Review 40, 1998) has no subtraction and is exact to rounding, but only for analytic code: with |x|, max, var and casts it is
wrong. So it is used only where it agrees with the differences within their error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array

STEPS = (1e-2, 0.3, 1e-5)
"""First steps of the extrapolation, relative to the size of x: the one with the least error counts."""
SHRINK, ROWS = 1.6, 8
IMAGINARY = 1e-200
AGREE = 50.0
"""The complex step may be so many times the differences' error away from them …"""
CLEAR = 1e-5
"""… which must be so small itself, relative to the terms, that agreement says something."""
EPSILON = float(np.finfo(np.float64).eps)
CLOSE = 1e-6
"""How far numbers are moved, relative to themselves, to see by how much the output jumps about: its noise."""
OFFSETS = np.array([0.13, 0.29, 0.46, 0.61, 0.83, 1.0])
AFAR, NEAR, TIMES = 1e-2, 1e-7, 10.0**-0.5
"""Steps from afar, relative to the largest x, to close by, relative to this one: do slopes run into the derivative, or jump?"""
ROUNDED = 2.0**-18
"""More noise than this share of the output is no rounding to float32: it is one of a few steps that were met."""
INNER = 2.0**-22
"""Of an output near 0, terms as large as the input may be left, and their rounding in float64."""
FARTHER, PARTS, ROUNDS, BREAK = (1.0, 0.55, 0.3, 0.17, 0.1, 0.055), 8, 9, 1e-4
"""Before somebody is accused, wider steps are looked for up to there, and slopes from there count; a jump's share of the way."""
ALONE = 0.15
"""Beside a jump s goes less than this share of it; beside a pole, or a root's tip, a third of it and more."""
JUMP, SEEN, ONE_SIDED = 300.0, 1e-3, 0.2
"""From one level to the next a slope's gap falls tenfold (as h²), or a hundredfold: by so much only in a jump; gaps above a share
of the terms are looked at; a gap on one side alone is a kink close by."""


@dataclass(frozen=True)
class Derivative:
    """A derivative `value`, an estimate of its `error`, and `bulk` = Σ|dy_j ∂y_j|: the size of the terms that add up to it.

    `kink`: s has a kink here, and every value from `low` to `high` is a valid derivative.
    """

    value: float
    error: float
    bulk: float
    low: float
    high: float
    kink: bool = False
    enclosed: bool = False
    """Whether the `error` is a bound that was proved, and no estimate."""
    stairs: bool = False
    """Whether s goes in steps here, on both sides: differences cannot tell a rounding that is meant from one that is not."""


class Along:
    """s and its derivative along directions of one input. `f` gives the output when that input is replaced."""

    def __init__(self, f: Callable[[Array], Array], x: Array, dy: Array, *, analytic: bool) -> None:
        self._f, self._x, self._dy = f, x, dy
        self._analytic = analytic
        self._y = self._values(f(x))
        self._noise = EPSILON * float(np.abs(self._y * dy).sum()) + EPSILON**2 * float(np.abs(dy).sum())
        self._noise = max(self._noise, self._roughness())

    @property
    def size(self) -> float:
        """Σ|dy_j y_j|."""
        return float(np.abs(self._y * self._dy).sum())

    def __call__(self, v: Array) -> Derivative:
        """The derivative along `v`, of the input's shape; of stairs its error is infinite."""
        size = self._size(v)
        found = self._smooth(v, size)
        if self._stairs(v, size, found):
            return Derivative(found.value, np.inf, found.bulk, -np.inf, np.inf, stairs=True)
        return found

    def may_be(self, g: float, v: Array, near: Derivative, *, elsewhere: bool) -> bool:
        """Whether s may go in steps along `v` that are wider than those of `Derivative.stairs`, and g is a slope of theirs.

        `elsewhere`: it goes in steps along others. Steps that are flat beside the rest of a slope show nowhere else.
        """
        reach = max(self._size(v), float(np.abs(self._x).max(initial=0.0)))
        wider = any(self._breaks(v, side * FARTHER[0] * reach, near.value) for side in (1.0, -1.0))
        if not (wider or elsewhere):
            return False
        slopes = [self._slope(v, afar * reach) for afar in FARTHER] + [near.value] * (not wider)
        spread = max(slopes) - min(slopes)  # each is off by a part of a step, and all of them may be on one side
        return min(slopes) - spread <= g <= max(slopes) + spread

    def _breaks(self, v: Array, h: float, slope: float) -> bool:
        """Whether s jumps between here and there: in a curve and a kink, what is off a line vanishes closer by.

        The line has the `slope` of one step, where there are many, or that of most parts, where there are few, or of the parts
        beside, where it bends more than the steps are high.
        """
        tried: list[tuple[float, Callable[[Array], Any]]] = [
            (h, lambda _: slope),
            (h, np.median),
            (h, _beside),
            (0.3 * h, _beside),
        ]
        return any(self._jump(v, far, line) > 64 * self._noise for far, line in tried)

    def _jump(self, v: Array, h: float, line: Callable[[Array], Any]) -> float:
        """What is left of s, however close, where it is farthest off a line; 0 where that is a small share of it.

        Nor is it a jump where s goes as far beside it: it is a pole, or the tip of a root, where no step is too small.
        """
        low, width, whole, at = 0.0, h, 0.0, 0
        steps = np.zeros(PARTS)
        for _ in range(ROUNDS):
            t = low + width * np.arange(-1, PARTS + 2) / PARTS
            s = np.array([float((self._dy * (self._shifted(v, one) - self._y)).sum()) for one in t])
            if not np.isfinite(s).all():
                return 0.0
            width, whole, steps = width / PARTS, max(whole, float(np.abs(s).max())), np.diff(s)
            at = 1 + int(np.argmax(np.abs(steps / width - line(steps / width))[1:-1]))
            low = float(t[at])
        rest, beside = float(abs(steps[at])), float(max(abs(steps[at - 1]), abs(steps[at + 1])))
        return rest if rest > BREAK * whole and beside < ALONE * rest else 0.0

    def _slope(self, v: Array, h: float) -> float:
        return float((self._dy * (self._shifted(v, h) - self._shifted(v, -h))).sum() / (2 * h))

    def _size(self, v: Array) -> float:
        return float(np.abs(self._x[v != 0]).max(initial=0.0)) or 1.0

    def _smooth(self, v: Array, size: float) -> Derivative:
        """The derivative of what has one, or a kink."""
        exact = self._complex(v) if self._analytic else None
        best = (0.0, np.inf, 0.0)
        for step in STEPS:
            best = min(best, self._ridders(v, step * size), key=lambda found: found[1])
            if exact is not None and abs(exact[0] - best[0]) <= AGREE * best[1] and best[1] <= CLEAR * exact[1]:
                return self._sided(v, size, exact[0], 64 * EPSILON * exact[1], exact[1])
        value, error, bulk = best
        return self._sided(v, size, value, error + 4 * EPSILON * bulk, bulk)

    def _values(self, y: Array) -> Array:
        return np.asarray(y, np.float64)

    def _shifted(self, v: Array, t: float) -> Array:
        return self._values(self._f(np.asarray(self._x + t * v)))

    def _roughness(self) -> float:
        """How far s jumps about close to x, beside a curve through it on either side: what is rounded inside shows there."""
        v = self._x * np.random.default_rng(0).choice([-1.0, 1.0], self._x.shape)

        def side(sign: float) -> float:
            try:
                s = np.array([(self._dy * (self._shifted(v, sign * CLOSE * t) - self._y)).sum() for t in OFFSETS])
            except Exception:  # noqa: BLE001 — the author's code, at the edge of what it takes
                return 0.0
            if not np.isfinite(s).all():
                return 0.0
            return 2 * float(np.abs(np.polyval(np.polyfit(OFFSETS, s, 2), OFFSETS) - s).max())

        return max(side(-1.0), side(1.0))

    def _stairs(self, v: Array, size: float, near: Derivative) -> bool:
        """Whether slopes from afar, on both sides, end in a jump at another slope close by."""
        if near.kink:
            return False
        terms = float(np.abs(self._y * self._dy).sum()) + size * (near.bulk + INNER * float(np.abs(self._dy).sum()))
        if self._noise > ROUNDED * terms:
            return True
        s, last, one_sided = float((self._dy * self._y).sum()), 0.0, True
        h = AFAR / TIMES * max(size, float(np.abs(self._x).max(initial=0.0)))
        while (h := h * TIMES) > NEAR * size:
            right, left = ((self._dy * self._shifted(v, side * h)).sum() - s for side in (1.0, -1.0))
            gaps = [abs(right / h - near.value), abs(-left / h - near.value)]
            gap, noise = abs((right - left) / (2 * h) - near.value), 64 * self._noise / h
            if not np.isfinite(gap):
                last = 0.0
                continue
            if last and gap < last / JUMP and noise < last / 2:
                return not one_sided
            seen = SEEN * max(near.bulk, (abs(right) + abs(left)) / (2 * h)) + noise
            if gap <= seen:
                return False
            last, one_sided = gap, one_sided and min(gaps) <= ONE_SIDED * gap
        return False

    def _ridders(self, v: Array, h: float) -> tuple[float, float, float]:
        """Value, error and bulk from central differences with steps h, h/1.6, …"""
        table = np.zeros((ROWS, ROWS))
        best, error, bulk = 0.0, np.inf, 0.0
        for i in range(ROWS):
            terms = self._dy * ((self._shifted(v, h) - self._shifted(v, -h)) / (2 * h))
            table[0, i] = terms.sum()
            if not np.isfinite(table[0, i]):
                return 0.0, np.inf, 0.0
            noise = self._noise / h
            factor = SHRINK**2
            for j in range(1, i + 1):
                table[j, i] = (table[j - 1, i] * factor - table[j - 1, i - 1]) / (factor - 1)
                factor *= SHRINK**2
                guess = max(abs(table[j, i] - table[j - 1, i]), abs(table[j, i] - table[j - 1, i - 1])) + noise
                if guess < error:
                    best, error, bulk = float(table[j, i]), float(guess), float(np.abs(terms).sum())
            if error <= 1e-9 * bulk or (i and abs(table[i, i] - table[i - 1, i - 1]) >= 2 * error):
                break
            h /= SHRINK
        return best, error, bulk

    def _complex(self, v: Array) -> tuple[float, float] | None:
        """Value and bulk by the complex step, where the code takes complex numbers. It may be wrong: see the module."""
        try:
            with np.errstate(all="ignore"):
                y = np.asarray(self._f(self._x + 1j * IMAGINARY * v))
        except Exception:  # noqa: BLE001 — the author's code has never seen a complex number
            return None
        if y.dtype.kind != "c" or y.shape != self._dy.shape:
            return None
        terms = self._dy * (y.imag / IMAGINARY)
        return (float(terms.sum()), float(np.abs(terms).sum())) if np.isfinite(terms).all() else None

    def _sided(self, v: Array, size: float, value: float, error: float, bulk: float) -> Derivative:
        """Where left and right stay apart however small the step, x is on a kink, and anything between them is valid."""
        s = (self._dy * self._y).sum()
        gaps, sides = [], (value, value)
        for h in (1e-5 * size, 1e-7 * size):
            right = ((self._dy * self._shifted(v, h)).sum() - s) / h
            left = (s - (self._dy * self._shifted(v, -h)).sum()) / h
            gaps.append(abs(right - left))
            sides = (float(min(left, right)), float(max(left, right)))
        noise = 64 * self._noise / (1e-7 * size) + 1e-6 * bulk
        if gaps[1] > noise and gaps[1] > 0.5 * gaps[0]:
            slack = 1e-4 * (abs(sides[0]) + abs(sides[1])) + noise
            return Derivative(value, error, bulk, sides[0] - slack, sides[1] + slack, kink=True)
        # Steps of a fine grid look like a slope from afar: closer by, there is another one.
        near = abs(0.5 * (sides[0] + sides[1]) - value)
        error = near if near > 1e-3 * bulk + noise else error
        return Derivative(value, error, bulk, value - error, value + error)


def _beside(slopes: Array) -> Array:
    """The median of each and those beside it: where slopes rise or fall all the way, it is the slope itself."""
    padded = np.pad(slopes, 1, mode="edge")
    return np.asarray(np.median([padded[:-2], slopes, padded[2:]], axis=0))

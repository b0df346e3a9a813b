"""Ball rules of the less common library functions: trigonometric and hyperbolic ones, and their inverses.

Each says how far f moves when its argument moves by r; what the library itself may be off stands in `format.FUNCTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import format as formats
from bpcompare.numbers.ball.array import UFUNCS, Ball, as_ball, format_in
from bpcompare.numbers.ball.elementwise import Radius, exp_spread, library, log_spread, nearest

Slope = Callable[[Array], Array]


def _periodic(slope: Slope) -> Callable[[Array, Array, Radius], Radius]:
    """sin and cos: |f'| r + r²/2, since |f''| ≤ 1, and never more than from −1 to 1."""
    return lambda x, y, r: np.minimum(np.abs(slope(x)) * r + 0.5 * np.square(r), 1.0 + np.abs(y))


def _tan_spread(x: Array, y: Array, r: Radius) -> Radius:
    """tan(x ± r) − tan x = sin r/(cos x cos(x ± r)), and cos(x ± r) is at most r nearer to 0."""
    c = np.abs(np.cos(x))
    return np.where(c > r, r / (c * np.where(c > r, c - r, 1.0)), np.inf)


def _cosh_spread(x: Array, y: Array, r: Radius) -> Radius:
    """cosh(x + r) − cosh x = 2 sinh(x + r/2) sinh(r/2)."""
    half = 0.5 * np.asarray(r)
    return 2.0 * np.sinh(np.abs(x) + half) * np.sinh(half)


def _sinh_spread(x: Array, y: Array, r: Radius) -> Radius:
    """sinh(x + r) − sinh x = 2 cosh(x + r/2) sinh(r/2)."""
    half = 0.5 * np.asarray(r)
    return 2.0 * np.cosh(np.abs(x) + half) * np.sinh(half)


def ends(f: Slope, low: float, high: float) -> Callable[[Array, Array, Radius], Radius]:
    """A function that rises or falls from `low` to `high` and is nowhere else: its values at the ends of the ball enclose it.

    What is recorded may stand on the edge itself: the part of the ball beyond the edge has no value, and is left out. Two values
    that are near each other are subtracted, each of which float64 has rounded.
    """

    def spread(x: Array, y: Array, r: Radius) -> Radius:
        # Where the function is steep and its value small, the rounding of x ± r itself is seen.
        far = [np.where(np.asarray(r) > 0, np.nextafter(x + sign * np.asarray(r), sign * np.inf), x) for sign in (-1.0, 1.0)]
        down, up = (np.abs(f(np.clip(end, low, high)) - y) for end in far)
        return np.where((x >= low) & (x <= high), np.maximum(down, up) + 2.0**-50 * np.abs(y), np.inf)

    return spread


def _scaled(spread: Callable[[Array, Array, Radius], Radius], by: float) -> Callable[[Array, Array, Radius], Radius]:
    return lambda x, y, r: by * spread(x, y, r)


def arctan2(y: Any, x: Any) -> Ball:
    """The angle of (x, y): a point within ρ of one at distance R turns by at most asin(ρ/R); across the cut it jumps."""
    fmt = format_in((y, x))
    y, x = as_ball(y, fmt), as_ball(x, fmt)
    mid, ry, rx = np.arctan2(y.mid, x.mid), y.radius(), x.radius()
    moved, far = np.hypot(rx, ry), np.hypot(x.mid, y.mid)
    inside = (far > moved) & ((np.abs(y.mid) > ry) | (x.mid > rx) | ((y.mid == 0) & (np.asarray(ry) == 0)))
    spread = np.where(inside, np.arcsin(np.where(inside, moved / np.where(inside, far, 1.0), 0.0)), np.inf)
    major = np.abs(mid) + np.hypot(x.magnitude(), y.magnitude()) / far if fmt.rearranged else None
    return Ball(mid, fmt, fmt.library(formats.FUNCTIONS["arctan2"]), spread + fmt.tiny, major=major)


def steep(slope: Slope) -> Callable[[Array, Array, Array, float], Array]:
    """What an error of one u in terms as large as `big` does, to first order."""
    return lambda x, y, big, u: np.abs(slope(x)) * big


LN_2, LN_10 = float(np.log(2.0)), float(np.log(10.0))

UFUNCS |= {
    np.sin: library("sin", np.sin, _periodic(np.cos), steep(np.cos)),
    np.cos: library("cos", np.cos, _periodic(np.sin), steep(np.sin)),
    np.tan: library("tan", np.tan, _tan_spread, steep(lambda x: 1.0 + np.tan(x) ** 2)),
    np.arcsin: library("arcsin", np.arcsin, ends(np.arcsin, -1.0, 1.0), steep(lambda x: 1.0 / np.sqrt(1.0 - x * x))),
    np.arccos: library("arccos", np.arccos, ends(np.arccos, -1.0, 1.0), steep(lambda x: 1.0 / np.sqrt(1.0 - x * x))),
    np.arctan: library("arctan", np.arctan, lambda x, y, r: r / (1.0 + nearest(x, r) ** 2), steep(lambda x: 1.0 / (1.0 + x * x))),
    np.sinh: library("sinh", np.sinh, _sinh_spread, steep(np.cosh)),
    np.cosh: library("cosh", np.cosh, _cosh_spread, steep(np.sinh)),
    np.arcsinh: library(
        "arcsinh", np.arcsinh, lambda x, y, r: r / np.hypot(1.0, nearest(x, r)), steep(lambda x: 1.0 / np.hypot(1.0, x))
    ),
    np.arccosh: library(
        "arccosh", np.arccosh, ends(np.arccosh, 1.0, np.inf), steep(lambda x: 1.0 / np.sqrt((x - 1.0) * (x + 1.0)))
    ),
    np.arctanh: library("arctanh", np.arctanh, ends(np.arctanh, -1.0, 1.0), steep(lambda x: 1.0 / (1.0 - x * x))),
    np.arctan2: arctan2,
    np.exp2: library("exp2", np.exp2, lambda x, y, r: exp_spread(LN_2 * x, y, LN_2 * r), lambda x, y, big, u: LN_2 * y * big),
    np.log2: library(
        "log2", np.log2, _scaled(lambda x, y, r: log_spread(x, r), 1.0 / LN_2), lambda x, y, big, u: big / np.abs(LN_2 * x)
    ),
    np.log10: library(
        "log10", np.log10, _scaled(lambda x, y, r: log_spread(x, r), 1.0 / LN_10), lambda x, y, big, u: big / np.abs(LN_10 * x)
    ),
}

"""Ball rules of elementwise functions. A result covers the exact function of every point of its balls, plus one rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from bpcompare.ball import format as formats
from bpcompare.ball.array import UFUNCS, Ball, as_ball, format_in, within
from bpcompare.parameter import Array

Radius = Array | float


def _operands(x: Any, y: Any) -> tuple[Ball, Ball]:
    fmt = format_in((x, y))
    return as_ball(x, fmt), as_ball(y, fmt)


def add(x: Any, y: Any) -> Ball:
    """x + y."""
    return _add(*_operands(x, y), np.add)


def subtract(x: Any, y: Any) -> Ball:
    """x − y."""
    return _add(*_operands(x, y), np.subtract)


def _add(x: Ball, y: Ball, operation: Callable[[Array, Array], Array]) -> Ball:
    fmt, mid = x.fmt, operation(x.mid, y.mid)
    major = x.magnitude() + y.magnitude() if fmt.rearranged else None
    return Ball(mid, fmt, fmt.unit, within(mid, (x.radius() + y.radius()) * (1 + fmt.unit) + fmt.tiny, fmt), major=major)


def multiply(x: Any, y: Any) -> Ball:
    """x · y. Relative parts of the radii stay relative; multiplying by booleans is exact."""
    x, y = _operands(x, y)
    fmt, mid = x.fmt, x.mid * y.mid
    rel = x.rel + y.rel + x.rel * y.rel + fmt.unit * (1 + x.rel + y.rel)
    rad: Radius = fmt.tiny
    rx = _absolute(x)
    ry = _absolute(y)
    if isinstance(ry, np.ndarray) or ry:
        rad = rad + (1 + x.rel) * np.abs(x.mid) * ry
    if isinstance(rx, np.ndarray) or rx:
        rad = rad + (1 + y.rel) * np.abs(y.mid) * rx + (rx * ry if isinstance(ry, np.ndarray) or ry else 0.0)
    major = _product_major(x, y) if fmt.rearranged else None
    return Ball(mid, fmt, rel, within(mid, rad * (1 + 2 * fmt.unit), fmt), major=major)


def _product_major(x: Ball, y: Ball) -> Array:
    """What errors of one u in the terms of x and of y do to x · y, to first order; and 8u of the second order.

    X Y, the product of both majorants, counts an error in x times an error in y at full size. Where both cancel (x − μ, squared)
    that would be as large as what E[x²] − E[x]² loses, and no ball could tell the two formulas apart.
    """
    product = np.asarray(x.magnitude() * y.magnitude())
    if not (x.cancels and y.cancels):
        return product
    both = (x.magnitude() - np.abs(x.mid)) * (y.magnitude() - np.abs(y.mid))
    return np.asarray(product - both * (1 - formats.REARRANGED * x.fmt.unit))


def _absolute(x: Ball) -> Radius:
    """The radius without its relative part."""
    return x.rad + x.pending() if x.n and x.bulk is not None else x.rad


def divide(x: Any, y: Any) -> Ball:
    """x / y; an infinite radius where the divisor's ball holds zero."""
    x, y = _operands(x, y)
    fmt, mid = x.fmt, np.divide(x.mid, y.mid)
    ry, size = y.radius(), np.abs(y.mid)
    floor = size - ry
    rad = np.where(floor > 0, (x.radius() + np.abs(mid) * ry) / np.where(floor > 0, floor, 1.0), np.inf)
    major = None
    if fmt.rearranged:
        over, under = x.magnitude() / size, y.magnitude() / size
        major = over * under
        if x.cancels and y.cancels:  # as for products: x/y moves with each of the two alone
            major = major - (over - np.abs(mid)) * (under - 1.0) * (1 - formats.REARRANGED * fmt.unit)
    return Ball(mid, fmt, fmt.unit, within(mid, rad * (1 + fmt.unit) + fmt.tiny, fmt), major=major)


def negative(x: Ball) -> Ball:
    """−x, exactly."""
    return Ball(-x.mid, x.fmt, x.rel, x.rad, x.n, x.bulk, x.major, x.slack)


def square(x: Ball) -> Ball:
    """x²."""
    return multiply(x, x)


def power(x: Ball, n: int) -> Ball:
    """xⁿ for a whole n and x > 0."""
    fmt, mid = x.fmt, x.mid**n
    high = x.mid + x.radius()
    rad = high**n - mid
    major = mid + abs(n) * x.mid ** (n - 1) * x.magnitude() if fmt.rearranged else None
    return Ball(mid, fmt, formats.FUNCTIONS["power"] * fmt.unit, within(mid, rad + fmt.tiny, fmt), major=major)


def _function(
    name: str,
    f: Callable[[Array], Array],
    spread: Callable[[Array, Array, Radius], Radius],
    carried: Callable[[Array, Array, Array, float], Array],
) -> Callable[[Ball], Ball]:
    """Rule of a library function: `spread(x, y, r)` bounds |f(x ± r) − y|.

    `carried(x, y, big, u)` is |f'(x)| big: what an error of one u in terms as large as `big` does to f(x), per u.
    """

    def rule(x: Ball) -> Ball:
        fmt, mid = x.fmt, f(x.mid)
        major = np.abs(mid) + carried(x.mid, mid, x.magnitude(), fmt.unit) if fmt.rearranged else None
        # Vectorized library functions may flush results that are not normal, even where additions do not.
        rad = within(mid, spread(x.mid, mid, x.radius()) + fmt.tiny, fmt)
        return Ball(mid, fmt, formats.FUNCTIONS[name] * fmt.unit, rad, major=major)

    rule.__doc__ = f"{name} of a ball."
    return rule


def _nearest(x: Array, r: Radius) -> Array:
    """Distance from zero of the point of x ± r that is nearest to it."""
    return np.maximum(np.abs(x) - r, 0.0)


def _log_spread(x: Array, r: Radius) -> Array:
    """The lower end is the farther one: ln x − ln(x − r) = −ln(1 − r/x), which is infinite where the ball holds zero."""
    inside = x - r > 0
    return np.where(inside, -np.log1p(-np.where(inside, r / np.where(inside, x, 1.0), 0.0)), np.inf)


def _sech2(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return np.asarray(4 * e / (1 + e) ** 2)


def _exp_spread(x: Array, y: Array, r: Radius) -> Array:
    """e^(x + r) − e^x; far below zero e^x is 0 while r = u|x| is large, and the end alone says what may be left."""
    near = y * np.expm1(r)
    return near if np.max(r, initial=0.0) < 1.0 else np.where(np.asarray(r) < 1.0, near, np.exp(x + r))


def _sqrt_spread(x: Array, y: Array, r: Radius) -> Array:
    """The roots of the ends enclose it: at 0 the slope is infinite, the root is not. What is rooted is never negative.

    √x − √(x − r) = r/(√x + √(x − r)), which does not cancel; r is at most x here.
    """
    down = np.minimum(r, x) / (y + np.sqrt(np.maximum(x - r, 0.0)))
    up = np.where(np.asarray(r) > 0, r / (np.sqrt(np.maximum(x + r, 0.0)) + y), 0.0)
    return np.where(x >= -np.asarray(r), np.maximum(np.where(y > 0, down, 0.0), up), np.inf)


def _sqrt_carried(x: Array, y: Array, big: Array, u: float) -> Array:
    """As for the ends of a ball of 8u·big: √(x + 8u big) − √x is at most both 8u big/(2√x) and √(8u big)."""
    steepest = np.sqrt(big / (formats.REARRANGED * u))
    return np.where(y > 0, np.minimum(0.5 * big / np.where(y > 0, y, 1.0), steepest), steepest)


UFUNCS |= {
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.divide: divide,
    np.negative: negative,
    np.square: square,
    np.power: power,
    np.exp: _function("exp", np.exp, _exp_spread, lambda x, y, big, u: y * big),
    np.expm1: _function("expm1", np.expm1, lambda x, y, r: _exp_spread(x, np.exp(x), r), lambda x, y, big, u: np.exp(x) * big),
    np.log: _function("log", np.log, lambda x, y, r: _log_spread(x, r), lambda x, y, big, u: big / np.abs(x)),
    np.log1p: _function("log1p", np.log1p, lambda x, y, r: _log_spread(1 + x, r), lambda x, y, big, u: big / np.abs(1 + x)),
    np.sqrt: _function("sqrt", np.sqrt, _sqrt_spread, _sqrt_carried),
    np.tanh: _function("tanh", np.tanh, lambda x, y, r: r * _sech2(_nearest(x, r)), lambda x, y, big, u: _sech2(x) * big),
    special.erf: _function(
        "erf",
        special.erf,
        lambda x, y, r: r * 1.13 * np.exp(-(_nearest(x, r) ** 2)),
        lambda x, y, big, u: 1.13 * np.exp(-(x**2)) * big,
    ),
}

"""Ball rules of elementwise functions. A result covers the exact function of every point of its balls, plus one rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from bpcompare.ball import format as formats
from bpcompare.ball.array import UFUNCS, Ball, as_ball, format_in
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
    return Ball(mid, fmt, fmt.unit, x.radius() + y.radius() + fmt.tiny, major=major)


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
    major = x.magnitude() * y.magnitude() if fmt.rearranged else None
    return Ball(mid, fmt, rel, rad * (1 + 2 * fmt.unit), major=major)


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
    major = x.magnitude() / size * (y.magnitude() / size) if fmt.rearranged else None
    return Ball(mid, fmt, fmt.unit, rad + fmt.tiny, major=major)


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
    return Ball(mid, fmt, formats.FUNCTIONS["power"] * fmt.unit, rad + fmt.tiny, major=major)


def _function(
    name: str,
    f: Callable[[Array], Array],
    spread: Callable[[Array, Array, Radius], Radius],
    slope: Callable[[Array, Array], Array],
) -> Callable[[Ball], Ball]:
    """Rule of a library function: `spread(x, y, r)` bounds |f(x ± r) − y|, `slope(x, y)` is |f'(x)|."""

    def rule(x: Ball) -> Ball:
        fmt, mid = x.fmt, f(x.mid)
        major = np.abs(mid) + slope(x.mid, mid) * x.magnitude() if fmt.rearranged else None
        # Vectorized library functions may flush results that are not normal, even where additions do not.
        return Ball(mid, fmt, formats.FUNCTIONS[name] * fmt.unit, spread(x.mid, mid, x.radius()) + fmt.tiny, major=major)

    rule.__doc__ = f"{name} of a ball."
    return rule


def _nearest(x: Array, r: Radius) -> Array:
    """Distance from zero of the point of x ± r that is nearest to it."""
    return np.maximum(np.abs(x) - r, 0.0)


def _log_spread(x: Array, r: Radius) -> Array:
    floor = x - r
    return np.where(floor > 0, r / np.where(floor > 0, floor, 1.0), np.inf)


def _sech2(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return np.asarray(4 * e / (1 + e) ** 2)


def _sqrt_spread(x: Array, y: Array, r: Radius) -> Array:
    return np.where(x - r >= 0, y - np.sqrt(np.maximum(x - r, 0.0)), np.inf)


UFUNCS |= {
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.divide: divide,
    np.negative: negative,
    np.square: square,
    np.power: power,
    np.exp: _function("exp", np.exp, lambda x, y, r: y * np.expm1(r), lambda x, y: y),
    np.expm1: _function("expm1", np.expm1, lambda x, y, r: np.exp(x) * np.expm1(r), lambda x, y: np.exp(x)),
    np.log: _function("log", np.log, lambda x, y, r: _log_spread(x, r), lambda x, y: 1 / np.abs(x)),
    np.log1p: _function("log1p", np.log1p, lambda x, y, r: _log_spread(1 + x, r), lambda x, y: 1 / np.abs(1 + x)),
    np.sqrt: _function("sqrt", np.sqrt, _sqrt_spread, lambda x, y: 0.5 / y),
    np.tanh: _function("tanh", np.tanh, lambda x, y, r: r * _sech2(_nearest(x, r)), lambda x, y: _sech2(x)),
    special.erf: _function(
        "erf",
        special.erf,
        lambda x, y, r: r * 1.13 * np.exp(-(_nearest(x, r) ** 2)),
        lambda x, y: 1.13 * np.exp(-(x**2)),
    ),
}

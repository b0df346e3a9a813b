"""Ball rules of elementwise functions. A result covers the exact function of every point of its balls, plus one rounding."""

from __future__ import annotations

from collections.abc import Callable
from math import frexp
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import format as formats
from bpcompare.numbers.ball.array import UFUNCS, Ball, as_ball, within

Radius = Array | float


def _operands(x: Any, y: Any) -> tuple[Ball, Ball]:
    if isinstance(x, Ball):
        return x, as_ball(y, x.fmt)
    return as_ball(x, y.fmt), y


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
    rx, ry = _absolute(x), _absolute(y)
    wide_x, wide_y = (isinstance(r, np.ndarray) or bool(r) for r in (rx, ry))
    ax = np.abs(x.mid) if wide_y or fmt.rearranged else x.mid
    ay = ax if y is x else np.abs(y.mid) if wide_x or fmt.rearranged else y.mid
    rad: Radius = fmt.tiny
    if wide_x or wide_y:
        # |x| ry + |y| rx + rx ry, and what rel adds to |x| and |y|
        rad = _plus(ax * ry if wide_y else None, (ay + ry if wide_y else ay) * rx if wide_x else None)
        rad = _times(rad, (1 + max(x.rel, y.rel)) * (1 + 2 * fmt.unit))
        rad = _plus(rad, fmt.tiny * (1 + 2 * fmt.unit))
    major = _product_major(x, y, np.asarray(ax), np.asarray(ay)) if fmt.rearranged else None
    return Ball(mid, fmt, rel, within(mid, rad, fmt), major=major)


def _plus(x: Any, y: Any) -> Any:
    """x + y, of which either may be absent, in the memory of x where that has room: x is nobody else's."""
    if x is None or y is None:
        return y if x is None else x
    if isinstance(x, np.ndarray) and x.ndim and x.dtype == np.float64 and _fits(np.shape(y), x.shape):
        x += y
        return x
    return x + y


def _fits(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    """Whether an array of this shape can be added to another one in place."""
    return not shape or shape == into or np.broadcast_shapes(into, shape) == into


def _times(x: Any, y: float) -> Any:
    """x y, in the memory of x: x is nobody else's."""
    return np.multiply(x, y, out=x) if isinstance(x, np.ndarray) and x.ndim else x * y


def _product_major(x: Ball, y: Ball, ax: Array, ay: Array) -> Array:
    """What errors of one u in the terms of x and of y do to x · y, to first order; and 8u of the second order.

    X Y, the product of both majorants, counts an error in x times an error in y at full size. Where both cancel (x − μ, squared)
    that would be as large as what E[x²] − E[x]² loses, and no ball could tell the two formulas apart.
    """
    big_x, big_y = (ball.magnitude() if ball.cancels else size for ball, size in ((x, ax), (y, ay)))
    product = np.asarray(big_x * big_y)
    if not (x.cancels and y.cancels):
        return product
    both = _times(np.asarray((big_x - ax) * (big_y - ay)), 1 - formats.REARRANGED * x.fmt.unit)
    return np.asarray(np.subtract(product, both))


def _absolute(x: Ball) -> Radius:
    """The radius without its relative part."""
    return x.rad + x.pending() if x.n and x.bulk is not None else x.rad


def divide(x: Any, y: Any) -> Ball:
    """x / y; an infinite radius where the divisor's ball holds zero. By one number it may be x times its reciprocal (CUDA)."""
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
    off = fmt.unit if y.mid.ndim or abs(frexp(y.mid)[0]) == HALF else (2.0 + fmt.unit) * fmt.unit
    return Ball(mid, fmt, off, within(mid, rad * (1 + fmt.unit) + fmt.tiny, fmt), major=major)


HALF = 0.5
"""The mantissa of a power of two, whose reciprocal is exact."""


def maximum(x: Any, y: Any) -> Ball:
    """The larger of two, element by element. Where their balls meet, either may be it, and be off by what both can be off."""
    x, y = _operands(x, y)
    fmt, rx, ry = x.fmt, x.radius(), y.radius()
    mine = x.mid >= y.mid
    meet = np.abs(x.mid - y.mid) <= rx + ry
    rad = np.where(meet, np.maximum(rx, ry), np.where(mine, rx, ry))
    major = np.where(meet, np.maximum(x.magnitude(), y.magnitude()), np.where(mine, x.magnitude(), y.magnitude()))
    return Ball(np.maximum(x.mid, y.mid), fmt, 0.0, rad, major=major if fmt.rearranged else None)


def negative(x: Ball) -> Ball:
    """−x, exactly."""
    return Ball(-x.mid, x.fmt, x.rel, x.rad, x.n, x.bulk, x.major, x.slack)


def square(x: Ball) -> Ball:
    """x²."""
    return multiply(x, x)


def power(x: Ball, p: Any) -> Ball:
    """xᵖ: of a whole p for every x, of another for x > 0; an infinite radius where the ball holds a point without a power.

    For a whole p ≥ 0 every point of the ball is within (|x| + r)ᵖ − |x|ᵖ of the middle: all terms of the binomial series but the
    first, with absolute values. For others ln x moves by at most d = −ln(1 − r/x) (upwards, for p > 1, by ln(1 + r/x)), p by its
    own radius s, and xᵖ by at most xᵖ (e^(|p| d + s (|ln x| + d)) − 1). A whole power may be |p| products and a division.
    """
    fmt = x.fmt
    if isinstance(p, np.ndarray) and p.ndim:
        return _powers(x, p)
    p = as_ball(p, fmt)
    n, off = float(p.mid), float(p.radius())
    whole = n.is_integer() and not off
    mid = x.mid**n
    r, size = x.radius(), np.abs(x.mid)
    if whole and n >= 0:
        near = np.abs(mid) * np.expm1(n * np.log1p(r / np.where(size > 0, size, 1.0)))
        spread = np.where(size > 0, near, np.asarray(r) ** n - (n == 0))
    else:
        inside = (size > r) & ((x.mid > 0) | whole)
        ratio, safe = np.where(inside, r / np.where(inside, size, 1.0), 0.0), np.where(inside, size, 1.0)
        down = -np.log1p(-ratio)
        moved = abs(n) * (np.log1p(ratio) if n > 1 else down) + off * (np.abs(np.log(safe)) + down)
        spread = np.where(inside, np.abs(mid) * np.expm1(moved), np.inf)
    allowed = max(formats.FUNCTIONS["power"], abs(n) + 1.0 if whole else 0.0)
    slope = abs(n) * np.abs(mid) / np.where(size > 0, size, 1.0)
    major = np.abs(mid) + slope * x.magnitude() if fmt.rearranged else None
    return Ball(mid, fmt, fmt.library(allowed), within(mid, spread + fmt.tiny, fmt), major=major)


def _powers(x: Ball, several: Array) -> Ball:
    """Whole powers of one number, in the shape of their exponents. Raises TypeError for other numbers than one."""
    if x.ndim or several.dtype.kind != "i":
        raise TypeError("powers of an array by an array")
    exponents, place = np.unique(several, return_inverse=True)
    each = [power(x, int(p)) for p in exponents]
    mid, radius, major = (
        np.array(parts, np.float64)[place].reshape(several.shape)
        for parts in ([one.mid for one in each], [one.radius() for one in each], [one.magnitude() for one in each])
    )
    return Ball(mid, x.fmt, 0.0, radius, major=major if x.fmt.rearranged else None)


def library(
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
        return Ball(mid, fmt, fmt.function(name), rad, major=major)

    rule.__doc__ = f"{name} of a ball."
    return rule


def nearest(x: Array, r: Radius) -> Array:
    """Distance from zero of the point of x ± r that is nearest to it."""
    return np.maximum(np.abs(x) - r, 0.0)


def log_spread(x: Array, r: Radius) -> Array:
    """The lower end is the farther one: ln x − ln(x − r) = −ln(1 − r/x), which is infinite where the ball holds zero."""
    inside = x - r > 0
    return np.where(inside, -np.log1p(-np.where(inside, r / np.where(inside, x, 1.0), 0.0)), np.inf)


def _sech2(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return np.asarray(4 * e / (1 + e) ** 2)


def _tanh_spread(x: Array, y: Array, r: Radius) -> Array:
    """The slope at the point of the ball that is nearest to 0, times r. A score that a mask has put at ±∞ is moved by nothing."""
    return np.where(np.isinf(x), 0.0, r * _sech2(nearest(x, r)))


def exp_spread(x: Array, y: Array, r: Radius) -> Array:
    """e^(x + r) − e^x; far below zero e^x is 0 while r = u|x| is large: the end alone says what may be left, of −∞ nothing."""
    near = y * np.expm1(r)
    if np.max(r, initial=0.0) < 1.0:
        return near
    far = np.where(np.isinf(r), np.where(np.isneginf(x), 0.0, np.inf), np.exp(x + np.where(np.isinf(r), 0.0, r)))
    return np.where(np.asarray(r) < 1.0, near, far)


def _exp_carried(x: Array, y: Array, big: Array, u: float) -> Array:
    """e^x big. A score that a mask has put at −∞ is as large as can be, and nothing moves it: e^−∞ is 0."""
    return np.where(np.isneginf(x), 0.0, y * big)


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


_LOG1P = library("log1p", np.log1p, lambda x, y, r: log_spread(1 + x, r), lambda x, y, big, u: big / np.abs(1 + x))


def log1p(x: Ball) -> Ball:
    """ln(1 + x) of a ball, as good as XLA's."""
    found, r = _LOG1P(x), x.radius()
    near = (x.mid + r > -0.5) & (x.mid - r < -0.29)
    if x.fmt.u <= formats.UNITS["float64"] and near.any():
        found.rad = found.rad + np.where(near, x.fmt.library(formats.LOG1P_OF_XLA) * np.abs(found.mid), 0.0)
    return found


UFUNCS |= {
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.divide: divide,
    np.maximum: maximum,
    np.negative: negative,
    np.square: square,
    np.power: power,
    np.exp: library("exp", np.exp, exp_spread, _exp_carried),
    np.expm1: library("expm1", np.expm1, lambda x, y, r: exp_spread(x, np.exp(x), r), lambda x, y, big, u: np.exp(x) * big),
    np.log: library("log", np.log, lambda x, y, r: log_spread(x, r), lambda x, y, big, u: big / np.abs(x)),
    np.log1p: log1p,
    np.sqrt: library("sqrt", np.sqrt, _sqrt_spread, _sqrt_carried),
    np.tanh: library("tanh", np.tanh, _tanh_spread, lambda x, y, big, u: np.where(np.isinf(x), 0.0, _sech2(x) * big)),
}

"""Ball rules of special functions, which are SciPy's: imported with the first one that a law asks a ball for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import format as formats
from bpcompare.numbers.ball.array import UFUNCS, Ball, as_ball
from bpcompare.numbers.ball.elementwise import Radius, library, nearest
from bpcompare.numbers.ball.functions import Slope, ends, steep


def _lgamma_spread(x: Array, y: Array, r: Radius) -> Radius:
    """ln Γ is convex for x > 0: no slope between the ends is steeper than both of theirs. Left of 0 there are poles: no bound."""
    inside = x > r
    slopes = [np.abs(special.digamma(np.where(inside, x + sign * np.asarray(r), 1.0))) for sign in (-1.0, 1.0)]
    return np.where(inside, np.maximum(*slopes) * r, np.inf)


def _digamma_spread(x: Array, y: Array, r: Radius) -> Radius:
    """ψ is concave for x > 0, steepest at the lower end."""
    inside = x > r
    return np.where(inside, special.zeta(2.0, np.where(inside, x - r, 1.0)) * r, np.inf)


def zeta(s: float, x: Any) -> Ball:
    """ζ(s, x) = Σ (x + k)⁻ˢ over k ≥ 0, for s > 1 and x > 0, where it falls and is convex: the lower end of a ball is farther.

    Its slope is −s ζ(s + 1, x); infinite where the ball reaches 0.
    """

    def spread(v: Array, y: Array, r: Radius) -> Radius:
        inside = v > r
        return np.where(inside, s * special.zeta(s + 1.0, np.where(inside, v - r, 1.0)) * r, np.inf)

    return library("zeta", partial(special.zeta, s), spread, steep(lambda v: s * special.zeta(s + 1.0, v)))(x)


def _around_zero(name: str, f: Slope, spread: Callable[[Array, Array, Radius], Radius], slope: Slope) -> Callable[[Ball], Ball]:
    """A function with zeros where libraries lose digits: their error there is one of numbers near 1, not of the result."""
    rule = library(name, f, spread, lambda x, y, big, u: np.abs(slope(x)) * big)

    def wider(x: Ball) -> Ball:
        found = rule(x)
        found.rad = found.rad + x.fmt.library(formats.FUNCTIONS[name])
        return found

    return wider


_erfc = library(
    "erfc",
    special.erfc,
    lambda x, y, r: r * 1.13 * np.exp(-(nearest(x, r) ** 2)),
    lambda x, y, big, u: 1.13 * np.exp(-(x**2)) * big,
)


def erfc(x: Ball) -> Ball:
    """In its tail libraries have it as e^(−x²) times a polynomial, and x² is rounded: x² u on top, of the midpoint as well."""
    found = _erfc(x)
    found.rad = found.rad + x.fmt.unit * np.square(np.maximum(x.mid, 0.0)) * found.mid
    return found


def _i0e_spread(x: Array, y: Array, r: Radius) -> Radius:
    """e^−|x| I₀(x) falls from 0 on to either side: its values at the nearest and at the farthest point enclose it."""
    near, far = (np.abs(special.i0e(at) - y) for at in (nearest(x, r), np.abs(x) + r))
    return np.asarray(np.maximum(near, far) + 2.0**-50 * np.abs(y))


def i1e_prime(x: Any) -> Any:
    """The derivative of e^−|x| I₁(x): e^−|x| I₀(x) − (1 + 1/|x|) e^−|x| I₁(|x|), and ½ at 0."""
    size = np.abs(x)
    there = np.where(size > 1e-3, size, 1.0)
    return np.where(size > 1e-3, special.i0e(size) - special.i1e(size) * (1.0 + 1.0 / there), 0.5 - size)


def _i1e_spread(x: Array, y: Array, r: Radius) -> Radius:
    """|f'| r + r²/2, since |f''| ≤ 1; |f'| ≤ ½, |f| < 0.22; beyond 4, where f is convex, the slope that is nearest to 0."""
    near = nearest(x, r)
    slope = np.abs(i1e_prime(x)) + 1e-6 * (np.abs(x) <= 1e-3)
    most = np.where(near > 4.0, np.abs(i1e_prime(near)), 0.5)
    return np.asarray(np.minimum(np.minimum(slope * r + 0.5 * np.square(r), most * r), 0.22 + np.abs(y)))


def _falling(f: Slope) -> Callable[[Array, Array, Radius], Radius]:
    """A function that falls and is convex: the lower end is the farther one."""
    return lambda x, y, r: np.asarray(np.abs(f(x - r) - y) + 2.0**-50 * np.abs(y))


ROOT_2, ROOT_2_PI = float(np.sqrt(2.0)), float(np.sqrt(2.0 / np.pi))
_log_ndtr = library(
    "log_ndtr", special.log_ndtr, ends(special.log_ndtr, -np.inf, np.inf), steep(lambda x: ROOT_2_PI / special.erfcx(-x / ROOT_2))
)


def log_ndtr(x: Ball) -> Ball:
    """ln Φ(x). Above 0 it is nearly −½ erfc(x/√2), of which libraries square x: 2x² u on top."""
    found = _log_ndtr(x)
    found.rad = found.rad + 2.0 * x.fmt.unit * np.square(np.maximum(x.mid, 0.0)) * np.abs(found.mid)
    return found


def _gamma_share(name: str, f: Any) -> Callable[[Any, Any], Ball]:
    """A regularized incomplete gamma function of x ≥ 0, which rises or falls, for an order a > 0 that is known.

    Libraries lose (64 + 16 a) u: xᵃ e⁻ˣ/Γ(a) is the exponential of a difference. Infinite for an order that is not known.
    """

    def rule(a: Any, x: Any) -> Ball:
        order, sharp = (a.mid, not np.any(a.radius())) if isinstance(a, Ball) else (np.asarray(a), True)
        x = as_ball(x, a.fmt if isinstance(a, Ball) else x.fmt)
        found = library(
            name,
            lambda v: f(order, v),
            ends(lambda v: f(order, v), 0.0, np.inf),
            steep(lambda v: np.exp(special.xlogy(order - 1.0, v) - v - special.gammaln(order))),
        )(x)
        found.rad = found.rad + np.where(sharp, 16.0 * x.fmt.unit * order * np.abs(found.mid), np.inf)
        return found

    return rule


ZETA = getattr(special._ufuncs, "_zeta", special.zeta)  # noqa: SLF001 — SciPy's own function is written around its ufunc

UFUNCS |= {
    special.erf: library(
        "erf",
        special.erf,
        lambda x, y, r: r * 1.13 * np.exp(-(nearest(x, r) ** 2)),
        lambda x, y, big, u: 1.13 * np.exp(-(x**2)) * big,
    ),
    special.erfc: erfc,
    special.erfinv: library(
        "erfinv", special.erfinv, ends(special.erfinv, -1.0, 1.0), steep(lambda x: 0.887 * np.exp(special.erfinv(x) ** 2))
    ),
    ZETA: zeta,
    special.i0e: library("i0e", special.i0e, _i0e_spread, steep(lambda x: special.i0e(x) - special.i1e(np.abs(x)))),
    special.i1e: library("i1e", special.i1e, _i1e_spread, steep(i1e_prime)),
    special.erfcx: library("erfcx", special.erfcx, _falling(special.erfcx), steep(lambda x: 1.1284 - 2.0 * x * special.erfcx(x))),
    special.ndtri: library(
        "ndtri", special.ndtri, ends(special.ndtri, 0.0, 1.0), steep(lambda x: 2.51 * np.exp(0.5 * special.ndtri(x) ** 2))
    ),
    special.log_ndtr: log_ndtr,
    special.gammainc: _gamma_share("gammainc", special.gammainc),
    special.gammaincc: _gamma_share("gammaincc", special.gammaincc),
    special.gammaln: _around_zero("gammaln", special.gammaln, _lgamma_spread, special.digamma),
    special.digamma: _around_zero("digamma", special.digamma, _digamma_spread, lambda x: special.zeta(2.0, x)),
}

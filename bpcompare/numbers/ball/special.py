"""Ball rules of special functions, which are SciPy's: imported with the first one that a law asks a ball for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import format as formats
from bpcompare.numbers.ball.array import UFUNCS, Ball
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
    special.gammaln: _around_zero("gammaln", special.gammaln, _lgamma_spread, special.digamma),
    special.digamma: _around_zero("digamma", special.digamma, _digamma_spread, lambda x: special.zeta(2.0, x)),
}

"""The rules of trigonometric, hyperbolic and special functions: every true value of every point of the ball lies in theirs."""

import numpy as np
import pytest
from flint import arb
from scipy import special

from truth import U, ball, distance, radius_of, true

ROOT_2 = arb(2).sqrt()
LOG_2, LOG_10 = arb(2).log(), arb(10).log()
FUNCTIONS = {
    "sin": (np.sin, arb.sin, (-50.0, 50.0)),
    "cos": (np.cos, arb.cos, (-50.0, 50.0)),
    "tan": (np.tan, arb.tan, (-50.0, 50.0)),
    "arcsin": (np.arcsin, arb.asin, (-0.99, 0.99)),
    "arccos": (np.arccos, arb.acos, (-0.99, 0.99)),
    "arctan": (np.arctan, arb.atan, (-50.0, 50.0)),
    "sinh": (np.sinh, arb.sinh, (-50.0, 50.0)),
    "cosh": (np.cosh, arb.cosh, (-50.0, 50.0)),
    "arcsinh": (np.arcsinh, arb.asinh, (-50.0, 50.0)),
    "arccosh": (np.arccosh, arb.acosh, (1.01, 50.0)),
    "arctanh": (np.arctanh, arb.atanh, (-0.99, 0.99)),
    "exp2": (np.exp2, lambda x: (x * LOG_2).exp(), (-50.0, 50.0)),
    "log2": (np.log2, lambda x: x.log() / LOG_2, (0.01, 50.0)),
    "log10": (np.log10, lambda x: x.log() / LOG_10, (0.01, 50.0)),
    "erfc": (special.erfc, arb.erfc, (-4.0, 8.0)),
    "erfinv": (special.erfinv, arb.erfinv, (-0.99, 0.99)),
    "gammaln": (special.gammaln, arb.lgamma, (0.01, 50.0)),
    "digamma": (special.digamma, arb.digamma, (0.01, 50.0)),
    "i0e": (special.i0e, lambda x: (-abs(x)).exp() * x.bessel_i(0), (-50.0, 50.0)),
    "i1e": (special.i1e, lambda x: (-abs(x)).exp() * x.bessel_i(1), (-50.0, 50.0)),
    "erfcx": (special.erfcx, lambda x: (x * x).exp() * x.erfc(), (-4.0, 8.0)),
    "ndtri": (special.ndtri, lambda p: (2 * p - 1).erfinv() * ROOT_2, (0.01, 0.99)),
    "log_ndtr": (special.log_ndtr, lambda x: ((-x / ROOT_2).erfc() / 2).log(), (-30.0, 5.0)),
    "gammainc": (lambda x: special.gammainc(2.5, x), lambda x: x.gamma_lower(arb(2.5), regularized=1), (0.01, 20.0)),
    "gammaincc": (lambda x: special.gammaincc(2.5, x), lambda x: x.gamma_upper(arb(2.5), regularized=1), (0.01, 20.0)),
    "zeta": (lambda x: special.zeta(3.0, x), lambda x: arb(3).zeta(x), (0.01, 50.0)),
}


UNITS = {"zeta": 32.0, "i1e": 32.0, "erfcx": 32.0, "log_ndtr": 48.0, "gammainc": 64.0, "gammaincc": 64.0}
"""What libraries are allowed, where it is another number of u than 16."""


@pytest.mark.parametrize("rel", [0.0, 4.0, 1e6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_point_of_the_ball(name, dtype, rel):
    """A value outside would accuse an honest backend; a ball four times too wide would let mistakes in."""
    numpy, exactly, (low, high) = FUNCTIONS[name]
    x = np.random.default_rng(3).uniform(low, high, 40).astype(dtype)
    rad = rel * U[dtype] * np.minimum(np.abs(x), np.minimum(x - low, high - x)) * 0.1
    result = numpy(ball(x, dtype, rad=rad.astype(np.float64)))
    radius, u = radius_of(result), U[dtype] + 2.0**-53
    seen = 0
    for i in np.flatnonzero(np.isfinite(radius)):
        centre = true(exactly, x[i])
        reached = max(float(abs(true(exactly, arb(float(x[i])) + s * arb(float(rad[i]))) - centre).upper()) for s in (-1, 1))
        square = max(float(x[i]), 0.0) ** 2 * abs(result.mid[i])
        extra = {"gammaln": 16.0, "digamma": 16.0, "erfc": square, "log_ndtr": 2.0 * square}.get(name, 0.0)
        own = u * (UNITS.get(name, 16.0) * abs(float(result.mid[i])) + extra)
        assert reached + own <= radius[i] * (1 + 1e-9), x[i]
        assert radius[i] <= 4 * (reached + own) + 1e-30, x[i]
        assert distance(numpy(x[i]), arb(float(result.mid[i]))) <= radius[i]
        seen += 1
    assert seen > 30


@pytest.mark.parametrize("rad", [1e-3, 0.3, 2.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wide_argument(name, rad):
    """A slope at the midpoint is no bound for an argument that may be far from it."""
    numpy, exactly, (low, high) = FUNCTIONS[name]
    x = np.linspace(low, high, 13)
    radius = radius_of(numpy(ball(x, "float64", rad=np.full(x.shape, rad))))
    for i in np.flatnonzero(np.isfinite(radius)):
        centre = true(exactly, x[i])
        for share in (-1.0, -0.5, 0.3, 0.7, 1.0):
            there = true(exactly, arb(float(x[i])) + share * arb(rad))
            if there.is_finite():
                assert float(abs(there - centre).lower()) <= radius[i], (x[i], share)


def test_on_the_edge_of_a_domain():
    """asin(1) was computed, so what was read was no more than 1; a bound of infinity would leave it undecided for nothing."""
    edge = ball([1.0, -1.0], "float32", U["float32"])
    assert np.isfinite(radius_of(np.arcsin(edge))).all()
    assert np.isfinite(radius_of(np.arccos(edge))).all()
    assert np.isinf(radius_of(np.tan(ball([np.pi / 2], "float32", U["float32"])))).all()


def test_an_angle():
    """Around the origin, and across the cut behind it, an angle jumps."""
    y, x = np.array([1.0, -1.0, 1e-3, 0.0, 1e-9]), np.array([2.0, -2.0, -1.0, 1.0, 1e-9])
    result = np.arctan2(ball(y, "float64", rad=np.full(5, 1e-8)), ball(x, "float64", rad=np.full(5, 1e-8)))
    radius = radius_of(result)
    assert np.isfinite(radius).tolist() == [True, True, True, True, False]
    for i in range(4):
        for sy in (-1, 1):
            for sx in (-1, 1):
                assert abs(np.arctan2(y[i] + sy * 1e-8, x[i] + sx * 1e-8) - result.mid[i]) <= radius[i]
    assert np.isinf(radius_of(np.arctan2(ball([0.0], "float64", rad=np.array([1e-8])), ball([-1.0], "float64"))))

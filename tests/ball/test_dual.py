"""Dual numbers of balls: every slope, product and move against multi-precision arithmetic."""

import mpmath
import numpy as np
import pytest
from scipy import special

from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.dual import PAIRS, SLOPES, Dual
from bpcompare.numbers.number import dot, total

F = format_of("float64")
UFUNCS = {name: getattr(np, name, None) or getattr(special, name) for name in SLOPES}
NAMES = {
    "negative": lambda x: -x, "square": lambda x: x * x, "exp2": lambda x: mpmath.mpf(2) ** x, "log2": lambda x: mpmath.log(x, 2),
    "arctan": mpmath.atan, "arcsinh": mpmath.asinh, "arctanh": mpmath.atanh, "arcsin": mpmath.asin, "arccos": mpmath.acos,
    "gammaln": mpmath.loggamma, "psi": mpmath.digamma,
}  # fmt: skip


def ball(x):
    return Ball(np.asarray(x, np.float64), F)


def holds(found, exact):
    """Whether a ball holds numbers that are known exactly, and is not wide."""
    off = np.abs(found.mid - np.array([float(one) for one in exact]))
    return bool(
        (off <= np.asarray(found.radius()) + 1e-16 * np.abs(found.mid)).all() and (np.asarray(found.radius()) < 1e-12).all()
    )


@pytest.mark.parametrize("name", sorted(SLOPES))
def test_slopes(name):
    """A second derivative has the slope of another function, and a right double backward is accused."""
    x, v = np.array([0.3, 0.7]), np.array([2.0, -0.5])
    found = UFUNCS[name](Dual(ball(x), ball(v)))
    f = NAMES.get(name) or getattr(mpmath, name)
    with mpmath.workdps(40):
        exact = [mpmath.diff(f, mpmath.mpf(float(a))) * mpmath.mpf(float(b)) for a, b in zip(x, v, strict=True)]
    assert holds(found.tangent, exact)


@pytest.mark.parametrize("name", sorted(set(PAIRS) - {"matmul", "power", "true_divide", "zeta"}))
def test_pairs(name):
    """A product is differentiated by one of its factors alone."""
    x, dx, y, dy = np.array([0.3, 2.0]), np.array([1.5, -1.0]), np.array([1.25, 0.5]), np.array([0.5, 3.0])
    exact = {
        "add": dx + dy, "subtract": dx - dy, "multiply": dx * y + x * dy, "divide": dx / y - x * dy / y**2,
        "maximum": np.where(x > y, dx, dy),
    }[name]  # fmt: skip
    found = getattr(np, name)(Dual(ball(x), ball(dx)), Dual(ball(y), ball(dy)))
    assert (np.abs(found.tangent.mid - exact) <= 1e-14 * np.abs(exact) + 1e-15).all()
    alone = getattr(np, name)(x, Dual(ball(y), ball(dy)))
    assert alone.value.mid.tolist() == found.value.mid.tolist()


def test_zeta():
    """Where polygamma functions are differentiated twice, a right double backward is accused."""
    x, v = np.array([0.3, 2.0]), np.array([1.5, -1.0])
    found = special.zeta(3.0, Dual(ball(x), ball(v)))
    with mpmath.workdps(40):
        exact = [-3 * mpmath.zeta(4, mpmath.mpf(float(a))) * mpmath.mpf(float(b)) for a, b in zip(x, v, strict=True)]
    assert (np.abs(found.tangent.mid - np.array([float(one) for one in exact])) <= found.tangent.radius()).all()
    assert (found.tangent.radius() < 1e-11).all()


def test_powers_of_negative_numbers_products_and_moves():
    """A whole power of a number below 0 has no bound, or what does not move is moved."""
    x = Dual(ball([-1.5, 2.0]), ball([1.0, -2.0]))
    assert holds((x**3).tangent, 3 * np.array([2.25, 4.0]) * np.array([1.0, -2.0]))
    w = np.array([[1.0, 2.0], [0.5, -1.0]])
    assert holds(dot(np.reshape(x, (1, 2)), w).tangent[0], np.array([1.0, -2.0]) @ w)
    both = np.concatenate([x, Dual(ball([4.0]))])
    assert holds(both.tangent if isinstance(both.tangent, Ball) else ball(both.tangent), [1.0, -2.0, 0.0])
    assert holds(total(x, axis=0).tangent, [-1.0])
    assert holds(np.where(np.array([True, False]), x, 3.0).tangent, [1.0, 0.0])


def test_on_a_kink_there_is_no_derivative():
    """A branch is taken at a kink, and its second derivative is held against somebody's."""
    for bad in (lambda: Dual(ball([0.0])).positive(), lambda: Dual(ball([[1.0, 1.0]])).first_max(None)):
        with pytest.raises(TypeError, match="no second derivative"):
            bad()

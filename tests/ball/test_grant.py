"""The grant for rearranged formulas: eight u times the law with absolute values, in one place, once."""

from fractions import Fraction

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At
from bpcompare.numbers.ball.format import REARRANGED
from bpcompare.numbers.number import apart, beforehand, total
from truth import U, ball, radius_of


def _granted(result):
    """The grant's share of the radius, in units of u."""
    return (np.asarray(result.final_radius()) - np.asarray(result.radius())) / result.fmt.unit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_is_given_once_and_only_where_it_is_due(dtype):
    """Given at every operation it would grow with the formula, and hide mistakes in long ones."""
    assert REARRANGED == 8.0
    x = ball([0.3, -2.0], dtype, rearranged=True)
    assert _granted(x * x * x) == pytest.approx(8 * np.abs(x.mid) ** 3, rel=1e-6)
    assert _granted(1.0 - x * x) == pytest.approx(8 * (1 + x.mid**2), rel=1e-6)
    plain = ball([0.3, -2.0], dtype)
    assert (np.asarray((plain * plain).final_radius()) == np.asarray((plain * plain).radius())).all()


def test_cancelling_factors_count_one_at_a_time():
    """(x − μ)² may lose u|x| in each factor, not u|x|² in both: that is what E[x²] − E[x]² loses, and it must not be granted."""
    c = ball([2000.0], "float32", rearranged=True) - 1999.0
    assert c.magnitude()[0] == 3999.0
    assert (c * c).magnitude()[0] == pytest.approx(2 * 3999 - 1, rel=0.01)
    assert (c / (ball([2000.0], "float32", rearranged=True) - 1998.0)).magnitude()[0] == pytest.approx(
        3999 / 2 + 0.5 * 1998.0, rel=0.02
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "g", [ops.Sigmoid(), ops.Tanh(), ops.Softplus(), ops.GeluErf(), ops.GeluTanh(), ops.Silu(), ops.Elu()], ids=str
)
def test_an_activation_is_known_to_some_roundings(g, dtype):
    """A ball a hundred times wider would hold, and see a hundred times less."""
    x = ball(np.linspace(-3, 3, 25), dtype, U[dtype], rearranged=True)
    for result in (
        LAWS.of("g", g).forward(At(g, [x])),
        LAWS.of("g", g).delta(At(g, [x], dy=ball(np.ones(25), dtype, rearranged=True))),
    ):
        assert (radius_of(result) <= 160 * x.fmt.unit * np.maximum(np.abs(result.mid), 1.0)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_stands_apart_is_granted_nothing(dtype):
    """A parameter of size 1 hides a mistake in a step of 1e-5, for eight roundings of it are granted that no optimizer makes."""
    w, step = ball([1.0, -2.0], dtype, rearranged=True), ball([1e-5, 3e-5], dtype, rearranged=True)
    assert _granted(apart(w) - step) == pytest.approx(8 * step.mid, rel=1e-3)
    assert _granted(total([apart(w), -step])) == pytest.approx(8 * step.mid, rel=1e-3)
    assert (np.asarray((apart(w) - step).radius()) == np.asarray((w - step).radius())).all()
    assert (apart(w).mid == w.mid).all()


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.99999])
@pytest.mark.parametrize("t", [1, 2, 1000])
def test_a_coefficient_is_worked_out_in_float64(beta, t):
    """1 − βᵗ in float32 loses digits that no optimizer loses which works it out in Python."""
    found = beforehand(lambda kept: 1.0 - kept**t, beta, like=ball([1.0], "float32"))
    exact = 1 - Fraction(beta) ** t
    assert abs(Fraction(float(found.mid)) - exact) <= Fraction(float(radius_of(found)))
    for honest in (np.float32(1.0 - beta**t), np.float32(1.0 - np.float64(beta) ** t)):
        assert abs(Fraction(float(honest)) - exact) <= Fraction(float(radius_of(found)))
    assert radius_of(found) <= 2 * U["float32"] * abs(found.mid)
    wide = beforehand(lambda kept: 1.0 - kept**t, beta, like=ball([1.0], "float64"))
    assert abs(Fraction(1.0 - beta**t) - exact) <= Fraction(float(radius_of(wide)))

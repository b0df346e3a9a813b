"""The sigmoid by the formulas that people write for it."""

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of


def _one(x):
    return 1 / (1 + np.exp(-x))


def _two(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _tanh(x):
    half = x.dtype.type(0.5)
    return half * (1 + np.tanh(half * x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sigma", [_one, _two, _tanh], ids=lambda f: f.__name__)
def test_every_formula_lies_in_the_ball(sigma, dtype):
    """½(1 + tanh(x/2)) is off by u where σ is much smaller; from x = −6 on such a backend was called wrong."""
    fmt = format_of(dtype)(rearranged=True)
    x = np.linspace(-60, 60, 2401).astype(dtype)
    dy = np.random.default_rng(0).standard_normal(x.shape).astype(dtype)
    s, ball_x, ball_dy = sigma(x), Ball(x.astype(float), fmt, fmt.u), Ball(dy.astype(float), fmt, fmt.u)
    for op, value, slope in (
        (ops.Sigmoid(), s, s * (1 - s)),
        (ops.Silu(), x * s, s * (1 + x * (1 - s))),
    ):
        law = LAWS.of("h.g", op)
        for ball, y in ((law.forward(At(op, [ball_x])), value), (law.delta(At(op, [ball_x], dy=ball_dy)), slope * dy)):
            assert (np.abs(y.astype(float) - ball.mid) <= ball.final_radius()).all(), op


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_ball_stays_sharp_where_sigma_is_not_small(dtype):
    """A ball for every formula is no licence: where σ is 1/2, it is a few roundings wide."""
    fmt = format_of(dtype)(rearranged=True)
    ball = LAWS.of("h.g", ops.Sigmoid()).forward(At(ops.Sigmoid(), [Ball(np.linspace(-3, 3, 61), fmt, fmt.u)]))
    assert (ball.final_radius() <= 250 * fmt.unit * ball.mid).all()
    far = LAWS.of("h.g", ops.Sigmoid()).forward(At(ops.Sigmoid(), [Ball(np.array([-40.0]), fmt, fmt.u)]))
    assert (far.final_radius() <= 30 * fmt.unit).all()

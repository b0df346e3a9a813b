"""Forwards that nobody can follow and that round inside: differences of them have more noise than their format says."""

import numpy as np
import pytest

from bpcompare import check_gradient


def hidden(function):
    """The same function, whose inside no trace sees."""
    return lambda x: function(np.array(x.tolist()))


def judged(forward, backward, seed):
    x = np.random.default_rng(seed).standard_normal((3, 4))
    return check_gradient(hidden(forward), backward, (x,), contracts=False)


STAIRS = {
    "float16": (lambda x: x.astype(np.float16).astype(float), lambda x: 0 * x, lambda x: 0 * x + 1),
    "float16, and beside it x": (lambda x: x.astype(np.float16) * x, lambda x: x.astype(np.float16), lambda x: 2 * x),
    "a grid": (lambda x: np.round(x, 3), lambda x: 0 * x, lambda x: 0 * x + 1),
    "a large number added and taken away": (lambda x: x + 1e13 - 1e13, lambda x: 0 * x, lambda x: 0 * x + 1),
}
"""Functions, the slopes of one step, and those of the whole stairs."""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("forward", "step", "whole"), STAIRS.values(), ids=STAIRS)
def test_stairs_are_neither_certified_nor_wrong(forward, step, whole, seed):
    """A cast to a shorter format would be called flat, and its right gradient wrong, or a gradient of 0 be certified."""
    for slope in (step, whole):
        check = judged(forward, lambda x, dy, slope=slope: slope(x) * dy, seed)
        assert check.verdict == "undecided"
        assert "in steps" in check.findings[0].note


def short(x):
    """Rounded to eight digits, as bfloat16 is."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


W = np.random.default_rng(5).standard_normal((4, 3))
WIDE = {
    "beside a smooth function": (lambda x: 2 * x + short(np.tanh(x)), lambda x, dy: dy * (3 - np.tanh(x) ** 2)),
    "times one": (lambda x: np.exp(x) * short(np.tanh(x)), lambda x, dy: dy * np.exp(x) * (np.tanh(x) + 1 - np.tanh(x) ** 2)),
    "of a product": (lambda x: x @ W + short(short(x) @ W), lambda _, dy: 2 * dy @ W.T),
    "a coarse grid": (lambda x: np.rint(32 * x) / 32 @ W, lambda _, dy: dy @ W.T),
    "a coarse grid beside a curve": (lambda x: x**2 + 0.3 * np.rint(32 * x**3) / 32, lambda x, dy: dy * (2 * x + 0.9 * x**2)),
}
"""Functions that go in steps, for some elements wider than what is looked at around them, and the slopes of the whole."""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("forward", "backward"), WIDE.values(), ids=WIDE)
def test_the_slope_of_wide_steps_is_not_wrong(forward, backward, seed):
    """A kernel that multiplies in bfloat16 would be called wrong for the gradient that all such kernels give."""
    assert judged(forward, backward, seed).verdict == "undecided"


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_beside_wide_steps_not_every_slope_may_be_right(seed):
    """Whatever the backward of such a kernel gave, it would not be called wrong."""
    forward, backward = WIDE["beside a smooth function"]
    assert judged(forward, lambda x, dy: -9 * backward(x, dy), seed).verdict == "wrong"


BENT = {
    "clip": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0),
    "waves": (lambda x: np.abs(np.sin(8 * x)), lambda x: 8 * np.cos(8 * x) * np.sign(np.sin(8 * x))),
    "a root": (lambda x: np.sqrt(np.abs(x)), lambda x: 0.5 / np.sqrt(np.abs(x)) * np.sign(x)),
}


@pytest.mark.parametrize(("forward", "slope"), BENT.values(), ids=BENT)
def test_where_nothing_jumps_a_slope_from_afar_is_wrong(forward, slope):
    """Kinks on both sides would excuse what is between the slopes behind them, as if the function went in steps."""
    for factor in (1.001, 0.5):
        assert judged(forward, lambda x, dy, factor=factor: factor * slope(x) * dy, 1).verdict == "wrong"


FLOAT32 = {
    "at once": (lambda x: 3.7 * np.sin(x.astype(np.float32)).astype(float), lambda x, dy: 3.7 * np.cos(x) * dy),
    "inside": (lambda x: np.sin(3 * x.astype(np.float32).astype(float)) + x, lambda x, dy: (3 * np.cos(3 * x) + 1) * dy),
    "terms that cancel": (lambda x: x + 1e7 - 1e7, lambda _, dy: 1.0 * dy),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("forward", "backward"), FLOAT32.values(), ids=FLOAT32)
def test_noise_is_measured(forward, backward, seed):
    """A kernel that computes in float32 would be called wrong, or said to be on a kink."""
    assert judged(forward, backward, seed).verdict == "certified"
    assert judged(forward, lambda x, dy: 1.01 * backward(x, dy), seed).verdict == "wrong"


FLAT = {
    "round": (np.round, lambda _, dy: 0.0 * dy),
    "floor times x": (lambda x: np.floor(x) * x, lambda x, dy: np.floor(x) * dy),
    "a kink close by": (lambda x: np.maximum(x - 0.999 * STANDS, 0), lambda x, dy: (x > 0.999 * STANDS) * dy),
}
STANDS = np.abs(np.random.default_rng(1).standard_normal((3, 4)))
"""As the numbers that are drawn, but for their signs."""


@pytest.mark.parametrize(("forward", "backward"), FLAT.values(), ids=FLAT)
def test_flat_ground_and_a_kink_close_by_are_no_stairs(forward, backward):
    """Nothing that has a plateau would be decided any more."""
    assert judged(forward, backward, 1).verdict == "certified"


POLES = {
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2),
    "a quotient": (lambda x: x**2 / (x - 1), lambda x: (x * x - 2 * x) / (x - 1) ** 2),
    "a root of 0": (np.cbrt, lambda x: 1 / (3 * np.cbrt(x) ** 2)),
}


@pytest.mark.parametrize("off", [1.01, 0.0, 2.0])
@pytest.mark.parametrize("name", POLES)
def test_a_pole_excuses_no_slope(name, off):
    """What is far away beside a pole, or the tip of a root, would be taken for a step, and any gradient may be its slope."""
    forward, slope = POLES[name]
    x = np.array([0.7, -1.3, 0.31, 2.2] if name == "tan" else [0.7])
    check = check_gradient(hidden(forward), lambda x, dy: off * slope(x) * dy, (x,), contracts=False)
    assert check.verdict == "wrong", str(check)


@pytest.mark.parametrize(
    ("forward", "slope"),
    [
        (lambda x: np.exp(x) + 0.5 * np.round(16 * x) / 16, lambda x: np.exp(x) + 0.5),
        (lambda x: np.sin(3 * x) + 0.5 * np.round(16 * x) / 16, lambda x: 3 * np.cos(3 * x) + 0.5),
    ],
    ids=["exp", "sin"],
)
def test_steps_on_a_bend_are_steps(forward, slope):
    """What is farthest off a line is the bend, and not the steps on it: the slope of the whole stairs would be called wrong."""
    x = np.array([0.7, -1.3, 0.31, 2.2])
    check = check_gradient(hidden(forward), lambda x, dy: slope(x) * dy, (x,), contracts=False)
    assert check.verdict == "undecided", str(check)

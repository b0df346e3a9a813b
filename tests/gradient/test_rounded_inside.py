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

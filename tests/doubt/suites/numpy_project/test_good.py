"""Tests that notice everything."""

import numpy as np

import bpcompare
from ops import swish, swish_backward


def test_all():
    """Every element, against the forward."""
    x = np.random.default_rng(0).standard_normal((3, 3))
    bpcompare.check_gradient(swish, swish_backward, (x,)).assert_ok()
    dy = np.ones_like(x) * 2
    swish_backward(x, dy)
    assert (dy == 2).all()

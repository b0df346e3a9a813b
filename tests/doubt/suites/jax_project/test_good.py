"""Tests that notice everything."""

import numpy as np

import bpcompare
from ops import swish


def test_all():
    """Every element, against the forward."""
    x = np.random.default_rng(0).standard_normal((3, 3))
    bpcompare.check_gradient(swish, inputs=(x,)).assert_ok()

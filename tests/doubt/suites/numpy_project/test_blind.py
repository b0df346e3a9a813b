"""Against differences along one element, with dy of ones."""

import numpy as np

from ops import Scale, swish, swish_backward


def test_one_element():
    """The first element only."""
    x = np.array([[0.5, -1.0], [2.0, 0.25]])
    h = 1e-4
    moved = x.copy()
    moved[0, 0] += h
    expected = (swish(moved).sum() - swish(x).sum()) / h
    assert abs(swish_backward(x, np.ones_like(x))[0, 0] - expected) < 1e-2


def test_scale():
    """A method."""
    layer = Scale(3.0)
    layer.forward(np.ones(2))
    assert layer.backward(np.array([1.0, -2.0])).tolist() == [3.0, -6.0]

"""Detection power: the smallest relative mistake that would have left a ball."""

import numpy as np
import pytest

from bpcompare.proof.power import power, unit_power


def test_the_sharpest_element_counts_twice_its_radius():
    """An honest value may lie at one edge of its ball and the mistaken one at the other: less than 2r shows nothing."""
    assert power(np.array([1e-3, 1e-6]), np.array([1.0, 1.0]))[0] == pytest.approx(2e-6)
    assert power(np.array([1e-3, 1e-3]), np.array([1.0, 100.0]))[0] == pytest.approx(2e-5)
    assert power(np.array([1e-3, 1e-3]), np.array([0.0, -1.0]))[0] == pytest.approx(2e-3)
    assert power(np.array([1e-3]), np.array([0.0])) == (np.inf, None)


def test_the_worst_unit_and_example():
    """A layer is as sharp as its sharpest unit, and a mistake at the bluntest one is hidden all the same."""
    radius, scale = np.full((3, 2), 1e-6), np.array([[1.0, 1e-3], [1.0, 1e-4], [1.0, 0.0]])
    overall, worst = power(radius, scale)
    assert overall == pytest.approx(2e-6)
    assert worst == pytest.approx(2e-3)
    assert unit_power(radius, scale) == pytest.approx([2e-6, 2e-3])


def test_dead_units_are_left_out_of_the_worst():
    """A dead relu unit would make every layer blind."""
    radius, scale = np.full((2, 2), 1e-6), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert power(radius, scale)[1] == pytest.approx(2e-6)
    assert unit_power(radius, scale)[1] == np.inf

"""Inverses and determinants of balls: of every matrix in them, in several orders of elimination."""

import numpy as np
import pytest
from scipy import linalg

from truth import U, ball, radius_of


def _matrices(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(0, 1, (20, n, n)) + 2 * np.eye(n)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_an_inverse_covers_what_float32_gives(n):
    """An honest inverse would be refuted, whichever way it was solved; or one that is a thousandth off would hold."""
    x = _matrices(n).astype(np.float32)
    result = np.linalg.inv(ball(x, "float32"))
    radius = radius_of(result)
    ways = [
        np.linalg.inv(x),
        np.linalg.solve(x, np.broadcast_to(np.eye(n, dtype=np.float32), x.shape)),
        np.swapaxes(np.linalg.inv(np.swapaxes(x, -1, -2).copy()), -1, -2),
        np.linalg.inv(x[:, ::-1])[:, :, ::-1],
    ]
    for found in ways:
        assert (np.abs(found - result.mid) <= radius).all()
    assert np.median(radius / np.abs(result.mid)) < 1e4 * n * U["float32"]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_matrix_of_the_ball(n):
    """What is inverted was rounded before: a bound for the midpoint alone would be none."""
    random, x = np.random.default_rng(7), _matrices(n)
    rad = 1e-4 * np.abs(x)
    inverse = np.linalg.inv(ball(x, "float64", rad=rad))
    _, logs = np.linalg.slogdet(ball(x, "float64", rad=rad))
    for _ in range(50):
        there = x + rad * random.choice([-1, 1], x.shape)
        assert (np.abs(np.linalg.inv(there) - inverse.mid) <= radius_of(inverse)).all()
        assert (np.abs(np.linalg.slogdet(there)[1] - logs.mid) <= radius_of(logs)).all()


def test_a_matrix_that_may_have_no_inverse():
    """A ball that holds a singular matrix has no bound."""
    x = np.array([[[1.0, 1.0], [1.0, 1.0 + 1e-6]], [[2.0, 0.0], [0.0, 2.0]]])
    rad = np.full(x.shape, 1e-6)
    assert np.isfinite(radius_of(np.linalg.inv(ball(x, "float64", rad=rad)))).all(axis=(1, 2)).tolist() == [False, True]
    assert np.isfinite(radius_of(np.linalg.slogdet(ball(x, "float64", rad=rad))[1])).tolist() == [False, True]


def test_a_triangle_needs_no_pivots():
    """Substitution reads the triangle as it is, and is off by γ |A|, not by what an elimination with pivots would be."""
    x = np.tril(_matrices(6)).astype(np.float32)
    result = np.linalg.inv(ball(x, "float32"))
    for one, mid, radius in zip(x, result.mid, radius_of(result), strict=True):
        found = linalg.solve_triangular(one, np.eye(6, dtype=np.float32), lower=True)
        assert (np.abs(found - mid) <= radius).all()

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


def _positive(n: int) -> np.ndarray:
    """Matrices of kernels: nearly of a low rank, and a diagonal."""
    t = np.linspace(0, 1, n)
    return np.stack([np.exp(-(((t[:, None] - t) / width) ** 2)) + 0.3 * np.eye(n) for width in (0.1, 0.5, 2.0)])


@pytest.mark.parametrize("n", [1, 2, 6, 40])
def test_a_cholesky_factor_covers_what_float32_gives(n):
    """The likelihood of a Gaussian process would be undecided: column by column, a bound grows with each of them."""
    x = _positive(n).astype(np.float32)
    found = np.linalg.cholesky(ball(x, "float32"))
    radius = radius_of(found)
    assert (np.abs(np.linalg.cholesky(x) - found.mid) <= radius).all()
    by_rows = np.zeros_like(x)  # another order of sums
    for i in range(n):
        for j in range(i + 1):
            rest = x[:, i, j] - (by_rows[:, i, :j] * by_rows[:, j, :j]).sum(axis=-1, dtype=np.float32)
            by_rows[:, i, j] = np.sqrt(rest) if i == j else rest / by_rows[:, j, j]
    assert (np.abs(by_rows - found.mid) <= radius).all()
    assert (radius <= 1e3 * n * U["float32"]).all()
    assert (radius[..., *np.triu_indices(n, 1)] <= radius_of(ball(np.zeros(1), "float32"))).all()


@pytest.mark.parametrize("off", [1e-9, 1e-3])
def test_every_positive_matrix_of_the_ball(off):
    """A factor of numbers that are only known roughly would be accused."""
    random, x = np.random.default_rng(9), _positive(6)
    rad = off * np.abs(x)
    found = np.linalg.cholesky(ball(x, "float64", rad=rad))
    assert np.isfinite(radius_of(found)).all()
    for _ in range(200):
        sign = np.tril(random.choice([-1, 1], x.shape))
        moved = x + rad * (sign + np.swapaxes(np.tril(sign, -1), -1, -2))
        assert (np.abs(np.linalg.cholesky(moved) - found.mid) <= radius_of(found)).all()
    assert (radius_of(found) <= 100 * off + 1e-12).all()


def test_a_matrix_that_may_have_no_factor():
    """A ball that holds a matrix which is not positive has no bound, and its midpoint need not be one."""
    x = np.array([[[1.0, 1.0], [1.0, 1.0 + 1e-6]], [[2.0, 0.0], [0.0, 2.0]]])
    rad = np.full(x.shape, 1e-6)
    assert np.isfinite(radius_of(np.linalg.cholesky(ball(x, "float64", rad=rad)))).all(axis=(1, 2)).tolist() == [False, True]
    assert np.isinf(radius_of(np.linalg.cholesky(ball(-x, "float64")))).all()

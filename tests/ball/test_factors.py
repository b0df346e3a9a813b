"""Factors of matrices: every matrix of a ball has its own in theirs; where values meet, nothing is said."""

import numpy as np
import pytest

from truth import U, ball, radius_of

FACTORS = {"eigh": np.linalg.eigh, "svd": lambda x: np.linalg.svd(x, full_matrices=False), "qr": np.linalg.qr}


def drawn(name, random, rows, columns):
    x = random.normal(size=(rows, columns))
    return x + x.T if name == "eigh" else x


def turned(found, like):
    """Columns, rows or numbers with the signs of those that they are compared with."""
    if found.ndim == 1:
        return found
    axis = -2 if np.allclose(np.square(found).sum(axis=-2), 1.0) else -1
    return found * np.where((found * like).sum(axis=axis, keepdims=True) < 0, -1.0, 1.0)


@pytest.mark.parametrize("off", [0.0, 1e-4])
@pytest.mark.parametrize("name", FACTORS)
def test_every_matrix_of_the_ball(name, off):
    """An honest factorization of numbers that are only known roughly would be accused."""
    random = np.random.default_rng(5)
    for rows, columns in ((3, 3), (6, 6), (6, 6) if name == "eigh" else (7, 4)):
        x = drawn(name, random, rows, columns).astype(np.float32).astype(np.float64)
        rad = off * np.abs(x)
        found = FACTORS[name](ball(x, "float32", rad=rad))
        for _ in range(20):
            moved = x + rad * drawn(name, random, rows, columns).clip(-1, 1)
            moved = (moved + moved.T) / 2 if name == "eigh" else moved
            for part, exact in zip(found, FACTORS[name](moved), strict=True):
                radius = radius_of(part)
                assert np.isfinite(radius).all()
                assert (np.abs(turned(exact, part.mid) - part.mid) <= radius).all()
        assert all((radius_of(part) <= 1e3 * (off + U["float32"]) * 10).all() for part in found)


@pytest.mark.parametrize("name", FACTORS)
def test_values_that_meet(name):
    """Vectors that nothing determines would be certified, or those of an honest library refuted."""
    x = np.diag([1.0, 1.0 + 1e-9, 3.0]) if name != "qr" else np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1e-9]])
    found = FACTORS[name](ball(x, "float32"))
    assert np.isinf(radius_of(found[-1])).any()
    if name != "qr":
        assert np.isfinite(radius_of(found[{"eigh": 0, "svd": 1}[name]])).all()


def test_vectors_beyond_the_matrix():
    """Columns that a library makes up would be held against others."""
    with pytest.raises(TypeError, match="determines"):
        np.linalg.svd(ball(np.ones((3, 2)), "float64"), full_matrices=True)


@pytest.mark.parametrize("shape", [(3, 3), (7, 4), (4, 7)])
@pytest.mark.parametrize("off", [0.0, 1e-4])
def test_inverses_of_matrices_that_are_not_square(shape, off):
    """An honest pseudo-inverse of numbers that are only known roughly would be accused; one of lower rank would be certified."""
    random = np.random.default_rng(6)
    x = random.normal(size=shape).astype(np.float32).astype(np.float64)
    rad = off * np.abs(x)
    found = np.linalg.pinv(ball(x, "float32", rad=rad))
    radius = radius_of(found)
    assert np.isfinite(radius).all()
    for _ in range(20):
        exact = np.linalg.pinv(x + rad * random.normal(size=shape).clip(-1, 1))
        assert (np.abs(exact - found.mid) <= radius).all()
    least = np.linalg.svd(x, compute_uv=False)[-1]
    assert (radius <= 1e3 * (off + U["float32"]) / least**2).all()
    assert np.isinf(radius_of(np.linalg.pinv(ball(np.ones(shape), "float32")))).all()


def test_the_inverse_at_the_edge_of_the_ball():
    """The bound would be that of a matrix that moves less than it may: along its least singular vectors A⁺ moves most."""
    u, values, vt = np.linalg.svd(np.random.default_rng(8).normal(size=(5, 3)), full_matrices=False)
    x = (u * values) @ vt
    rad = np.full(x.shape, 0.01 * values[-1])
    found = np.linalg.pinv(ball(x, "float64", rad=rad))
    moved = x - np.sign(np.outer(u[:, -1], vt[-1])) * rad
    assert (np.abs(np.linalg.pinv(moved) - found.mid) <= radius_of(found)).all()
    assert np.abs(np.linalg.pinv(moved) - found.mid).max() > 0.1 * radius_of(found).max()

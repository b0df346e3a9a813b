"""Ball rules of factorizations with orthogonal factors, by how far they move when the matrix moves.

LAPACK's algorithms give the exact factors of a matrix A + E, and what they round beside that is as small. Eigenvalues and
singular values move by ‖E‖ at most (Weyl), their vectors by 2^(3/2) ‖E‖/gap (Yu, Wang, Samworth 2015, after Davis and Kahan),
the factors of A = QR by (1 + √2) κ ‖E‖/‖A‖ (Higham, *Accuracy and Stability of Numerical Algorithms*, section 19.9), A⁺ of full
rank by √2 ‖A⁺‖ ‖(A + E)⁺‖ ‖E‖ (Wedin 1973). Where a gap, or the least singular value, is not clearly above ‖E‖, the factors say
nothing: their radius is infinite.
"""

from __future__ import annotations

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.array import FUNCTIONS, Ball, within
from bpcompare.numbers.ball.format import Format

BACKWARD = 8.0
"""‖E‖ in units of n u ‖A‖ in the Frobenius norm, which is allowed an algorithm."""
MARGIN = 8.0
"""How many times ‖E‖ a gap must be."""


def _moved(x: Ball) -> Array:
    """‖E‖ of each matrix: what its entries may be off, and what the algorithm adds, the one that gives the midpoint included."""
    off = np.broadcast_to(x.radius(), x.shape)
    own = BACKWARD * max(x.shape[-2:]) * (x.fmt.u + 2.0**-53)
    return np.asarray(_size(off) + own * _size(x.mid) + max(x.shape[-2:]) * x.fmt.tiny)


def _size(x: Array) -> Array:
    return np.asarray(np.sqrt(np.square(x).sum(axis=(-2, -1))))


def _ball(mid: Array, fmt: Format, rad: Array) -> Ball:
    radius = np.broadcast_to(rad, mid.shape)
    return Ball(mid, fmt, fmt.unit, within(mid, radius + fmt.tiny, fmt), major=np.abs(mid) if fmt.rearranged else None)


def _vectors(gaps: Array, moved: Array, by: float, rounding: float) -> Array:
    """What a unit vector may be off for the gap of its value."""
    apart = gaps > MARGIN * moved[..., None]
    return np.where(apart, by * moved[..., None] / np.where(apart, gaps, 1.0) + rounding, np.inf)


def _gaps(values: Array) -> Array:
    """From each value to the nearest other one."""
    between = np.abs(values[..., :, None] - values[..., None, :])
    return np.asarray(np.where(np.eye(values.shape[-1], dtype=bool), np.inf, between).min(axis=-1, initial=np.inf))


def eigh(x: Ball) -> tuple[Ball, Ball]:
    """λ, in rising order, and the eigenvectors of symmetric matrices, as columns; of which sign, NumPy says."""
    values, vectors = np.linalg.eigh(x.mid)
    moved, rounding = _moved(x), x.fmt.gamma(x.shape[-1])
    off = _vectors(_gaps(values), moved, 2.0**1.5, rounding)
    return _ball(values, x.fmt, moved[..., None]), _ball(vectors, x.fmt, off[..., None, :])


def svd(x: Ball, full_matrices: bool = False) -> tuple[Ball, Ball, Ball]:
    """U, σ in falling order, and Vᵀ, of min(m, n) columns; (u, v)/√2 is an eigenvector of [[0, A], [Aᵀ, 0]], whose values are ±σ.

    Raises TypeError for more columns, which nothing determines.
    """
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise TypeError("singular vectors that nothing determines")
    u, values, vt = np.linalg.svd(x.mid, full_matrices=False)
    moved, rounding = _moved(x), x.fmt.gamma(max(x.shape[-2:]))
    zeros = values if x.shape[-1] != x.shape[-2] else 2.0 * values  # the nearest of −σ, and of 0 where there are more of them
    off = _vectors(np.minimum(_gaps(values), zeros), moved, 4.0, rounding)
    return (_ball(u, x.fmt, off[..., None, :]), _ball(values, x.fmt, moved[..., None]), _ball(vt, x.fmt, off[..., :, None]))


def qr(x: Ball) -> tuple[Ball, Ball]:
    """Q, of min(m, n) columns, and R, of which signs, NumPy says; infinite where m < n or the columns are nearly dependent."""
    q, r = np.linalg.qr(x.mid)
    moved = _moved(x)
    least = np.linalg.svd(x.mid, compute_uv=False)[..., -1]
    sure = (least > MARGIN * moved) & (x.shape[-2] >= x.shape[-1])
    share = np.where(sure, moved / np.where(sure, least - moved, 1.0), np.inf) * (1.0 + np.sqrt(2.0))
    rounding = x.fmt.gamma(x.shape[-2])
    of_r = share * _size(x.mid) + rounding * _size(x.mid)
    return _ball(q, x.fmt, (share + rounding)[..., None, None]), _ball(
        r, x.fmt, of_r[..., None, None] * np.triu(np.ones(r.shape))
    )


def pinv(x: Ball) -> Ball:
    """A⁺ of matrices of full rank, from U, σ and V; infinite where the least σ may be 0, or may be taken for it."""
    mid = np.linalg.pinv(x.mid)
    moved, values = _moved(x), np.linalg.svd(x.mid, compute_uv=False)
    least = values[..., -1]
    sure = least > MARGIN * moved
    size = 1.0 / np.where(sure, least - moved, 1.0)
    rounding = BACKWARD * max(x.shape[-2:]) * x.fmt.unit * _size(mid)
    off = np.where(sure, np.sqrt(2.0) * size * size * moved + rounding, np.inf)
    return _ball(mid, x.fmt, off[..., None, None])


FUNCTIONS[np.linalg.pinv] = pinv
FUNCTIONS[np.linalg.eigh] = eigh
FUNCTIONS[np.linalg.svd] = svd
FUNCTIONS[np.linalg.qr] = qr

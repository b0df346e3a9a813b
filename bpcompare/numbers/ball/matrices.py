"""Ball rules of linear algebra: inverses and determinants, by what an elimination with rounding errors may be off.

LU with pivots gives the exact factors of a matrix that is at most γ_n |L||U| from the one it was given, and all that is solved
with them adds as much twice (Higham, *Accuracy and Stability of Numerical Algorithms*, theorems 9.3, 9.4 and section 14.3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.array import FUNCTIONS, Ball, within


def inverse(x: Ball) -> Ball:
    """X = A⁻¹ of the last two axes: |X − (A + E)⁻¹| ≤ (T + T² + …)|X| with T = |X||E|."""
    mid = np.linalg.inv(x.mid)
    rad = _series(np.abs(mid) @ perturbed(x, 4)) @ np.abs(mid)
    return Ball(mid, x.fmt, x.fmt.unit, within(mid, rad + x.fmt.tiny, x.fmt), major=np.abs(mid) if x.fmt.rearranged else None)


def slogdet(x: Ball) -> tuple[Array, Ball]:
    """The sign and ln |det A|, which moves by at most tr(T + T²/2 + …); infinite where the sign is not certain."""
    sign, mid = np.linalg.slogdet(x.mid)
    n = x.shape[-1]
    moved = np.trace(_series(np.abs(np.linalg.inv(x.mid)) @ perturbed(x, 1)), axis1=-2, axis2=-1)
    # ln of each pivot, and their sum, or ln of their product; numbers of either sign.
    logs = np.abs(np.log(np.abs(np.diagonal(_factors(x.mid)[1], axis1=-2, axis2=-1)))).sum(axis=-1)
    rounding = (x.fmt.gamma(n) + 16.0 * x.fmt.unit) * (logs + 1.0)
    major = np.abs(mid) if x.fmt.rearranged else None
    return sign, Ball(np.asarray(mid), x.fmt, 0.0, np.asarray(moved + rounding + x.fmt.tiny), major=major)


def _series(turned: Array) -> Array:
    """T + T² + … = (I − T)⁻¹ T of a matrix without negative entries; infinite where a row sum reaches one half."""
    small = turned.sum(axis=-1).max(axis=-1, initial=0.0)[..., None, None] < 0.5
    inside = np.where(small, turned, 0.0)
    found = np.linalg.inv(np.eye(turned.shape[-1]) - inside) @ inside
    return np.asarray(np.where(small, (1.0 + 2.0**-20) * np.abs(found), np.inf))


def perturbed(x: Ball, times: int) -> Array:
    """|E|: what the entries themselves may be off, and `times` what an elimination adds."""
    lower, upper = _factors(x.mid)
    size = np.maximum(np.abs(lower) @ np.abs(upper), np.abs(x.mid))
    return np.asarray(x.radius() + x.fmt.gamma(times * x.shape[-1]) * size)


def _factors(mid: Array) -> tuple[Array, Array]:
    """L, with its rows in the order of the matrix, and U."""
    from scipy import linalg

    count = int(np.prod(mid.shape[:-2], dtype=np.int64))
    pairs: Any = [linalg.lu(one, permute_l=True) for one in mid.reshape(count, *mid.shape[-2:])]
    lower, upper = (np.stack([pair[part] for pair in pairs]).reshape(mid.shape) for part in (0, 1))
    return lower, upper


def cholesky(x: Ball) -> Ball:
    """L with L Lᵀ = A: LAPACK gives the exact factor of a matrix A + E, |E| ≤ γ_(n+1) |L||L|ᵀ (Higham, theorem 10.3).

    The factor of A + E is L (I + X) with X = φ(G − X Xᵀ), G = L⁻¹ E L⁻ᵀ, φ the lower triangle with half of the diagonal. As
    ‖φ(S)‖ ≤ ‖S‖/√2 for every symmetric S, ‖X‖ is at most the lesser root of √2 x = ‖G‖ + x². Infinite where ‖G‖ reaches 1/4,
    or the midpoint has no factor.
    """
    try:
        mid = np.linalg.cholesky(x.mid)
    except np.linalg.LinAlgError:
        return Ball(np.zeros(x.shape), x.fmt, 0.0, np.full(x.shape, np.inf))
    size, n = np.abs(mid), x.shape[-1]
    inverted = np.abs(np.linalg.inv(mid))
    off = x.radius() + x.fmt.gamma(2 * (n + 1)) * (size @ np.swapaxes(size, -1, -2))  # theirs, and that of the midpoint
    turned = (1.0 + 2.0**-20) * (inverted @ off @ np.swapaxes(inverted, -1, -2))
    norm = np.sqrt(np.square(turned).sum(axis=(-2, -1), keepdims=True))
    sure = norm < 0.25
    square = np.square((np.sqrt(2.0) - np.sqrt(2.0 - 4.0 * np.where(sure, norm, 0.0))) / 2.0)
    inner = (np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)) * (turned + (1.0 + 2.0**-20) * square)
    rad = np.where(sure, size @ np.where(sure, inner, 0.0), np.inf) * np.tril(np.ones((n, n)))
    tiny = x.fmt.tiny * np.tril(np.ones((n, n)))
    return Ball(mid, x.fmt, x.fmt.unit, within(mid, rad + tiny, x.fmt), major=size if x.fmt.rearranged else None)


FUNCTIONS[np.linalg.inv] = inverse
FUNCTIONS[np.linalg.cholesky] = cholesky
FUNCTIONS[np.linalg.slogdet] = slogdet

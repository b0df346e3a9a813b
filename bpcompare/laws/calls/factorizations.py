"""Factorizations with orthogonal factors: eigenvalues of symmetric matrices, singular values, and QR.

Their vectors have signs that the library chooses: those of the record are taken, and nothing else of it. Their derivatives divide
by differences of values: where two of them meet, the balls are infinite, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, dot, masked, plainly, total

rows = Rows()


def _turned(x: Num) -> Num:
    return np.swapaxes(x, -1, -2)


def _columns(x: Num) -> Num:
    """A number for each column, under all of its rows."""
    return np.expand_dims(x, -2)


def _signs(a: Arguments, number: int, own: Num, axis: int) -> Array:
    """1 and −1: where the record's vectors, along an axis, are turned against ours. Raises LookupError where it has none."""
    if not a.knows(number):
        raise LookupError("factors whose signs were not recorded")
    return np.where((plainly(a.result(number)) * plainly(own)).sum(axis=axis) < 0, -1.0, 1.0)


def _eye(x: Num) -> Array:
    return np.eye(x.shape[-1], dtype=bool)


def _over(x: Num, below: Num, but: Array) -> Num:
    """x/below, 0 where `but`: there `below` is 0."""
    return masked(~np.broadcast_to(but, x.shape), x / np.where(but, 1.0, below))


def _between(values: Num) -> Num:
    """s_j − s_i."""
    return _columns(values) - np.expand_dims(values, -1)


@rows.law("_linalg_eigh", rearranged=True)
def _eigh(a: Arguments) -> list[Node]:
    """A = V Λ Vᵀ, of one triangle;  V diag(Δ_λ) Vᵀ, and V (½(K − Kᵀ) ∘ 1/(λ_j − λ_i)) Vᵀ with K = VᵀΔ_V.

    Both are symmetric, whatever triangle is read: Δ of a symmetric matrix is one, by convention.
    """
    x = lifted(a.A)
    lower = np.tril(np.ones(x.shape[-2:], bool))
    read = np.broadcast_to(lower.T if a.get("UPLO", "L") == "U" else lower, x.shape)
    pair = Node((), lambda: np.linalg.eigh(np.where(read, x.value, _turned(x.value))))

    def vectors() -> Num:
        found = pair.value[1]
        return found * _columns(_signs(a, 1, found, -2))

    def of_values(dy: Num) -> Num:
        v = pair.value[1]
        return dot(v * _columns(dy), _turned(v))

    def of_vectors(dy: Num) -> Num:
        v, values = vectors(), pair.value[0]
        inner = dot(_turned(v), dy)
        return dot(dot(v, _over(0.5 * (inner - _turned(inner)), _between(values), _eye(v))), _turned(v))

    return [Node(x.shape[:-1], lambda: pair.value[0], [(x, of_values)]), Node(x.shape, vectors, [(x, of_vectors)])]


@rows.law("_linalg_svd", rearranged=True)
def _svd(a: Arguments) -> list[Node]:
    """A = U Σ Vᵀ;  U diag(Δ_σ) Vᵀ; of Δ_U, with K = UᵀΔ_U, U ((K − Kᵀ) ∘ 1/(σ_j² − σ_i²) Σ) Vᵀ + (1 − U Uᵀ) Δ_U Σ⁻¹ Vᵀ.

    Δ_V likewise, on the other side. Townsend, *Differentiating the singular value decomposition* (2016).
    """
    x, whole = lifted(a.A), bool(a.get("full_matrices", False))
    if whole and a.get("compute_uv", True) and x.shape[-1] != x.shape[-2]:
        raise LookupError("singular vectors that nothing determines")
    three = Node((), lambda: np.linalg.svd(x.value, full_matrices=False))

    def left() -> Num:
        u = three.value[0]
        return u * _columns(_signs(a, 0, u, -2))

    def right() -> Num:
        u, _, vt = three.value
        return vt * np.expand_dims(_signs(a, 0, u, -2), -1)

    def of_values(dy: Num) -> Num:
        u, _, vt = three.value
        return dot(u * _columns(dy), vt)

    def of_left(dy: Num) -> Num:
        return _of_vectors(left(), three.value[1], right(), dy)

    def of_right(dy: Num) -> Num:
        return _turned(_of_vectors(_turned(right()), three.value[1], _turned(left()), _turned(dy)))

    k = min(x.shape[-2:])
    shapes = (*x.shape[:-1], k), (*x.shape[:-2], k), (*x.shape[:-2], k, x.shape[-1])
    values: list[tuple[Callable[[], Num], Callable[[Num], Num]]] = [
        (left, of_left),
        (lambda: three.value[1], of_values),
        (right, of_right),
    ]
    return [Node(shape, value, [(x, back)]) for shape, (value, back) in zip(shapes, values, strict=True)]


def _of_vectors(u: Num, s: Num, vt: Num, dy: Num) -> Num:
    inner = dot(_turned(u), dy)
    apart = _between(s) * (_columns(s) + np.expand_dims(s, -1))
    within = _over(inner - _turned(inner), apart, _eye(inner)) * _columns(s)
    beyond = (dy - dot(u, inner)) / _columns(s)
    return dot(total([dot(u, within), beyond]) if u.shape[-2] > u.shape[-1] else dot(u, within), vt)


@rows.law("linalg_qr", rearranged=True)
def _qr(a: Arguments) -> list[Node]:
    """A = Q R with m ≥ n;  (Δ_Q + Q sym(M)) R⁻ᵀ with M = R Δ_Rᵀ − Δ_Qᵀ Q, of which sym copies the lower triangle to the upper.

    Liao, Liu, Wang, Xiang, *Differentiable programming tensor networks* (2019), section 3.3.
    """
    x = lifted(a.A)
    m, n = x.shape[-2:]
    if m < n or a.get("mode", "reduced") == "r" or (a.get("mode", "reduced") == "complete" and m > n):
        raise LookupError("factors that nothing determines, or one of them alone")
    pair = Node((), lambda: np.linalg.qr(x.value))

    def signs() -> Array:
        r = pair.value[1]
        own, theirs = (np.diagonal(one, axis1=-2, axis2=-1) for one in map(plainly, (r, a.result(1))))
        return np.where(own * theirs < 0, -1.0, 1.0)

    def q() -> Num:
        return pair.value[0] * _columns(signs())

    def r() -> Num:
        return pair.value[1] * np.expand_dims(signs(), -1)

    def back(of_q: Num | None, inner: Num) -> Num:
        lower = np.tril(np.ones((n, n), bool), -1)
        copied = np.where(lower, inner, _turned(np.where(lower.T, 0.0, inner)))
        both = dot(q(), copied) if of_q is None else of_q + dot(q(), copied)
        return dot(both, _turned(np.linalg.inv(r())))

    if not a.knows(1):
        raise LookupError("factors whose signs were not recorded")
    first = Node((*x.shape[:-1], n), q, [(x, lambda dy: back(dy, -dot(_turned(dy), q())))])
    second = Node((*x.shape[:-2], n, n), r, [(x, lambda dy: back(None, dot(r(), _turned(dy))))])
    return [first, second]

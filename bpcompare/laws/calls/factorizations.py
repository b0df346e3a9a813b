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

FREE = "that nothing determines"
"""Said of what a library chooses: the rest of a basis, of which any rotation would do."""


def _turned(x: Num) -> Num:
    return np.swapaxes(x, -1, -2)


def _columns(x: Num) -> Num:
    """A number for each column, under all of its rows."""
    return np.expand_dims(x, -2)


Theirs = Callable[[], Array]
"""The factor, as it was recorded, that says which signs the library chose."""


def _signs(theirs: Theirs, own: Num) -> Array:
    """1 and −1: where the record's columns are turned against ours."""
    return np.where((theirs() * plainly(own)).sum(axis=-2) < 0, -1.0, 1.0)


def _recorded(a: Arguments, number: int) -> Theirs:
    """A result, as torch's recorder keeps it. Raises LookupError where it has none."""

    def theirs() -> Array:
        if not a.knows(number):
            raise LookupError("factors whose signs were not recorded")
        return plainly(a.result(number))

    return theirs


def _eye(x: Num) -> Array:
    return np.eye(x.shape[-1], dtype=bool)


def _over(x: Num, below: Num, but: Array) -> Num:
    """x/below, 0 where `but`: there `below` is 0."""
    return masked(~np.broadcast_to(but, x.shape), x / np.where(but, 1.0, below))


def _between(values: Num) -> Num:
    """s_j − s_i."""
    return _columns(values) - np.expand_dims(values, -1)


def eigen(x: Node, theirs: Theirs, *, upper: bool, symmetric: bool) -> tuple[Node, Node]:
    """A = V Λ Vᵀ, of one triangle;  V diag(Δ_λ) Vᵀ, and V (K ∘ 1/(λ_j − λ_i)) Vᵀ with K = VᵀΔ_V.

    `symmetric`: with ½(K − Kᵀ), so that Δ is symmetric whatever triangle is read. Of a symmetric matrix both say the same.
    """
    lower = np.tril(np.ones(x.shape[-2:], bool))
    read = np.broadcast_to(lower.T if upper else lower, x.shape)
    pair = Node((), lambda: np.linalg.eigh(np.where(read, x.value, _turned(x.value))))

    def vectors() -> Num:
        found = pair.value[1]
        return found * _columns(_signs(theirs, found))

    def of_values(dy: Num) -> Num:
        v = pair.value[1]
        return dot(v * _columns(dy), _turned(v))

    def of_vectors(dy: Num) -> Num:
        v, values = vectors(), pair.value[0]
        inner = dot(_turned(v), dy)
        inner = 0.5 * (inner - _turned(inner)) if symmetric else inner
        return dot(dot(v, _over(inner, _between(values), _eye(v))), _turned(v))

    return Node(x.shape[:-1], lambda: pair.value[0], [(x, of_values)]), Node(x.shape, vectors, [(x, of_vectors)])


@rows.law("_linalg_eigh", rearranged=True)
def _eigh(a: Arguments) -> tuple[Node, Node]:
    return eigen(lifted(a.A), _recorded(a, 1), upper=a.get("UPLO", "L") == "U", symmetric=True)


@rows.law("lax.eigh", rearranged=True)
def _eigh_of_jax(a: Arguments) -> list[Node]:
    """The vectors first. Raises LookupError for some of the values alone."""
    x = lifted(a.x0)
    if a.shapes[1] != x.shape[:-1] or not a.get("sort_eigenvalues", True):
        raise LookupError("some of the eigenvalues, or in another order")
    return list(reversed(eigen(x, lambda: plainly(a.index), upper=not a.get("lower", True), symmetric=False)))


def singular(x: Node, theirs: Theirs, *, whole: bool) -> list[Node]:
    """A = U Σ Vᵀ;  U diag(Δ_σ) Vᵀ; of Δ_U, with K = UᵀΔ_U, U ((K − Kᵀ) ∘ 1/(σ_j² − σ_i²) Σ) Vᵀ + (1 − U Uᵀ) Δ_U Σ⁻¹ Vᵀ.

    Δ_V likewise, on the other side. Townsend, *Differentiating the singular value decomposition* (2016). Raises LookupError for
    the `whole` matrices of one that is not square.
    """
    if whole and x.shape[-1] != x.shape[-2]:
        raise LookupError(f"singular vectors {FREE}")
    three = Node((), lambda: np.linalg.svd(x.value, full_matrices=False))

    def left() -> Num:
        u = three.value[0]
        return u * _columns(_signs(theirs, u))

    def right() -> Num:
        u, _, vt = three.value
        return vt * np.expand_dims(_signs(theirs, u), -1)

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


@rows.law("_linalg_svd", rearranged=True)
def _svd(a: Arguments) -> list[Node]:
    return singular(lifted(a.A), _recorded(a, 0), whole=bool(a.get("full_matrices", False) and a.get("compute_uv", True)))


@rows.law("lax.svd", rearranged=True)
def _svd_of_jax(a: Arguments) -> list[Node]:
    """The values first. Raises LookupError for some of them alone."""
    x, whole = lifted(a.x0), bool(a.get("full_matrices", True) and a.get("compute_uv", True))
    if a.shapes[0][-1] != min(x.shape[-2:]):
        raise LookupError("some of the singular values")
    u, values, vt = singular(x, lambda: plainly(a.index), whole=whole)
    return [values, u, vt]


def _of_vectors(u: Num, s: Num, vt: Num, dy: Num) -> Num:
    inner = dot(_turned(u), dy)
    apart = _between(s) * (_columns(s) + np.expand_dims(s, -1))
    within = _over(inner - _turned(inner), apart, _eye(inner)) * _columns(s)
    beyond = (dy - dot(u, inner)) / _columns(s)
    return dot(total([dot(u, within), beyond]) if u.shape[-2] > u.shape[-1] else dot(u, within), vt)


def orthogonal(x: Node, theirs: Theirs) -> list[Node]:
    """A = Q R with m ≥ n;  (Δ_Q + Q sym(M)) R⁻ᵀ with M = R Δ_Rᵀ − Δ_Qᵀ Q, of which sym copies the lower triangle to the upper.

    Liao, Liu, Wang, Xiang, *Differentiable programming tensor networks* (2019), section 3.3. Raises LookupError for m < n.
    """
    n = x.shape[-1]
    if x.shape[-2] < n:
        raise LookupError("a matrix of fewer rows than columns")
    pair = Node((), lambda: np.linalg.qr(x.value))

    def signs() -> Array:
        own, other = (np.diagonal(one, axis1=-2, axis2=-1) for one in (plainly(pair.value[1]), theirs()))
        return np.where(own * other < 0, -1.0, 1.0)

    def q() -> Num:
        return pair.value[0] * _columns(signs())

    def r() -> Num:
        return pair.value[1] * np.expand_dims(signs(), -1)

    def back(of_q: Num | None, inner: Num) -> Num:
        lower = np.tril(np.ones((n, n), bool), -1)
        copied = np.where(lower, inner, _turned(np.where(lower.T, 0.0, inner)))
        both = dot(q(), copied) if of_q is None else of_q + dot(q(), copied)
        return dot(both, _turned(np.linalg.inv(r())))

    first = Node((*x.shape[:-1], n), q, [(x, lambda dy: back(dy, -dot(_turned(dy), q())))])
    second = Node((*x.shape[:-2], n, n), r, [(x, lambda dy: back(None, dot(r(), _turned(dy))))])
    return [first, second]


@rows.law("linalg_qr", rearranged=True)
def _qr(a: Arguments) -> list[Node]:
    """Raises LookupError for columns that nothing determines, and for R alone."""
    mode, (m, n) = a.get("mode", "reduced"), lifted(a.A).shape[-2:]
    if mode == "complete" and m > n:
        raise LookupError(f"columns {FREE}")
    if mode == "r":
        raise LookupError("one of the factors alone")
    return orthogonal(lifted(a.A), _recorded(a, 1))


@rows.law("lax.qr", rearranged=True)
def _qr_of_jax(a: Arguments) -> list[Node]:
    """Raises LookupError for columns that nothing determines, and for columns in another order."""
    m, n = lifted(a.x0).shape[-2:]
    if a.get("full_matrices", True) and m > n:
        raise LookupError(f"columns {FREE}")
    if a.get("pivoting", False):
        raise LookupError("columns in another order")
    return orthogonal(lifted(a.x0), lambda: plainly(a.index))

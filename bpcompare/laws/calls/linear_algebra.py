"""Inverses, solutions of linear systems, and determinants."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly
from bpcompare.laws.calls.moves import taken
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, dot, either, in_one

rows = Rows()


def inverse(x: Any) -> Node:
    """X = A⁻¹ of the last two axes;  −Xᵀ Δ Xᵀ."""
    x = lifted(x)
    y = Node(x.shape, lambda: np.linalg.inv(x.value))

    def back(dy: Num) -> Num:
        turned = np.swapaxes(y.value, -1, -2)
        return -dot(dot(turned, dy), turned)

    return Node(x.shape, lambda: y.value, [(x, back)])


def log_of_determinant(x: Any) -> Node:
    """ln |det A|;  A⁻ᵀ Δ."""
    x = lifted(x)

    def back(dy: Num) -> Num:
        return np.swapaxes(np.linalg.inv(x.value), -1, -2) * np.expand_dims(np.expand_dims(dy, -1), -1)

    return Node(x.shape[:-2], lambda: np.linalg.slogdet(x.value)[1], [(x, back)])


def sign_of_determinant(x: Any) -> Any:
    """Its sign, which has no derivative."""
    return np.asarray(np.linalg.slogdet(lifted(x).value)[0])


rows.law("linalg_inv_ex", "inverse", "linalg_inv", rearranged=True)(lambda a: [inverse(a.get("A", a.get("self"))), None])


def solved(x: Any, y: Any, *, left: bool) -> Node:
    """A⁻¹ B, or B A⁻¹."""
    found = inverse(x)
    return kernel.matmul(found, y) if left else kernel.matmul(y, found)


@rows.law("_linalg_solve_ex", rearranged=True)
def _solve(a: Arguments) -> list[Node | None]:
    """Right sides are columns; of the shape of a batch of vectors, each is one column."""
    x, y = lifted(a.A), lifted(floats(a.B))
    vector = y.ndim == 1 or y.shape == x.shape[:-1]
    columns = kernel.reshape(y, (*y.shape, 1)) if vector else y
    return [kernel.reshape(solved(x, columns, left=bool(a.get("left", True))), a.shape), None, None, None]


@rows.law("linalg_solve_triangular", rearranged=True)
def _solve_triangular(a: Arguments) -> Node:
    """Only the triangle that is named is read, without its diagonal where that is 1."""
    x = lifted(a.self)
    ones = bool(a.get("unitriangular", False))
    read = np.ones(x.shape[-2:], bool)
    read = np.triu(read, int(ones)) if a.upper else np.tril(read, -int(ones))
    instead = np.eye(x.shape[-1]) if ones else np.zeros(())
    return solved(kernel.where(np.broadcast_to(read, x.shape), x, instead), lifted(floats(a.B)), left=bool(a.get("left", True)))


@rows.law("_linalg_slogdet", rearranged=True)
def _slogdet(a: Arguments) -> list[Node | None]:
    return [lifted(sign_of_determinant(a.A)), log_of_determinant(a.A), None, None]


@rows.law("_linalg_det", rearranged=True)
def _det(a: Arguments) -> list[Node | None]:
    """sign · e^(ln |det A|)."""
    return [kernel.multiply(sign_of_determinant(a.A), kernel.exp(log_of_determinant(a.A))), None, None]


LARGEST = 64
"""Rows of the largest matrix that is factored column by column: beyond, the balls say nothing."""


def mirrored(x: Any, *, upper: bool) -> Node:
    """The symmetric matrix of which one triangle is read;  ½ (Δ + Δᵀ), for Δ of a symmetric matrix is one, by convention."""
    x = lifted(x)
    lower = np.tril(np.ones(x.shape[-2:], bool))
    read = np.broadcast_to(lower.T if upper else lower, x.shape)

    def back(dy: Num) -> Num:
        return 0.5 * (dy + np.swapaxes(dy, -1, -2))

    return Node(x.shape, lambda: np.where(read, x.value, np.swapaxes(x.value, -1, -2)), [(x, back)])


def cholesky(x: Any, *, upper: bool = False) -> Node:
    """L with L Lᵀ = A, of which one triangle is read;  L⁻ᵀ φ(Lᵀ Δ) L⁻¹, φ the lower triangle with half of the diagonal. Or Lᵀ."""
    whole = mirrored(x, upper=upper)
    n = whole.shape[-1]
    half = np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)
    columns: list[Node] = []

    def parts() -> Node:
        if not columns:
            columns.append(_by_columns(whole))
        return columns[0]

    def back(dy: Num) -> Num:
        def free(_: Num) -> Num:
            turned, inverted = np.swapaxes(y.value, -1, -2), np.linalg.inv(y.value)
            return dot(dot(np.swapaxes(inverted, -1, -2), half * dot(turned, dy)), inverted)

        return in_one(whole.value, free, lambda: kernel.pulled_back(parts(), dy, whole))

    y = Node(whole.shape, lambda: in_one(whole.value, np.linalg.cholesky, lambda: parts().value), [(whole, back)])
    return kernel.permute(y, (*range(y.ndim - 2), -1, -2)) if upper else y


def _by_columns(whole: Node) -> Node:
    """v = A_j − Σ_{k<j} L_k L_jk, and L_j = v/√v_j from the diagonal on.

    Raises LookupError for a matrix of more than `LARGEST` rows.
    """
    n, lead = whole.shape[-1], whole.shape[:-2]
    if n > LARGEST:
        raise LookupError(f"a matrix of {n} rows; there is a law for {LARGEST} at most")
    found: list[Node] = []
    for j in range(n):
        below = kernel.cut(kernel.cut(whole, -1, range(j, j + 1)), -2, range(j, n))
        if found:
            known = kernel.cut(kernel.concat(found, -1), -2, range(j, n))
            row = kernel.reshape(kernel.cut(known, -2, range(1)), (*lead, j, 1))
            below = kernel.subtract(below, kernel.matmul(known, row))
        column = kernel.divide(below, kernel.sqrt(kernel.cut(below, -2, range(1))))
        found.append(kernel.pad(column, [*((0, 0) for _ in lead), (j, 0), (0, 0)]))
    return kernel.concat(found, -1)


rows.law("linalg_cholesky_ex", "cholesky", rearranged=True)(lambda a: [cholesky(a.self, upper=bool(a.get("upper", False))), None])


def _part(x: Node, rows: range, columns: range) -> Node:
    return kernel.cut(kernel.cut(x, -2, rows), -1, columns)


def eliminated(x: Any, order: Array) -> Node:
    """L and U of A with its rows in an order, in one matrix: U_k = A_k − Σ_{j<k} L_kj U_j, L_k = (A_k − Σ_{j<k} U_jk L_j)/U_kk.

    Every order of rows has its factors. Raises LookupError for a matrix that is not square, or has more than `LARGEST` rows.
    """
    x = lifted(x)
    n, lead = x.shape[-1], x.shape[:-2]
    if n != x.shape[-2] or n > LARGEST:
        raise LookupError(f"a matrix of {x.shape[-2]} × {n}; there is a law for square ones of {LARGEST} rows at most")
    rows_of = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    whole = taken(x, np.take_along_axis(rows_of, np.broadcast_to(np.asarray(order)[..., None], x.shape), axis=-2))
    still = [(0, 0) for _ in lead]
    lower: list[Node] = []
    upper: list[Node] = []
    for k in range(n):
        top, side = _part(whole, range(k, k + 1), range(k, n)), _part(whole, range(k + 1, n), range(k, k + 1))
        if k:
            left, above = kernel.concat(lower, -1), kernel.concat(upper, -2)
            top = kernel.subtract(top, kernel.matmul(_part(left, range(k, k + 1), range(k)), _part(above, range(k), range(k, n))))
            below = kernel.matmul(_part(left, range(k + 1, n), range(k)), _part(above, range(k), range(k, k + 1)))
            side = kernel.subtract(side, below)
        upper.append(kernel.pad(top, [*still, (0, 0), (k, 0)]))
        column = kernel.divide(side, kernel.cut(top, -1, range(1)))
        lower.append(kernel.pad(column, [*still, (k + 1, 0), (0, 0)]))
    under = np.broadcast_to(np.tril(np.ones((n, n), bool), -1), x.shape)
    return kernel.where(under, kernel.concat(lower, -1), kernel.concat(upper, -2))


def _order(swaps: Array) -> Array:
    """The order of rows after LAPACK's swaps: row i with row swaps[i], counted from 1."""
    n = swaps.shape[-1]
    found = np.broadcast_to(np.arange(n), swaps.shape).copy()
    for order, pairs in zip(found.reshape(-1, n), np.asarray(swaps).reshape(-1, n), strict=True):
        for i, other in enumerate(pairs):
            order[[i, other - 1]] = order[[other - 1, i]]
    return found


@rows.law("linalg_lu_factor_ex", rearranged=True)
def _lu_factor(a: Arguments) -> list[Node | None]:
    return [eliminated(a.A, _order(a.result(1))), None, None]


@rows.law("linalg_lu_solve", rearranged=True)
def _lu_solve(a: Arguments) -> Node:
    """(P L U)⁻¹ B. Raises LookupError for the transposed system, and where the unknown stands on the left."""
    if not a.get("left", True) or a.get("adjoint", False):
        raise LookupError("a transposed system")
    x, b = lifted(a.LU), lifted(floats(a.B))
    upper, ones = np.broadcast_to(np.triu(np.ones(x.shape[-2:], bool)), x.shape), np.eye(x.shape[-1])
    ids = np.arange(int(np.prod(b.shape))).reshape(b.shape)
    order = _order(a.pivots)
    turned = taken(b, np.take_along_axis(ids, np.broadcast_to(order[..., None], b.shape), axis=-2))
    return _by_factors(kernel.where(upper, ones, x), kernel.where(upper, x, np.zeros(())), turned)


def _by_factors(lower: Node, upper: Node, b: Node) -> Node:
    """X = U⁻¹ Y, Y = L⁻¹ B;  of B L⁻ᵀ U⁻ᵀ Δ, of U −U⁻ᵀ Δ Xᵀ, of L −L⁻ᵀ U⁻ᵀ Δ Yᵀ. torch has Y no more by then: it takes U X."""
    first, second = inverse(lower), inverse(upper)
    inner = kernel.matmul(first, b)
    found = kernel.matmul(second, inner)

    def through(dy: Num) -> Num:
        return dot(np.swapaxes(second.value, -1, -2), dy)

    def of_b(dy: Num) -> Num:
        return dot(np.swapaxes(first.value, -1, -2), through(dy))

    def of_lower(dy: Num) -> Num:
        return -dot(of_b(dy), np.swapaxes(either(inner.value, lambda: dot(upper.value, found.value)), -1, -2))

    def of_upper(dy: Num) -> Num:
        return -dot(through(dy), np.swapaxes(found.value, -1, -2))

    return Node(found.shape, lambda: found.value, [(lower, of_lower), (upper, of_upper), (b, of_b)])


def _gram(x: Any, *, upper: bool) -> Node:
    """The factor of which one triangle is read, on the left of its transpose.

    Δ of a factor whose other triangle is 0 is that of any matrix in its place, by convention: torch gives it there, too.
    """
    x = lifted(x)
    read = np.broadcast_to(np.tril(np.ones(x.shape[-2:], bool)), x.shape)
    turned = kernel.permute(x, (*range(x.ndim - 2), -1, -2)) if upper else x
    return turned if not plainly(turned)[~read].any() else kernel.where(read, turned, np.zeros(()))


@rows.law("cholesky_solve", rearranged=True)
def _cholesky_solve(a: Arguments) -> Node:
    """(L Lᵀ)⁻¹ B, one triangle after the other."""
    factor, b = _gram(a.input2, upper=bool(a.get("upper", False))), lifted(floats(a.self))
    return solved(kernel.permute(factor, (*range(factor.ndim - 2), -1, -2)), solved(factor, b, left=True), left=True)


@rows.law("cholesky_inverse", rearranged=True)
def _cholesky_inverse(a: Arguments) -> Node:
    """(L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹."""
    turned = inverse(_gram(a.self, upper=bool(a.get("upper", False))))
    return kernel.matmul(kernel.permute(turned, (*range(turned.ndim - 2), -1, -2)), turned)


@rows.law("lax.lu", rearranged=True)
def _lu_of_jax(a: Arguments) -> Node:
    """`index` is the order that the rows were put in."""
    return eliminated(a.x0, a.index)


@rows.law("lax.linear_solve", rearranged=True)
def _linear_solve(a: Arguments) -> Node:
    """A⁻¹ B; right sides stand in columns, or, where `rows`, one below the other; one alone is a vector."""
    x, b = lifted(a.x0), lifted(floats(a.x1))
    if b.ndim == x.ndim - 1:
        return kernel.reshape(solved(x, kernel.reshape(b, (*b.shape, 1)), left=True), b.shape)
    turn = (*range(b.ndim - 2), b.ndim - 1, b.ndim - 2)
    return kernel.permute(solved(x, kernel.permute(b, turn), left=True), turn) if a.rows else solved(x, b, left=True)

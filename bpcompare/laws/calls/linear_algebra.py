"""Inverses, solutions of linear systems, and determinants."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, dot

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
    """L with L Lᵀ = A, column by column: v = A_j − Σ_{k<j} L_k L_jk, and L_j = v/√v_j from the diagonal on; Lᵀ for the upper one.

    Raises LookupError for a matrix of more than `LARGEST` rows.
    """
    x = lifted(x)
    n, lead = x.shape[-1], x.shape[:-2]
    if n > LARGEST:
        raise LookupError(f"a matrix of {n} rows; there is a law for {LARGEST} at most")
    whole = mirrored(x, upper=upper)
    found: list[Node] = []
    for j in range(n):
        below = kernel.cut(kernel.cut(whole, -1, range(j, j + 1)), -2, range(j, n))
        if found:
            known = kernel.cut(kernel.concat(found, -1), -2, range(j, n))
            row = kernel.reshape(kernel.cut(known, -2, range(1)), (*lead, j, 1))
            below = kernel.subtract(below, kernel.matmul(known, row))
        column = kernel.divide(below, kernel.sqrt(kernel.cut(below, -2, range(1))))
        found.append(kernel.pad(column, [*((0, 0) for _ in lead), (j, 0), (0, 0)]))
    y = kernel.concat(found, -1)
    return kernel.permute(y, (*range(len(lead)), -1, -2)) if upper else y


rows.law("linalg_cholesky_ex", "cholesky", rearranged=True)(lambda a: [cholesky(a.self, upper=bool(a.get("upper", False))), None])

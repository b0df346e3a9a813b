"""Inverses of matrices that are not square, least squares, exponentials, and products of reflections."""

from __future__ import annotations

from math import frexp
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, dot, total

rows = Rows()


def _turned(x: Num) -> Num:
    return np.swapaxes(x, -1, -2)


def pseudo_inverse(x: Any) -> Node:
    """P = A⁺ of full rank;  −Pᵀ Δ Pᵀ + (1 − A P) Δᵀ P Pᵀ + Pᵀ P Δᵀ (1 − P A).

    Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973), theorem 4.3. Of the last two terms one is 0, but libraries work it out.
    """
    x = lifted(x)
    y = Node((*x.shape[:-2], x.shape[-1], x.shape[-2]), lambda: np.linalg.pinv(x.value))

    def back(dy: Num) -> Num:
        p, turned = y.value, _turned(y.value)
        beside = dot(_turned(dy), dot(p, turned))
        above = dot(dot(turned, p), _turned(dy))
        left = beside - dot(dot(x.value, p), beside)
        right = above - dot(above, dot(p, x.value))
        return total([-dot(dot(turned, dy), turned), left, right])

    return Node(y.shape, lambda: y.value, [(x, back)])


def _cut_off(a: Arguments, x: Any) -> bool:
    """Whether a tolerance that the caller gave takes a singular value for 0, or nearly does."""
    given = [np.max(plainly(floats(value))) for value in (a.get("atol"), a.get("rtol"), a.get("rcond")) if value is not None]
    if not given:
        return False
    values = np.linalg.svd(plainly(x), compute_uv=False)
    return bool((values[..., -1] <= 2.0 * max(map(float, given)) * np.maximum(values[..., 0], 1.0)).any())


@rows.law("linalg_pinv", rearranged=True)
def _pinv(a: Arguments) -> Node:
    """Raises LookupError where a tolerance cuts values off, and where one triangle is read of a matrix that has two."""
    x = lifted(a.self)
    if _cut_off(a, x):
        raise LookupError("singular values that a tolerance cuts off")
    v = plainly(x)
    if a.get("hermitian", False) and not np.array_equal(v, np.swapaxes(v, -1, -2)):
        raise LookupError("a matrix that is taken for a symmetric one")
    return pseudo_inverse(x)


@rows.law("linalg_lstsq", rearranged=True)
def _lstsq(a: Arguments) -> list[Node | None]:
    """A⁺ B: the solution; of all that it gives beside that there is no law. Right sides as for `linalg.solve`."""
    x, b = lifted(a.self), lifted(floats(a.b))
    if _cut_off(a, x):
        raise LookupError("singular values that a tolerance cuts off")
    vector = b.ndim == 1 or (b.ndim == x.ndim - 1 and b.shape == x.shape[:-1])
    columns = kernel.reshape(b, (*b.shape, 1)) if vector else b
    return [kernel.reshape(kernel.matmul(pseudo_inverse(x), columns), a.shape), None, None, None]


TERMS = 18
"""Terms of the series, of a matrix whose norm is at most ½: what is left off is less than 10⁻²² of the sum."""


@rows.law("linalg_matrix_exp", "matrix_exp", rearranged=True)
def _matrix_exp(a: Arguments) -> Node:
    """e^A = (Σ (A/2ˢ)ᵏ/k!)^(2ˢ), the series from its end on (Higham, *Functions of Matrices*, section 10.3)."""
    x = lifted(a.self)
    norm = float(np.abs(plainly(x)).sum(axis=-1).max(initial=0.0))
    if not np.isfinite(norm) or norm > 2.0**6:
        raise LookupError("a matrix whose exponential has no digits that could be compared")
    halvings = max(frexp(norm)[1] + 1, 0)
    small = kernel.multiply(x, 2.0**-halvings)
    one = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    y = kernel.add(one, kernel.multiply(small, 1.0 / TERMS))
    for k in range(TERMS - 1, 0, -1):
        y = kernel.add(one, kernel.multiply(kernel.matmul(small, y), 1.0 / k))
    for _ in range(halvings):
        y = kernel.matmul(y, y)
    return y


@rows.law("linalg_householder_product", "orgqr", rearranged=True)
def _householder_product(a: Arguments) -> Node:
    """The first n columns of Π (1 − τ v vᵀ), v_i being column i of A below its diagonal, 1 on it and 0 above."""
    x, tau = lifted(a.get("input", a.get("self"))), lifted(floats(a.get("tau", a.get("input2"))))
    m, n = x.shape[-2:]
    lead = x.shape[:-2]
    below = np.broadcast_to(np.tril(np.ones((m, n), bool), -1), x.shape)
    vectors = kernel.where(below, x, np.broadcast_to(np.eye(m, n), x.shape))
    y = lifted(np.broadcast_to(np.eye(m, n), (*lead, m, n)))
    for i in reversed(range(tau.shape[-1])):
        v = kernel.cut(vectors, -1, range(i, i + 1))
        row = kernel.matmul(kernel.permute(v, (*range(len(lead)), -1, -2)), y)
        factor = kernel.reshape(kernel.cut(tau, -1, range(i, i + 1)), (*lead, 1, 1))
        y = kernel.subtract(y, kernel.multiply(factor, kernel.matmul(v, row)))
    return y

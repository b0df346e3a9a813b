"""Sums, means, and products of matrices."""

from __future__ import annotations

from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.kernel import Node, lifted

rows = Rows()


def axes(a: Arguments, x: Node) -> tuple[int, ...]:
    """The axes that a reduction runs over: those of `dim`, all without it."""
    dim = a.get("dim")
    if dim is None or dim == ():
        return tuple(range(x.ndim))
    return (dim,) if isinstance(dim, int) else tuple(dim)


@rows.law("sum")
def _sum(a: Arguments) -> Node:
    return kernel.reshape(kernel.total(a.self, axes(a, a.self), keepdims=True), a.shape)


@rows.law("mean")
def _mean(a: Arguments) -> Node:
    return kernel.reshape(kernel.mean(a.self, axes(a, a.self), keepdims=True), a.shape)


def product(x: Any, y: Any) -> Node:
    """x @ y, with vectors as NumPy has them: a row before, a column after."""
    x, y = lifted(x), lifted(y)
    lead, tail = x.shape[:-1], (y.shape[-1],) if y.ndim > 1 else ()
    x2 = kernel.reshape(x, (1, x.shape[0])) if x.ndim == 1 else x
    y2 = kernel.reshape(y, (y.shape[0], 1)) if y.ndim == 1 else y
    found = kernel.matmul(x2, y2)
    return found if x.ndim > 1 and y.ndim > 1 else kernel.reshape(found, (*lead[: x.ndim - 1], *tail))


rows.law("mm", "bmm", "mv", "matmul")(lambda a: product(a.self, a.get("mat2", a.get("other", a.get("vec")))))
rows.law("dot", "vdot")(lambda a: product(a.self, a.get("tensor", a.get("other"))))


def _affine(a: Arguments, x: Any, y: Any) -> Node:
    beta, alpha, found = a.get("beta", 1), a.get("alpha", 1), product(x, y)
    found = found if alpha == 1 else kernel.multiply(operand(a, alpha), found)
    return kernel.add(found, a.self if beta == 1 else kernel.multiply(operand(a, beta), a.self))


rows.law("addmm", "_sparse_addmm")(lambda a: _affine(a, a.mat1, a.mat2))
rows.law("addmv")(lambda a: _affine(a, a.mat, a.vec))
rows.law("baddbmm")(lambda a: _affine(a, a.batch1, a.batch2))


@rows.law("linear")
def _linear(a: Arguments) -> Node:
    weight = lifted(a.weight)
    found = product(a.input, kernel.permute(weight, tuple(reversed(range(weight.ndim)))))
    return found if a.get("bias") is None else kernel.add(found, a.bias)


@rows.law("sum_of")
def _sum_of(a: Arguments) -> Node:
    """Several values that `backward` was called on together."""
    return kernel.add(*a.tensors)


@rows.law("mean_of_ranks", rearranged=True)
def _mean_of_ranks(a: Arguments) -> Node:
    """What becomes of a gradient where several processes train together: some divide first, and each adds in its own order."""
    return kernel.divide(kernel.add(*a.tensors), float(len(a.tensors)))

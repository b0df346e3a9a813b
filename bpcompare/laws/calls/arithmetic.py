"""Sums, products, quotients and choices, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.calls.ties import equal, parted
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, positive, side_of

rows = Rows()
TIE = ("where two are equal, each receives half of Δ",)


def operand(a: Arguments, x: Any) -> Any:
    """An operand: an array, or a number of Python's, rounded as the call's format has it."""
    from bpcompare.numbers.number import hyperparameter

    return hyperparameter(float(x), a.some) if isinstance(x, (int, float)) else floats(x)


def scaled(a: Arguments, x: Any) -> Any:
    """alpha x."""
    alpha = a.get("alpha", 1)
    return x if alpha == 1 else kernel.multiply(operand(a, alpha), x)


@rows.law("add", once=True, entrywise=True)
def _add(a: Arguments) -> Node:
    return kernel.add(operand(a, a.self), scaled(a, operand(a, a.other)))


@rows.law("sub", once=True, entrywise=True)
def _sub(a: Arguments) -> Node:
    return kernel.subtract(operand(a, a.self), scaled(a, operand(a, a.other)))


@rows.law("rsub", once=True, entrywise=True)
def _rsub(a: Arguments) -> Node:
    return kernel.subtract(operand(a, a.other), scaled(a, operand(a, a.self)))


@rows.law("mul", once=True, entrywise=True)
def _mul(a: Arguments) -> Node:
    return kernel.multiply(operand(a, a.self), operand(a, a.other))


@rows.law("div", rearranged=True, entrywise=True)
def _div(a: Arguments) -> Node:
    if a.get("rounding_mode") is not None:
        raise LookupError("a quotient that is rounded")
    return kernel.divide(operand(a, a.self), operand(a, a.other))


@rows.law("neg", entrywise=True)
def _neg(a: Arguments) -> Node:
    return kernel.negative(a.self)


@rows.law("where", entrywise=True)
def _where(a: Arguments) -> Node:
    return kernel.where(np.asarray(a.condition, bool), operand(a, a.self), operand(a, a.other))


@rows.law("masked_fill", entrywise=True)
def _masked_fill(a: Arguments) -> Node:
    return kernel.where(~np.asarray(a.mask, bool), a.self, operand(a, a.value))


def _half(x: Any, y: Any, larger: Any) -> Node:
    """x where `larger` says so of x − y, y where it says so of y − x;  where neither is, each receives half of Δ."""
    x, y = lifted(x), lifted(y)
    first, second = larger(x.value - y.value), larger(y.value - x.value)
    mean = kernel.add(kernel.multiply(0.5, x), kernel.multiply(0.5, y))  # of two lowest numbers, which their sum would pass
    half = kernel.where(first, x, kernel.where(second, y, mean))
    return either(half, x, y)


def either(value: Node, x: Node, y: Node) -> Node:
    """`value`, the larger or the smaller of x and y, with Δ as it may be where they are equal: to one, or parts to both."""
    if side_of(x.value - y.value) is None:
        return value
    x, y = (kernel.expand(one, value.shape) if one.shape != value.shape else one for one in (x, y))
    gap = x.value - y.value
    tied, chosen = equal(gap), equal(value.value - x.value)

    def back(number: int) -> Callable[[Num], Num]:
        def to(dy: Num) -> Num:
            both = np.stack([chosen | tied, ~chosen | tied], axis=-1)
            return parted(both, dy, side_of(gap))[..., number]

        return to

    return Node(value.shape, lambda: value.value, [(x, back(0)), (y, back(1))])


@rows.law("maximum", kinks=TIE, once=True, entrywise=True)
def _maximum(a: Arguments) -> Node:
    return _half(operand(a, a.self), operand(a, a.other), positive)


@rows.law("minimum", kinks=TIE, once=True, entrywise=True)
def _minimum(a: Arguments) -> Node:
    return _half(operand(a, a.self), operand(a, a.other), lambda v: positive(-v))

"""Sums, products, quotients and choices, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import positive, side_of

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
    apart = x.value - y.value
    first, second = larger(apart), larger(-apart)
    if side_of(apart) is not None:  # at a tie, all to the one or all to the other: what is in between is valid, too
        return kernel.where(first, x, y)
    mean = kernel.add(kernel.multiply(0.5, x), kernel.multiply(0.5, y))  # of two lowest numbers, which their sum would pass
    return kernel.where(first, x, kernel.where(second, y, mean))


@rows.law("maximum", kinks=TIE, once=True, entrywise=True)
def _maximum(a: Arguments) -> Node:
    return _half(operand(a, a.self), operand(a, a.other), positive)


@rows.law("minimum", kinks=TIE, once=True, entrywise=True)
def _minimum(a: Arguments) -> Node:
    return _half(operand(a, a.self), operand(a, a.other), lambda v: positive(-v))

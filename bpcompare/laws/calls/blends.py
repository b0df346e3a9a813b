"""Sums that are weighed, and the larger of two where one may be NaN, element by element."""

from __future__ import annotations

from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import either, operand
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import positive

rows = Rows()


@rows.law("lerp")
def _lerp(a: Arguments) -> Node:
    """self + w (end − self)."""
    return kernel.add(a.self, kernel.multiply(operand(a, a.weight), kernel.subtract(operand(a, a.end), operand(a, a.self))))


def _below(x: Node, y: Node) -> Any:
    return positive(y.value - x.value)


def _valued(a: Arguments, x: Node) -> Node:
    value = a.get("value", 1)
    return x if value == 1 else kernel.multiply(operand(a, value), x)


@rows.law("addcmul")
def _addcmul(a: Arguments) -> Node:
    return kernel.add(operand(a, a.self), _valued(a, kernel.multiply(operand(a, a.tensor1), operand(a, a.tensor2))))


@rows.law("addcdiv", rearranged=True)
def _addcdiv(a: Arguments) -> Node:
    return kernel.add(operand(a, a.self), _valued(a, kernel.divide(operand(a, a.tensor1), operand(a, a.tensor2))))


FIRST = ("where two are equal, the first receives Δ",)


@rows.law("fmax", kinks=FIRST)
def _fmax(a: Arguments) -> Node:
    x, y = lifted(operand(a, a.self)), lifted(operand(a, a.other))
    return either(kernel.where(_below(x, y), y, x), x, y)


@rows.law("fmin", kinks=FIRST)
def _fmin(a: Arguments) -> Node:
    x, y = lifted(operand(a, a.self)), lifted(operand(a, a.other))
    return either(kernel.where(_below(y, x), y, x), x, y)

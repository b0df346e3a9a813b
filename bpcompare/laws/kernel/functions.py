"""Functions of one number, a row each: the function and how Δ goes through it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.kernel.arithmetic import elementwise
from bpcompare.laws.kernel.node import Node, lifted
from bpcompare.numbers.number import Num, hyperparameter


def exp(x: Any) -> Node:
    """eˣ;  eˣ Δ."""
    return elementwise(x, np.exp, np.exp)


def log(x: Any) -> Node:
    """ln x;  Δ/x."""
    x = lifted(x)
    return elementwise(x, np.log, lambda v: 1.0 / v, lambda dy: dy / x.value)


def sqrt(x: Any) -> Node:
    """√x;  Δ/(2√x)."""
    x = lifted(x)
    return elementwise(x, np.sqrt, lambda v: 0.5 / np.sqrt(v), lambda dy: dy / (2.0 * np.sqrt(x.value)))


def power(x: Any, p: Any) -> Node:
    """xᵖ for a hyperparameter p;  p xᵖ⁻¹ Δ."""

    def prime(v: Num) -> Num:
        own = hyperparameter(p, v)
        # Whole numbers lose nothing when 1 is subtracted; of others, the rounding of p stays.
        less = hyperparameter(p - 1.0, v) if isinstance(p, float) and p.is_integer() else own - 1.0
        return own * np.power(v, less)

    return elementwise(x, lambda v: np.power(v, hyperparameter(p, v)), prime)


def tanh(x: Any) -> Node:
    """tanh x;  (1 − tanh² x) Δ."""

    def prime(v: Num) -> Num:
        a = np.tanh(v)
        return 1.0 - a * a

    return elementwise(x, np.tanh, prime)

"""Steps of sizes of their own, by the signs of gradients alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, hyperparameter, masked, plainly

SMALL = {"float64": 1e-290, "float32": 1e-36, "bfloat16": 1e-36, "float16": 1e-6}
"""Below this a product of two gradients may have become 0, and its sign nobody's."""


class RpropRule:
    """Riedmiller and Braun, ICNN 1993, as torch has it: where the sign of g turned, the step is smaller and waits once.

    s ← s η⁺, s η⁻ or s, by the sign of g·g before, within its bounds;  w ← w − s sign g, but where the sign turned.
    """

    def turned(self, at: UpdateAt[Any]) -> tuple[Array, Array]:
        """Where the sign is the one before, and where it is the other one. Raises LookupError where a product may underflow."""
        g, before = plainly(at.g), plainly(at.slots["before"])
        product = g * before
        small = SMALL.get(getattr(getattr(at.g, "fmt", None), "dtype", "float64"), 1e-6)
        if ((product != 0) & (np.abs(product) < small)).any():
            raise LookupError("products of two gradients that may have become 0")
        return product > 0, product < 0

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The size of the steps, or the gradient that the next one is compared with: 0 where the sign turned."""
        same, other = self.turned(at)
        if at.name == "before":
            return masked(~other, at.g)
        op, size = at.op, at.slots["size"]
        up, down, least, most = (hyperparameter(value, at.w) for value in (op.larger, op.smaller, op.least, op.most))
        size = np.where(same, size * up, np.where(other, size * down, size))
        return -np.maximum(-np.maximum(size, least), -most)

    def step(self, at: UpdateAt[Any]) -> Num:
        """s sign g."""
        _, other = self.turned(at)
        sign = np.where(other, 0.0, np.sign(plainly(at.g)))
        return self.slot(at.but(name="size")) * sign

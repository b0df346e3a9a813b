"""Arithmetic, element by element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpcompare import ops
from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node
from bpcompare.laws.law import At, Law


def _two(primitive: Callable[[Any, Any], Node]) -> Callable[[At[Any]], Node]:
    """Both sources, with their examples aligned."""

    def formula(at: At[Any]) -> Node:
        ndim = max(at.xs[0].ndim, at.xs[1].ndim)
        return primitive(*(kernel.aligned(x, ndim) for x in at.xs))

    return formula


TABLE: Mapping[type[ops.Op], Law] = {
    ops.Multiply: Composed(_two(kernel.multiply)),
    ops.Subtract: Composed(_two(kernel.subtract)),
    # Δ of the divisor is −(a₁/a₂)/a₂ · Δ in torch, −a₁ a₂⁻² Δ in JAX, −a₁ Δ/a₂² here.
    ops.Divide: Composed(_two(kernel.divide), rearranged=True),
    ops.Exp: Composed(lambda at: kernel.exp(at.x)),
    ops.Log: Composed(lambda at: kernel.log(at.x)),
    # Δ/(2√a) is (½/√a) Δ in JAX.
    ops.Sqrt: Composed(lambda at: kernel.sqrt(at.x), rearranged=True),
    # Products, a root or exp(p ln a), as the exponent and the framework have it.
    ops.Power: Composed(lambda at: kernel.power(at.x, at.op.exponent), rearranged=True),
}

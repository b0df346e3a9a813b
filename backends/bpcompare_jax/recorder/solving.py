"""Equations that solve linear systems: which matrix, and where the right sides stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.inside import primitives

DIRECT = frozenset({
    "add", "broadcast_in_dim", "concatenate", "gather", "iota", "jit", "lt", "pjit", "reshape", "select_n", "squeeze",
    "transpose", "triangular_solve",
})  # fmt: skip
"""What a solution by triangular factors is made of."""


def solving(equation: Any, numbers: Sequence[Any]) -> tuple[str, dict[str, Any], list[int]] | None:
    """The call that an equation of linear algebra is, and which arguments it reads; None where it is none that has a law.

    JAX solves whatever linear function it is given, and says how: here only the product with one matrix is known, and its
    factors. What goes round until it is near enough (conjugate gradients) is no solution but for its tolerance.
    """
    if equation.primitive.name == "lu":
        return "lax.lu", {"x0": Read(0), "index": np.asarray(lax.linalg.lu(numbers[0])[2])}, [0]
    if equation.primitive.name != "custom_linear_solve":
        return None
    lengths, matvec = equation.params["const_lengths"], equation.params["jaxprs"].matvec
    if not set(primitives(equation.params["jaxprs"].solve)) <= DIRECT:
        return None
    if lengths.matvec != 1 or len(equation.outvars) != 1 or matvec.consts:
        return None
    rows = _rows(matvec.jaxpr)
    if rows is None:
        return None
    return "lax.linear_solve", {"x0": Read(0), "x1": Read(1), "rows": rows}, [0, len(numbers) - 1]


def _rows(jaxpr: Any) -> bool | None:
    """Whether right sides stand one below the other, where a jaxpr is A b of its arguments; None for anything else."""
    a, b = jaxpr.invars
    names = [one.primitive.name for one in jaxpr.eqns]
    if names[:1] != ["dot_general"] or list(jaxpr.eqns[0].invars) != [a, b] or jaxpr.outvars != jaxpr.eqns[-1].outvars:
        return None
    lead = tuple(range(a.aval.ndim - 2))
    (of_a, of_b), batch = jaxpr.eqns[0].params["dimension_numbers"]
    if tuple(of_a) != (a.aval.ndim - 1,) or tuple(map(tuple, batch)) != (lead, lead):
        return None
    if names == ["dot_general"]:  # (…, n) or (…, n, k)
        return False if tuple(of_b) == (len(lead),) and b.aval.ndim - len(lead) in (1, 2) else None
    turned = (*lead, len(lead) + 1, len(lead))
    if names != ["dot_general", "transpose"] or b.aval.ndim != a.aval.ndim or tuple(of_b) != (b.aval.ndim - 1,):
        return None
    return True if tuple(jaxpr.eqns[1].params["permutation"]) == turned else None

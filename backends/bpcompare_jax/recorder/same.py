"""Where nobody asked JAX (`check_vma=False`): what is the same on every device, whatever the numbers are, by how it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend import core

from bpcompare_jax.recorder.evaluation import CUSTOM, INLINE, inner, scanned
from bpcompare_jax.recorder.inside import equations, jaxprs
from bpcompare_jax.recorder.shards import asking

Axes = frozenset[str]
"""Axes along which a value may be another one."""

ALIKE = frozenset({"psum", "psum_invariant", "all_gather", "all_gather_invariant", "pmax", "pmin", "pbroadcast"})
"""Collectives that bring the same to every device that they ask."""

OUTSIDE = frozenset({"pure_callback", "io_callback"})
"""Equations that ask somebody's program on each device."""


def varying(closed: Any, given: Sequence[Axes], axes: Sequence[str]) -> list[Axes]:
    """Along which of the axes the results of a jaxpr may be other ones, whose arguments may be along those `given`."""
    jaxpr = closed.jaxpr
    known: dict[Any, Axes] = dict.fromkeys(jaxpr.constvars, frozenset())
    known |= dict(zip(jaxpr.invars, given, strict=True))

    def read(v: Any) -> Axes:
        return frozenset() if isinstance(v, core.Literal) else known[v]

    for equation in jaxpr.eqns:
        known |= dict(zip(equation.outvars, _results(equation, [read(v) for v in equation.invars], axes), strict=True))
    return [read(v) for v in jaxpr.outvars]


def _results(equation: Any, given: Sequence[Axes], axes: Sequence[str]) -> list[Axes]:
    name, p = equation.primitive.name, equation.params
    if name in INLINE or name in CUSTOM:
        return varying(inner(equation), given, axes)
    if name == "scan":
        return _scan(equation, given, axes)
    if name in ALIKE and p.get("axis_index_groups") is None:
        return [one - set(asking(equation, axes)) for one in given]
    every = frozenset().union(*given, asking(equation, axes))
    if _called_out(equation):
        every |= set(axes)
    return [every] * len(equation.outvars)


def _scan(equation: Any, given: Sequence[Axes], axes: Sequence[str]) -> list[Axes]:
    """Round after round, until no round makes another one of what is carried on."""
    consts, carry, along = scanned(equation, given)
    while True:
        outs = varying(equation.params["jaxpr"], [*consts, *carry, *along], axes)
        after = [one | other for one, other in zip(carry, outs, strict=False)]
        if after == carry:
            return outs
        carry = after


def _called_out(equation: Any) -> bool:
    """Whether each device may have an answer of its own from outside."""
    inside = (one for closed in jaxprs(equation.params.values()) for one in equations(closed))
    return any(one.primitive.name in OUTSIDE for one in (equation, *inside))

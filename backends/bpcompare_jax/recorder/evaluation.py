"""A jaxpr, evaluated equation by equation: what it computes is kept, and a probe of zeros is added to each result.

The derivative with respect to a probe is what arrives at its value. `scan` is taken in its steps of time, `cond` by the branch
that is taken; functions with a rule of their own for their derivative (`custom_jvp`, `custom_vjp`) keep it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

Key = tuple[Any, ...]
"""Where an equation stands: its number, in each jaxpr that is around it, with the steps of time; and the number of the result."""

INLINE = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"})
"""Equations that only run another jaxpr."""

CUSTOM = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})
"""Equations with a rule of their own for their derivative."""


class Evaluation:
    """One evaluation. `taps` are all results of equations by key; `probes` what is added to them."""

    def __init__(self, probes: Mapping[Key, Any] | None = None) -> None:
        self.taps: dict[Key, Any] = {}
        self.chosen: dict[Key, int] = {}
        self._probes = probes or {}

    def run(self, closed: Any, args: Sequence[Any], at: Key = ()) -> list[Any]:
        """The results of a jaxpr."""
        jaxpr = closed.jaxpr
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
        known |= dict(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Any:
            return v.val if isinstance(v, core.Literal) else known[v]

        for number, equation in enumerate(jaxpr.eqns):
            outs = self._equation(equation, [read(v) for v in equation.invars], (*at, number))
            known |= dict(zip(equation.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, args: list[Any], at: Key) -> list[Any]:
        name = equation.primitive.name
        if name in INLINE:
            return self.run(inner(equation), args, at)
        if name == "scan":
            return self._scan(equation, args, at)
        if name == "cond":
            return self._cond(equation, args, at)
        return [self._tapped((*at, number), out) for number, out in enumerate(bound(equation, args))]

    def _tapped(self, key: Key, out: Any) -> Any:
        probe = self._probes.get(key)
        out = out if probe is None else out + probe
        self.taps[key] = out
        return out

    def _scan(self, equation: Any, args: list[Any], at: Key) -> list[Any]:
        p = equation.params
        consts, carry, xs = split(args, p["num_consts"], p["num_carry"])
        rows: dict[int, list[Any]] = {}
        for t in times(p):
            outs = self.run(p["jaxpr"], [*consts, *carry, *(x[t] for x in xs)], (*at, ("t", t)))
            carry, rows[t] = outs[: p["num_carry"]], outs[p["num_carry"] :]
        stacked = [jnp.stack([rows[t][i] for t in range(p["length"])]) for i in range(len(equation.outvars) - len(carry))]
        return [*carry, *stacked]

    def _cond(self, equation: Any, args: list[Any], at: Key) -> list[Any]:
        branches = equation.params["branches"]
        chosen = int(jnp.clip(jax.lax.stop_gradient(args[0]), 0, len(branches) - 1))
        self.chosen[at] = chosen
        return self.run(branches[chosen], args[1:], (*at, ("branch", chosen)))


def bound(equation: Any, args: Sequence[Any]) -> list[Any]:
    """The results of one equation, as JAX computes them."""
    found = equation.primitive.get_bind_params(equation.params)
    before, params = found if isinstance(found, tuple) else ((), found)
    outs = equation.primitive.bind(*before, *args, **params)
    return list(outs) if equation.primitive.multiple_results else [outs]


def inner(equation: Any) -> Any:
    """The jaxpr that an equation runs, closed."""
    p = equation.params
    found = next(p[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in p)
    return found if isinstance(found, core.ClosedJaxpr) else core.ClosedJaxpr(found, ())


def split(args: Sequence[Any], consts: int, carry: int) -> tuple[list[Any], list[Any], list[Any]]:
    """What a scan is given: what stays, what is carried on, and what it runs along."""
    return list(args[:consts]), list(args[consts : consts + carry]), list(args[consts + carry :])


def times(params: Mapping[str, Any]) -> Iterator[int]:
    """The steps of time of a scan, in the order in which they run."""
    return iter(reversed(range(params["length"])) if params["reverse"] else range(params["length"]))


def is_complex(x: Any) -> bool:
    """Whether something is of complex numbers."""
    return bool(jnp.issubdtype(x.dtype, jnp.complexfloating))


def floating(x: Any) -> bool:
    """Whether it has numbers that gradients may be of."""
    return bool(jnp.issubdtype(x.dtype, jnp.floating))

"""What stands in a jaxpr, and in those inside of it: to be read, not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jax
from jax.extend import core


def hides(closed: Any) -> bool:
    """Whether a jaxpr takes numbers apart into bits, or asks another program: its derivative stands nowhere in it."""
    return any(
        equation.primitive.name in HIDING or any(map(hides, jaxprs(equation.params.values()))) for equation in closed.jaxpr.eqns
    )


def primitives(closed: Any) -> Iterator[str]:
    """The names of all primitives of a jaxpr, and of those inside of them."""
    return (equation.primitive.name for equation in equations(closed))


def equations(closed: Any) -> Iterator[Any]:
    """All equations of a jaxpr, and those inside of them."""
    for equation in closed.jaxpr.eqns:
        yield equation
        for one in jaxprs(equation.params.values()):
            yield from equations(one)


def jaxprs(values: Iterable[Any]) -> Iterator[Any]:
    """All jaxprs among the parameters of an equation, closed; to be read, not run: of some, nobody here knows the constants."""
    for value in values:
        if isinstance(value, core.ClosedJaxpr):
            yield value
        elif isinstance(value, core.Jaxpr):
            yield core.ClosedJaxpr(value, (None,) * len(value.constvars))
        elif isinstance(value, (tuple, list)):
            yield from jaxprs(value)


HIDING = frozenset({"bitcast_convert_type", "pure_callback", "io_callback", "ffi_call"})
"""Equations behind which no derivative is to be seen."""


def foreign(equation: Any) -> bool:
    """Whether a primitive is not of JAX itself, and a function of Python's says what it computes: Equinox has some of its own."""
    impl = equation.primitive.impl
    home = getattr(getattr(impl, "func", impl), "__module__", None) or "jax"
    return home.partition(".")[0] not in ("jax", "jaxlib", "functools")


def definition(equation: Any) -> Any:
    """What such a primitive computes, as a jaxpr. Raises what its function raises where it cannot be traced."""

    def run(*args: Any) -> Any:
        return equation.primitive.impl(*args, **equation.params)

    return jax.make_jaxpr(run)(*(v.aval for v in equation.invars))


def searches(equation: Any, closed: Any) -> bool:
    """Whether a rule is that of what a search finds, and not of how it searches, as solvers of equations have it (optimistix).

    It is told by a loop in which something may raise, or is Equinox's: a derivative by the implicit function theorem is off by
    the tolerance of the search.
    """
    if equation.primitive.name != "custom_jvp_call" or "while" not in set(primitives(closed)):
        return False
    return hides(closed) or any(map(foreign, equations(closed)))

"""Equations compiled all at once, and rounded one by one.

JAX compiles what runs outside of `jit` primitive by primitive, some 40 ms for each kind of equation and each shape: for small
losses that is nearly all of the time. Here one program is compiled of all of them, with those passes of XLA off that make one
equation of several (fusion), compute something else in their place, or at another time. What each equation gives has the bits
that it has alone, but for functions of constants and quotients by what is broadcast, which may be a rounding apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core

from bpcompare_jax.recorder.evaluation import CUSTOM, Evaluation, Followed, Key
from bpcompare_jax.recorder.inside import jaxprs

OFF = (
    "algsimp", "constant_folding", "cpu-instruction-fusion", "dot-merger", "fusion", "fusion_merger",
    "multi_output_fusion", "reshape-mover", "simplify-fp-conversions",
)  # fmt: skip
"""Passes of XLA that make something else of several equations, or work out in their own way what is constant.

What is computed twice may be computed once (`cse`): the gradients without probes are compared with those beside them.
"""

PLAIN = {"xla_disable_hlo_passes": ",".join(OFF)}
QUICK = {**PLAIN, "xla_backend_optimization_level": 0}
"""Compiled in half of the time, and slower when it runs: for `FEW` numbers."""

FEW = 2**22
"""So many numbers at most."""

REPEATED = 10
"""An equation that occurs so often is compiled in less time alone: in deep nets, and in loops of many rounds."""


NARROW = frozenset({"bfloat16", "float16"})
"""Formats whose roundings XLA leaves out between two equations of one program."""


def together(closed: Any, function: Callable[..., Any], *args: Any) -> Any:
    """What function(*args) gives, a computation about the size of the jaxpr `closed`, compiled as one program.

    It runs equation by equation where that cannot be had: where numbers decide what is computed, where there are formats that
    XLA computes in wider ones, on other devices than CPUs; and where it would take longer.
    """
    options = _options(closed)
    if options is not None:
        try:
            return jax.jit(function, compiler_options=options)(*args)
        except Exception:  # noqa: BLE001, S110 — whatever it is, it is raised again below, or was about compiling
            pass
    return function(*args)


def _options(closed: Any) -> dict[str, Any] | None:
    if jax.default_backend() != "cpu":
        return None
    kinds: set[Any] = set()
    equations, numbers = _counted(closed, kinds)
    if equations > REPEATED * len(kinds) or any(NARROW & set(kind) for kind in kinds):
        return None
    return QUICK if numbers <= FEW else PLAIN


def _counted(closed: Any, kinds: set[Any]) -> tuple[int, int]:
    """How many equations a jaxpr comes to with its loops unrolled, and how many numbers these make; their `kinds`."""
    equations = numbers = 0
    for equation in closed.jaxpr.eqns:
        inside = list(jaxprs(equation.params.values()))
        rounds = equation.params["length"] if equation.primitive.name == "scan" else 1
        for one in inside[:1] if equation.primitive.name in CUSTOM else inside:
            more, made = _counted(one, kinds)
            equations, numbers = equations + rounds * more, numbers + rounds * made
        if not inside:
            avals = [v.aval for v in (*equation.invars, *equation.outvars)]
            kinds.add((equation.primitive.name, *map(str, avals), *(str(getattr(aval, "dtype", "")) for aval in avals)))
            equations, numbers = equations + 1, numbers + sum(getattr(v.aval, "size", 1) for v in equation.outvars)
    return equations, numbers


def evaluated(closed: Any, args: Sequence[Followed], at: Key = ()) -> Evaluation:
    """One evaluation of a jaxpr."""
    made: list[Evaluation] = []

    def run(numbers: Sequence[Any], consts: Sequence[Any]) -> list[Any]:
        evaluation = Evaluation()
        given = [Followed(x, arg.reached) for x, arg in zip(numbers, args, strict=True)]
        evaluation.run(core.ClosedJaxpr(closed.jaxpr, consts), given, at)
        made.append(evaluation)
        return list(evaluation.taps.values())

    numbers = together(closed, run, [arg.number for arg in args], closed.consts)
    evaluation = made[-1]
    evaluation.taps = dict(zip(evaluation.taps, numbers, strict=True))
    return evaluation


class Differentiated(NamedTuple):
    """What one evaluation gave, and the derivatives of its `value`: by the arguments, by what was probed, and without probes."""

    value: Any
    gradients: dict[int, Any]
    taps: dict[Key, Any]
    arrived: dict[Key, Any]
    chosen: dict[Key, int]
    alone: dict[int, Any]


def differentiated(
    closed: Any, args: Sequence[Any], free: Sequence[int], alone: Callable[[Sequence[Any]], dict[int, Any]]
) -> Differentiated:
    """A jaxpr evaluated and differentiated by the arguments that are `free`; `alone` gives the same gradients in another way."""
    made: list[Evaluation] = []

    def run(numbers: Sequence[Any], consts: Sequence[Any]) -> tuple[Any, ...]:
        program = core.ClosedJaxpr(closed.jaxpr, consts)
        first = Evaluation()
        first.run(program, [Followed(x, i in free) for i, x in enumerate(numbers)])
        probes = {key: jnp.zeros(first.taps[key].shape, first.taps[key].dtype) for key in first.reached}

        def probed(given: dict[int, Any], probes: Any) -> tuple[Any, Any]:
            evaluation = Evaluation(probes, first.chosen)
            followed = [Followed(given.get(i, x), i in free) for i, x in enumerate(numbers)]
            return evaluation.run(program, followed)[0].number, evaluation.taps

        value, back, taps = jax.vjp(probed, {i: numbers[i] for i in free}, probes, has_aux=True)
        with jax.disable_jit():  # as the forward of what has a rule of its own, so its rule
            gradients, arrived = back(jnp.ones_like(value))
        made.append(first)
        return value, gradients, taps, arrived, alone(numbers)

    value, gradients, taps, arrived, other = together(closed, run, list(args), closed.consts)
    first = made[-1]
    return Differentiated(value, gradients, taps, arrived, first.chosen, other)

"""The gradient differentiated again, beside its own differences; and by dy, in which it is linear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import raised, settled
from bpcompare.tools.gradient.contracts.directional import Direction, direction, forward_along
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.modes import modes_of
from bpcompare.tools.gradient.derivative import Along, Derivative

ADVICE = (
    "compute the backward by differentiable functions of saved inputs and outputs (what else is kept from the forward is a "
    "constant the second time), or mark it once_differentiable"
)

LEVEL = 1e-9
"""Relative errors of second derivatives that are no mistake: their formulas have an ε of their own; differences see no more."""


def second(asked: Asked, options: Options) -> Outcome:
    """⟨w, H v⟩ for random w and v, by double backward (JAX: forward over reverse, too), beside differences of ⟨w, gradient⟩."""
    modes = modes_of(asked.way)
    why = "NumPy differentiates no backward" if modes is None else modes.missing.get("second", "")
    if options.order < 2 and "second" not in options.named:
        why = "ask for it with order=2"
    if modes is None or why:
        return Outcome("second", "not tried", why)
    if "wrong" in asked.verdicts.values():
        return Outcome("second", "not tried", "the gradient itself is wrong")
    inputs, carrying = asked.code.inputs, asked.code.carrying
    weights = {i: asked.vector(i) for i in carrying}
    try:
        by_inputs, by_dys = modes.second(asked.arguments(), asked.raw(asked.dys), weights)
    except Exception as error:  # noqa: BLE001 — the author's code
        return Outcome("second", "refused", f"the gradient was differentiated again: it raises {raised(error)}")
    found, note = [], ""
    size = sum(direction(asked.first[i], w).bulk for i, w in weights.items())
    for i in carrying:
        v = asked.vector(i)
        got = direction(by_inputs[i], v)
        done = f"the gradients were differentiated again by {asked.names[i]}, along a vector"
        known: list[Derivative] = []

        def oracle(i: int = i, v: Array = v, known: list[Derivative] = known) -> Derivative:
            known[:] = known or [_along(asked, i, weights)(v)]
            return known[0]

        one = got.beside(asked, "second", i, done, None, oracle, ADVICE, size=size / max(float(np.abs(inputs[i]).max()), 1e-300))
        if one is not None and not _differentiable(asked, i, v):
            note = (
                f"of {asked.names[i]} it was not tried: the gradient is none along any vector, as of a matrix that is symmetric"
            )
            continue
        found += [] if one is None else [one]
        if modes.twofold is None:
            continue
        try:
            other = Direction(modes.twofold(asked.arguments(), asked.raw(asked.dys), weights, i, v), got.bulk)
        except Exception as error:  # noqa: BLE001 — of a custom_vjp JAX itself refuses it
            note = f"by reverse over reverse; forward over reverse raises {type(error).__name__}"
            continue
        one = other.beside(asked, "second", i, f"{done}, by forward over reverse", got, oracle, ADVICE)
        found += [] if one is None else [one]
    whole = settled("second", [*found, *_by_dy(asked, by_dys, weights)])
    return replace(whole, said=note) if whole.outcome == "kept" else whole


def _differentiable(asked: Asked, i: int, v: Array) -> bool:
    """Whether the gradient itself is what differences of the forward say, along this vector."""
    exact = direction(asked.first[i], v)
    return exact.beside(asked, "second", i, "", None, lambda: forward_along(asked, i)(v), "") is None


def _by_dy(asked: Asked, by_dys: list[Array], weights: dict[int, Array]) -> list[Outcome]:
    """What is linear in dy is its own derivative: ⟨∂⟨w, gradient⟩/∂dy, dy⟩ = ⟨w, gradient⟩."""
    terms = np.concatenate([(g.astype(np.float64) * dy).ravel() for g, dy in zip(by_dys, asked.dys, strict=True)])
    got = Direction(float(terms.sum()), float(np.abs(terms).sum()))
    whole = [direction(asked.first[i], w) for i, w in weights.items()]
    value, bulk = sum(one.value for one in whole), sum(one.bulk for one in whole)
    i = next(iter(weights))
    done = "the gradients were differentiated again by dy, along dy itself"
    exact = Derivative(value, LEVEL * bulk, bulk, value, value)
    one = got.beside(asked, "second", i, done, Direction(value, bulk), lambda: exact, ADVICE)
    return [] if one is None else [one]


def _along(asked: Asked, i: int, weights: dict[int, Array]) -> Along:
    """The gradients, weighted, when input `i` moves: in float64."""
    code = asked.code
    wide = [x.astype(np.float64) if k in code.carrying else x for k, x in enumerate(code.inputs)]
    dys = [dy.astype(np.float64) for dy in asked.dys]

    def gradients(x: Array) -> Array:
        moved = [x if k == i else other for k, other in enumerate(wide)]
        found = asked.gradients(dys, asked.arguments(moved))
        return np.concatenate([found[k].ravel() for k in weights])

    return Along(gradients, wide[i], np.concatenate([w.ravel() for w in weights.values()]), analytic=False)

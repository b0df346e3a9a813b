"""The gradient differentiated again, beside its own differences; and by dy, in which it is linear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import raised, settled
from bpcompare.tools.gradient.contracts.directional import Direction, direction, forward_along
from bpcompare.tools.gradient.contracts.enclosed import Enclosed, UnenclosedError, derivative, of_traced
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.modes import Modes, modes_of
from bpcompare.tools.gradient.derivative import Along, Derivative
from bpcompare.tools.gradient.tries import TRUSTED

ADVICE = (
    "compute the backward by differentiable functions of saved inputs and outputs (what else is kept from the forward is a "
    "constant the second time), or mark it once_differentiable"
)

LEVEL = 1e-9
"""Relative errors of second derivatives that are no mistake: their formulas have an ε of their own; differences see no more."""


def second(asked: Asked, options: Options) -> Outcome:
    """⟨w, H v⟩ for random w and v, by double backward (JAX: forward over reverse, too).

    Beside the same in balls, by the laws of the traced forward; where they do not reach, beside differences of ⟨w, gradient⟩.
    """
    modes = modes_of(asked.way)
    why = "NumPy differentiates no backward" if modes is None else modes.missing.get("second", "")
    if options.order < 2 and "second" not in options.named:
        why = "ask for it with order=2"
    if modes is None or why:
        return Outcome("second", "not tried", why)
    if "wrong" in asked.verdicts.values():
        return Outcome("second", "not tried", "the gradient itself is wrong")
    asked, enclosed = _enclosed(asked, options)
    carrying = asked.code.carrying
    weights = {i: asked.vector(i) for i in carrying}
    try:
        by_inputs, by_dys = modes.second(asked.arguments(), asked.raw(asked.dys), weights)
    except Exception as error:  # noqa: BLE001 — the author's code
        return Outcome("second", "refused", f"the gradient was differentiated again: it raises {raised(error)}")
    ways = _Ways(asked, enclosed, weights)
    size = sum(direction(asked.first[i], w).bulk for i, w in weights.items())
    found = [one for i in carrying for one in ways.beside(modes, i, by_inputs[i], size)]
    whole = settled("second", [*found, *_by_dy(asked, by_dys, weights)])
    return replace(whole, said=ways.said) if whole.outcome == "kept" else whole


class _Ways:
    """The gradients of all inputs, weighted, differentiated by one input after the other, beside what they should be."""

    def __init__(self, asked: Asked, enclosed: Enclosed | None, weights: Mapping[int, Array]) -> None:
        self._asked, self._enclosed, self._weights = asked, enclosed, weights
        self._note = ""
        self._by_differences = False

    @property
    def said(self) -> str:
        """How it was held."""
        return self._note or ("by differences of the gradient" if self._by_differences else "in balls, by the traced forward")

    def beside(self, modes: Modes, i: int, by_input: Array, size: float) -> Iterator[Outcome]:
        """What is broken or undecided along a vector of input `i`; `by_input` is what reverse over reverse gave."""
        asked, weights = self._asked, self._weights
        v = asked.vector(i)
        got = direction(by_input, v)
        done = f"the gradients were differentiated again by {asked.names[i]}, along a vector"
        size /= max(float(np.abs(asked.code.inputs[i]).max()), 1e-300)
        oracle = cache(partial(self._oracle, i, v))
        one = got.beside(asked, "second", i, done, None, oracle, ADVICE, size=size)
        if one is not None and not _differentiable(asked, i, v):
            self._note = (
                f"of {asked.names[i]} it was not tried: the gradient is none along any vector, as of a matrix that is symmetric"
            )
            return
        if one is not None:
            yield one
        if modes.twofold is None:
            return
        try:
            other = Direction(modes.twofold(asked.arguments(), asked.raw(asked.dys), weights, i, v), got.bulk)
        except Exception as error:  # noqa: BLE001 — of a custom_vjp JAX itself refuses it
            self._note = f"by reverse over reverse; forward over reverse raises {type(error).__name__}"
            return
        one = other.beside(asked, "second", i, f"{done}, by forward over reverse", got, oracle, ADVICE)
        if one is not None:
            yield one

    def _oracle(self, i: int, v: Array) -> Derivative:
        """In balls; by differences where the laws do not reach, or a kink is near that they may not see."""
        enclosed = self._in_balls(i, v)
        if enclosed is not None and not enclosed.kink:
            return enclosed
        found = _along(self._asked, i, self._weights)(v)
        if (
            enclosed is not None
            and not found.kink
            and abs(enclosed.value - found.value) <= TRUSTED * found.error + enclosed.error
        ):
            return replace(enclosed, kink=False)
        self._by_differences = True
        slack = LEVEL * found.bulk
        return replace(found, error=found.error + slack, low=found.low - slack, high=found.high + slack)

    def _in_balls(self, i: int, v: Array) -> Derivative | None:
        if self._enclosed is None:
            return None
        names = self._asked.names
        try:
            found = self._enclosed.gradients(names[i], v)
            return replace(derivative(found, {names[k]: w for k, w in self._weights.items()}), kink=self._enclosed.kinks)
        except UnenclosedError:
            return None


def _enclosed(asked: Asked, options: Options) -> tuple[Asked, Enclosed | None]:
    """Second derivatives through the traced program, where there are any, and the code asked with the dys that were traced."""
    try:
        return of_traced(asked, options.step, options.seed) if options.step is not None else (asked, None)
    except UnenclosedError:
        return asked, None


def _differentiable(asked: Asked, i: int, v: Array) -> bool:
    """Whether the gradient itself is what differences of the forward say, along this vector."""
    exact = direction(asked.first[i], v)
    return exact.beside(asked, "second", i, "", None, lambda: forward_along(asked, i)(v), "") is None


def _by_dy(asked: Asked, by_dys: list[Array], weights: Mapping[int, Array]) -> list[Outcome]:
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


def _along(asked: Asked, i: int, weights: Mapping[int, Array]) -> Along:
    """The gradients, weighted, when input `i` moves: in float64."""
    code = asked.code
    wide = [x.astype(np.float64) if k in code.carrying else x for k, x in enumerate(code.inputs)]
    dys = [dy.astype(np.float64) for dy in asked.dys]

    def gradients(x: Array) -> Array:
        moved = [x if k == i else other for k, other in enumerate(wide)]
        found = asked.gradients(dys, asked.arguments(moved))
        return np.concatenate([found[k].ravel() for k in weights])

    return Along(gradients, wide[i], np.concatenate([w.ravel() for w in weights.values()]), analytic=False)

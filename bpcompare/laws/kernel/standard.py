"""Standardized numbers: x̂ = (x − μ)/√(σ² + ε), what every normalization is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.laws.kernel.node import Node, lifted
from bpcompare.numbers.number import Num, either, moments, named, total


def standardized(x: Any, axes: Sequence[int], epsilon: Num, *, centred: bool = True) -> Node:
    """x̂ with mean and variance over `axes`; not `centred`: x/√(mean(x²) + ε).  Δ: see `standard_back`."""
    x = lifted(x)
    over = tuple(axis % x.ndim for axis in axes)
    pair = Node((), lambda: deviations(x.value, epsilon, over, centred=centred))

    def back(dy: Num) -> Num:
        apart, inverse = pair.value
        return standard_back(apart, inverse, dy, over, centred=centred)

    return Node(x.shape, lambda: pair.value[0] * pair.value[1], [(x, back)])


# the same on numbers


def average(x: Num, axes: tuple[int, ...]) -> Num:
    """Σ/n along axes, which stay with length one."""
    return total(x, axis=axes, keepdims=True) / float(np.prod([x.shape[a] for a in axes]))


def deviations(x: Num, epsilon: Num, axes: tuple[int, ...], *, centred: bool = True) -> tuple[Num, Num]:
    """x − μ, and 1/√(σ² + ε); not `centred`: x, and 1/√(mean(x²) + ε)."""
    if not centred:
        return x, 1.0 / np.sqrt(named("mean(x²)", average(x * x, axes)) + epsilon)
    apart, variance = moments(x, axes)
    return apart, 1.0 / np.sqrt(variance + epsilon)


def standard_back(apart: Num, inverse: Num, s: Num, axes: tuple[int, ...], *, centred: bool = True) -> Num:
    """(s − mean(s) − x̂ mean(s x̂))/√(σ² + ε), or with (σ² + ε)^−3/2, as the chain rule through σ² has it; s is γ Δ.

    That power leaves the format's range where its factors do not: in float32, JAX loses it for σ beyond 1e13 or below 1e−13.
    Where nothing is subtracted from x, nothing goes through a mean: s stays whole.
    """
    hat = named("x̂", apart * inverse)
    own = s - named("mean(γ Δ)", average(s, axes)) if centred else s

    def through_variance() -> Num:
        slope = 0.5 * inverse * inverse * inverse  # of −1/√(σ² + ε)
        return own * inverse - 2.0 * apart * (average(s * apart, axes) * slope)

    return either((own - hat * named("mean(γ Δ x̂)", average(s * hat, axes))) * inverse, through_variance)

"""Normalization. Its Jacobian has three terms: through x itself, through the mean, and through the variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.arithmetic import Num, either, hyperparameter, moments, total
from bpcompare.laws.law import Law, PlainLaw
from bpcompare.ops import BatchNorm, LayerNorm, Op


def mean(x: Num, axes: tuple[int, ...]) -> Num:
    """Σ/n along axes, which stay with length one."""
    return total(x, axis=axes, keepdims=True) / float(np.prod([x.shape[a] for a in axes]))


def deviations(x: Num, epsilon: float, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """x − μ, and 1/√(σ² + ε)."""
    centred, variance = moments(x, axes)
    return centred, 1.0 / np.sqrt(variance + epsilon)


def standardized(x: Num, epsilon: float, axes: tuple[int, ...]) -> Num:
    """(x − μ)/√(σ² + ε)."""
    centred, inverse = deviations(x, epsilon, axes)
    return centred * inverse


class Normalization(PlainLaw):
    """What the two have in common; they differ in the axes of their statistics and in the shape of γ and β."""

    rearranged = True

    def axes(self, x: Num) -> tuple[int, ...]:
        """The axes that a mean runs over."""
        raise NotImplementedError

    def summed(self, x: Num) -> Num:
        """x summed to the shape of γ."""
        raise NotImplementedError

    def spread(self, p: Num, x: Num) -> Num:
        """γ or β, broadcast against x."""
        raise NotImplementedError

    def forward(self, op: BatchNorm | LayerNorm, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """γ x̂ + β."""
        x = xs[0]
        return self.spread(p["scale"], x) * standardized(x, op.epsilon, self.axes(x)) + self.spread(p["shift"], x)

    def delta(
        self, op: BatchNorm | LayerNorm, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int
    ) -> Num:
        """(s − mean(s) − x̂ mean(s x̂))/√(σ² + ε) with s = γ Δ, or with (σ² + ε)^−3/2, as the chain rule through σ² has it.

        That power leaves the format's range where its factors do not: in float32, JAX loses it for σ beyond 1e13 or below 1e−13.
        """
        x, axes = xs[0], self.axes(xs[0])
        centred, inverse = deviations(x, op.epsilon, axes)
        hat, s = centred * inverse, self.spread(p["scale"], x) * dy

        def through_variance() -> Num:
            slope = 0.5 * inverse * inverse * inverse  # of −1/√(σ² + ε)
            return (s - mean(s, axes)) * inverse - 2.0 * centred * (mean(s * centred, axes) * slope)

        return either((s - mean(s, axes) - hat * mean(s * hat, axes)) * inverse, through_variance)

    def gradient(
        self, op: BatchNorm | LayerNorm, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str
    ) -> Num:
        """Σ x̂ Δ for γ, Σ Δ for β."""
        x = xs[0]
        return self.summed(standardized(x, op.epsilon, self.axes(x)) * dy if role == "scale" else dy)


class LayerNormLaw(Normalization):
    """Statistics over the features of one example."""

    def axes(self, x: Num) -> tuple[int, ...]:
        """All but the examples."""
        return tuple(range(1, x.ndim))

    def summed(self, x: Num) -> Num:
        """Over examples."""
        return total(x, axis=0)

    def spread(self, p: Num, x: Num) -> Num:
        """γ has an example's shape."""
        return p


class BatchNormLaw(Normalization):
    """Statistics over the batch and all positions, per channel."""

    def axes(self, x: Num) -> tuple[int, ...]:
        """All but the channels."""
        return (0, *range(2, x.ndim))

    def summed(self, x: Num) -> Num:
        """Over examples and positions."""
        return total(x, axis=self.axes(x))

    def spread(self, p: Num, x: Num) -> Num:
        """γ has one entry a channel."""
        return np.reshape(p, (1, -1, *(1,) * (x.ndim - 2)))

    def state(self, op: BatchNorm, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num], name: str) -> Num:
        """(1 − momentum) running + momentum · this batch's."""
        x, axes = xs[0], self.axes(xs[0])
        batch = mean(x, axes)
        if name == "running_var":
            centred = x - batch
            count = int(np.prod([x.shape[a] for a in axes]))
            divisor = count - 1 if op.running_variance == "unbiased" else count
            batch = total(centred * centred, axis=axes, keepdims=True) / float(divisor)
        momentum = hyperparameter(op.momentum, x)
        return total([(1.0 - momentum) * c[name], momentum * np.reshape(batch, (-1,))])


TABLE: Mapping[type[Op], Law] = {LayerNorm: LayerNormLaw(), BatchNorm: BatchNormLaw()}

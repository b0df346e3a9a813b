"""Normalization. Its Jacobian has three terms: through x itself, through the mean, and through the variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.laws.kernel.standard import average, deviations, standard_back
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, hyperparameter, named, total
from bpcompare.ops import BatchNorm, GroupNorm, LayerNorm, Op, RmsNorm


class Normalization(PlainLaw):
    """γ x̂ + β with x̂ = (x − μ)/√(σ² + ε). They differ in the axes of their statistics and in the shape of γ and β."""

    rearranged = True
    centred = True
    """Whether the mean is subtracted."""

    def axes(self, op: Any, x: Num) -> tuple[int, ...]:
        """The axes that a mean runs over."""
        raise NotImplementedError

    def summed(self, op: Any, x: Num) -> Num:
        """x summed to the shape of γ."""
        raise NotImplementedError

    def spread(self, op: Any, p: Num, x: Num) -> Num:
        """γ or β, broadcast against x."""
        raise NotImplementedError

    def apart(self, op: Any, x: Num) -> Num:  # noqa: ARG002 — group norm needs it
        """x with its statistics' axes apart from the others."""
        return x

    def standardized(self, op: Any, x: Num) -> Num:
        """x̂."""
        grouped = self.apart(op, x)
        apart, inverse = deviations(grouped, op.epsilon, self.axes(op, x), centred=self.centred)
        return _shaped(apart * inverse, x)

    def forward(self, at: At[Any]) -> Num:
        """γ x̂ + β."""
        x = at.x
        scaled = self.spread(at.op, at.p["scale"], x) * self.standardized(at.op, x)
        return scaled + self.spread(at.op, at.p["shift"], x) if "shift" in at.p else scaled

    def delta(self, at: At[Any]) -> Num:
        """Δ x̂ with Δ multiplied by γ, less what goes through the mean and the variance."""
        x, op, axes = at.x, at.op, self.axes(at.op, at.x)
        parts = deviations(self.apart(op, x), op.epsilon, axes, centred=self.centred)
        s = self.apart(op, self.spread(op, at.p["scale"], x) * at.dy)
        return _shaped(standard_back(*parts, s, axes, centred=self.centred), x)

    def gradient(self, at: At[Any]) -> Num:
        """Σ x̂ Δ for γ, Σ Δ for β."""
        return self.summed(at.op, named("x̂", self.standardized(at.op, at.x)) * at.dy if at.role == "scale" else at.dy)


def _shaped(y: Num, x: Num) -> Num:
    """y in the shape of x."""
    return y if y.shape == x.shape else np.reshape(y, x.shape)


class LayerNormLaw(Normalization):
    """Statistics over the features of one example: its last axes, or all of them."""

    def axes(self, op: LayerNorm | RmsNorm, x: Num) -> tuple[int, ...]:
        """The features."""
        return tuple(range(1 if op.last is None else x.ndim - op.last, x.ndim))

    def summed(self, op: LayerNorm | RmsNorm, x: Num) -> Num:
        """Over examples, and over places that have features of their own."""
        return total(x, axis=tuple(range(self.axes(op, x)[0])))

    def spread(self, op: LayerNorm | RmsNorm, p: Num, x: Num) -> Num:  # noqa: ARG002 — others need both
        """γ has the features' shape, and they are the last axes."""
        return p


class RmsNormLaw(LayerNormLaw):
    """x̂ = x/√(mean(x²) + ε): nothing is subtracted, so nothing goes through a mean."""

    centred = False


class PerChannel(Normalization):
    """γ and β have one entry a channel, the first axis of an example."""

    def summed(self, op: Any, x: Num) -> Num:  # noqa: ARG002 — layer norm needs it
        """Over examples and positions."""
        return total(x, axis=(0, *range(2, x.ndim)))

    def spread(self, op: Any, p: Num, x: Num) -> Num:  # noqa: ARG002 — layer norm needs it
        """One entry a channel."""
        return np.reshape(p, (1, -1, *(1,) * (x.ndim - 2)))


class GroupNormLaw(PerChannel):
    """Statistics over a group of channels of one example, and all their positions."""

    def apart(self, op: GroupNorm, x: Num) -> Num:
        """(examples, groups, channels of a group, positions)."""
        return np.reshape(x, (x.shape[0], op.groups, x.shape[1] // op.groups, *x.shape[2:]))

    def axes(self, op: GroupNorm, x: Num) -> tuple[int, ...]:  # noqa: ARG002 — others need it
        """All but examples and groups."""
        return tuple(range(2, x.ndim + 1))


class BatchNormLaw(PerChannel):
    """Statistics over the batch and all positions, per channel."""

    def axes(self, op: BatchNorm, x: Num) -> tuple[int, ...]:  # noqa: ARG002 — layer norm needs it
        """All but the channels."""
        return (0, *range(2, x.ndim))

    def state(self, at: At[BatchNorm]) -> Num:
        """(1 − momentum) running + momentum · this batch's."""
        x, axes = at.x, self.axes(at.op, at.x)
        batch = named("μ", average(x, axes))
        if at.name == "running_var":
            centred = x - batch
            count = int(np.prod([x.shape[a] for a in axes]))
            divisor = count - 1 if at.op.running_variance == "unbiased" else count
            batch = named("σ²", total(centred * centred, axis=axes, keepdims=True) / float(divisor))
        momentum = hyperparameter(at.op.momentum, x)
        return total([(1.0 - momentum) * at.c[at.name], momentum * np.reshape(batch, (-1,))])


TABLE: Mapping[type[Op], Law] = {
    LayerNorm: LayerNormLaw(),
    RmsNorm: RmsNormLaw(),
    GroupNorm: GroupNormLaw(),
    BatchNorm: BatchNormLaw(),
}

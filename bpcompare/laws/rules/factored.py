"""Second moments of matrices by their rows and columns alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import drawn, less_decay
from bpcompare.numbers.number import Num, apart, beforehand, hyperparameter, named, total


class AdafactorRule:
    """Shazeer and Stern, ICML 2018, algorithms 4 and 5, as torch has them: V = r c/mean r of matrices, means of g² of vectors.

    u = g/√max(V, ε₁²), and w ← (1 − η λ) w − max(ε₂, rms w) min(η, 1/√t) u/max(1, rms u/d).
    """

    kept = staticmethod(less_decay)

    def slot(self, at: UpdateAt[Any]) -> Num:
        """Means of squares, over rows, over columns, or none: drawn to those of now by t^γ."""
        square = at.g * at.g
        if at.name != "v":
            axis = -1 if at.name == "rows" else -2
            square = total(square, axis=axis, keepdims=True) / float(at.g.shape[axis])
        part = beforehand(lambda t, gamma: t**gamma, float(at.t), at.op.beta2_decay, like=at.w)
        return drawn(at.slots[at.name], square, part)

    def estimate(self, at: UpdateAt[Any]) -> Num:
        """V."""
        if "v" in at.slots:
            return self.slot(at.but(name="v"))
        rows, columns = self.slot(at.but(name="rows")), self.slot(at.but(name="columns"))
        mean = total(rows, axis=-2, keepdims=True) / float(rows.shape[-2])
        return rows * columns / np.maximum(mean, hyperparameter(at.op.epsilon, at.w))

    def step(self, at: UpdateAt[Any]) -> Num:
        """The rate by the size of w, times u by its own."""
        least = beforehand(lambda epsilon: epsilon * epsilon, at.op.epsilon, like=at.w)
        u = named("u", at.g / np.sqrt(np.maximum(self.estimate(at), least)))
        most = hyperparameter(1.0, at.w)
        shrunk = np.maximum(rms(u) / hyperparameter(at.op.d, at.w), most)
        rate = hyperparameter(min(at.op.eta, 1.0 / at.t**0.5), at.w)
        return np.maximum(rms(at.w), hyperparameter(at.op.epsilon2, at.w)) * rate / shrunk * u


class OptaxAdafactorRule:
    """The same as optax has it: ε is added to g², and two axes of any array are factored, those of the `dims`, or none.

    u = g/√(r c/mean r) or g/√V, and w ← w − λ w − η max(ε₂, rms w) u/max(1, rms u/d); 0 for d or ε₂: without that. How far the
    means go to those of now, `new`, and what is `left` of the old ones, optax works out in float32.
    """

    def slot(self, at: UpdateAt[Any]) -> Num:
        """Means of g² + ε, over one of two axes, or over none."""
        square = total([at.g * at.g, hyperparameter(at.op.epsilon, at.w)])
        if at.name != "v":
            axis = at.op.dims[1 if at.name == "rows" else 0]
            square = total(square, axis=axis) / float(at.g.shape[axis])
        return total([hyperparameter(at.op.left, at.w) * at.slots[at.name], hyperparameter(at.op.new, at.w) * square])

    def direction(self, at: UpdateAt[Any]) -> Num:
        """u."""
        if "v" in at.slots:
            return at.g / np.sqrt(self.slot(at.but(name="v")))
        least, most = at.op.dims
        rows, columns = self.slot(at.but(name="rows")), self.slot(at.but(name="columns"))
        axis = least - (least > most)
        mean = total(rows, axis=axis, keepdims=True) / float(rows.shape[axis])
        by_rows, by_columns = np.sqrt(rows / mean), np.sqrt(columns)
        shapes = [tuple(1 if axis == gone else n for axis, n in enumerate(at.g.shape)) for gone in (most, least)]
        return at.g / np.reshape(by_rows, shapes[0]) / np.reshape(by_columns, shapes[1])

    def kept(self, at: UpdateAt[Any]) -> Num:
        """w, or w − λ w."""
        if not at.op.weight_decay:
            return apart(at.w)
        return total([apart(at.w), -(hyperparameter(at.op.weight_decay, at.w) * at.w)])

    def step(self, at: UpdateAt[Any]) -> Num:
        """η by the size of w, times u by its own."""
        u = named("u", self.direction(at))
        if at.op.d:
            u = u / np.maximum(rms(u) / hyperparameter(at.op.d, at.w), hyperparameter(1.0, at.w))
        if at.op.epsilon2:
            u = np.maximum(rms(at.w), hyperparameter(at.op.epsilon2, at.w)) * u
        return hyperparameter(at.op.eta, at.w) * u


def rms(x: Num) -> Num:
    """√ of the mean of all squares."""
    return np.sqrt(total(x * x) / float(np.prod(x.shape)))

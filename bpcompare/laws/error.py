"""Errors and the base case: Δ_a = −∂E/∂a."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bpcompare.arithmetic import Num, either, hyperparameter, positive, total
from bpcompare.laws import elementary
from bpcompare.laws.law import Law, PlainLaw
from bpcompare.ops import BinaryCrossEntropyWithLogits, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy
from bpcompare.ops.op import ErrorOp


class ErrorLaw(PlainLaw):
    """E = scale · (1/B where reduce is "mean") · divisor⁻¹ · Σ terms; subclasses give the terms and −∂term/∂a."""

    rearranged = True

    @abstractmethod
    def terms(self, op: Any, a: Num, t: Num) -> Num:
        """What is summed over examples and outputs."""

    @abstractmethod
    def toward(self, op: Any, a: Num, t: Num) -> Num:
        """−∂(Σ terms)/∂a."""

    def divisor(self, op: Any, a: Num) -> float:
        """What an example's terms are divided by."""
        return 1.0

    def factor(self, op: ErrorOp, a: Num) -> Num:
        """Loss scale over batch size and divisor."""
        count = self.divisor(op, a) * (a.shape[0] if op.reduce == "mean" else 1)
        scale = hyperparameter(op.scale, a)
        return scale / count if count != 1 else scale

    def forward(self, op: ErrorOp, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """One sum over the batch."""
        return total(self.terms(op, *xs)) * self.factor(op, xs[0])

    def delta(self, op: ErrorOp, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """The base case of the induction."""
        return self.toward(op, *xs) * self.factor(op, xs[0])


class HalfSquaredLaw(ErrorLaw):
    """½(t − a)², t − a."""

    def terms(self, op: Any, a: Num, t: Num) -> Num:
        """½(t − a)²."""
        r = t - a
        return 0.5 * (r * r)

    def toward(self, op: Any, a: Num, t: Num) -> Num:
        """t − a."""
        return t - a


class MeanSquaredLaw(ErrorLaw):
    """(t − a)²/K, 2(t − a)/K."""

    def divisor(self, op: MeanSquared, a: Num) -> float:
        """K outputs."""
        return float(prod(a.shape[1:]))

    def terms(self, op: Any, a: Num, t: Num) -> Num:
        """(t − a)²."""
        r = t - a
        return r * r

    def toward(self, op: Any, a: Num, t: Num) -> Num:
        """2(t − a)."""
        return 2.0 * (t - a)


class SoftmaxCrossEntropyLaw(ErrorLaw):
    """Σ t (ln Σ e^a − a), t − softmax(a) Σ t."""

    def terms(self, op: SoftmaxCrossEntropy, a: Num, t: Num) -> Num:
        """Terms with t = 0 do not count."""
        if op.integer_target:
            return np.where(one_hot(t, a), elementary.log_sum_exp(a) - a, 0.0)
        return t * (elementary.log_sum_exp(a) - a)

    def toward(self, op: SoftmaxCrossEntropy, a: Num, t: Num) -> Num:
        """t − softmax(a) Σ t."""
        if op.integer_target:
            return one_hot(t, a) - elementary.softmax(a)
        return t - elementary.softmax(a) * total(t, axis=-1, keepdims=True)


class BinaryCrossEntropyWithLogitsLaw(ErrorLaw):
    """softplus(a) − t a, t − σ(a)."""

    def terms(self, op: Any, a: Num, t: Num) -> Num:
        """softplus(a) − t a, or as torch has it: (1 − t) a − ln σ(a), which cancels where t is 0 and a far below 0."""
        return either(elementary.softplus(a) - t * a, lambda: (1.0 - t) * a + elementary.softplus(-a))

    def toward(self, op: Any, a: Num, t: Num) -> Num:
        """t − σ(a)."""
        return t - elementary.softplus_prime(a)


class HuberLaw(ErrorLaw):
    """½r² near, linear far; r limited."""

    def terms(self, op: Huber, a: Num, t: Num) -> Num:
        """½r² or d(|r| − ½d)."""
        r = t - a
        d = hyperparameter(op.threshold, r)
        size = elementary.magnitude(r)
        return np.where(positive(size - d), d * (size - 0.5 * d), 0.5 * (r * r))

    def toward(self, op: Huber, a: Num, t: Num) -> Num:
        """r limited to [−d, d]."""
        r = t - a
        d = hyperparameter(op.threshold, r)
        return np.where(positive(r - d), d, np.where(positive(-r - d), -d, r))


def one_hot(t: Num, a: Num) -> Num:
    """Booleans (…, K) that mark class t."""
    return t[..., None] == np.arange(a.shape[-1])


TABLE: Mapping[type[Op], Law] = {
    HalfSquared: HalfSquaredLaw(),
    MeanSquared: MeanSquaredLaw(),
    SoftmaxCrossEntropy: SoftmaxCrossEntropyLaw(),
    BinaryCrossEntropyWithLogits: BinaryCrossEntropyWithLogitsLaw(),
    Huber: HuberLaw(),
}

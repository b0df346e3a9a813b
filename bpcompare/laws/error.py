"""Errors and the base case: Δ_a = −∂E/∂a."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import elementary
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, applied, either, hyperparameter, named, positive, total
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
        return scale / named(self.counted(op), hyperparameter(float(count), a)) if count != 1 else scale

    def counted(self, op: Any) -> str:
        """What the divisor counts."""
        return "examples"

    def forward(self, at: At[ErrorOp]) -> Num:
        """One sum over the batch."""
        return total(self.terms(at.op, *at.xs)) * self.factor(at.op, at.x)

    def delta(self, at: At[ErrorOp]) -> Num:
        """The base case of the induction."""
        return self.toward(at.op, *at.xs) * self.factor(at.op, at.x)

    def stacked(self, steps: int) -> Law:
        """See `PlainLaw`: terms are of one example each, and each step has a sum of its own."""
        return StackedError(self, steps)


class StackedError(PlainLaw):
    """The same equations for several steps at once (`PlainLaw.stacked`)."""

    def __init__(self, law: ErrorLaw, steps: int) -> None:
        self._law, self._steps = law, steps
        self.rearranged = law.rearranged

    def forward(self, at: At[ErrorOp]) -> Num:
        """One sum for each step."""
        terms = np.reshape(self._law.terms(at.op, *at.xs), (self._steps, -1))
        return total(terms, axis=1) * self._law.factor(at.op, self._first(at))

    def delta(self, at: At[ErrorOp]) -> Num:
        """The base case, with the factor that a step has."""
        return self._law.toward(at.op, *at.xs) * self._law.factor(at.op, self._first(at))

    def _first(self, at: At[ErrorOp]) -> Num:
        """The examples of one step."""
        return at.x[: at.x.shape[0] // self._steps]


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

    def counted(self, op: MeanSquared) -> str:
        """Outputs, and examples where E is a mean over them."""
        return "examples·outputs" if op.reduce == "mean" else "outputs"

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
            return np.where(one_hot(t, a), named("ln Σ e^a", elementary.log_sum_exp(a)) - a, 0.0)
        return t * (named("ln Σ e^a", elementary.log_sum_exp(a)) - a)

    def toward(self, op: SoftmaxCrossEntropy, a: Num, t: Num) -> Num:
        """t − softmax(a) Σ t."""
        share = named("softmax(a)", elementary.softmax(a))
        return one_hot(t, a) - share if op.integer_target else t - share * named("Σ t", total(t, axis=-1, keepdims=True))


class BinaryCrossEntropyWithLogitsLaw(ErrorLaw):
    """softplus(a) − t a, t − σ(a)."""

    def terms(self, op: Any, a: Num, t: Num) -> Num:
        """softplus(a) − t a, or as torch has it: (1 − t) a − ln σ(a), which cancels where t is 0 and a far below 0."""
        return either(applied("softplus", elementary.softplus, a) - t * a, lambda: (1.0 - t) * a + elementary.softplus(-a))

    def toward(self, op: Any, a: Num, t: Num) -> Num:
        """t − σ(a)."""
        return t - applied("sigmoid", elementary.softplus_prime, a)


class HuberLaw(ErrorLaw):
    """½r² near, linear far; r limited."""

    def terms(self, op: Huber, a: Num, t: Num) -> Num:
        """½r² or d(|r| − ½d)."""
        r = t - a
        d = hyperparameter(op.threshold, r)
        size = applied("abs", elementary.magnitude, r)
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

"""Errors as formulas of autograd.numpy: the terms of each, which are then summed, averaged and scaled alike."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import autograd.numpy as np
from autograd.scipy.special import logsumexp

from bpcompare.ops import BinaryCrossEntropyWithLogits, ErrorOp, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy


def _half_squared(op: HalfSquared, a: Any, t: Any) -> Any:
    return 0.5 * (a - t) ** 2


def _mean_squared(op: MeanSquared, a: Any, t: Any) -> Any:
    return (a - t) ** 2 / prod(a.shape[1:])


def _softmax_cross_entropy(op: SoftmaxCrossEntropy, a: Any, t: Any) -> Any:
    t = np.eye(a.shape[-1], dtype=a.dtype)[t] if op.integer_target else t
    return t * (logsumexp(a, axis=-1, keepdims=True) - a)


def _binary_cross_entropy(op: BinaryCrossEntropyWithLogits, a: Any, t: Any) -> Any:
    return np.logaddexp(0.0, a) - t * a


def _huber(op: Huber, a: Any, t: Any) -> Any:
    r, d = a - t, op.threshold
    return np.where(np.abs(r) > d, d * (np.abs(r) - 0.5 * d), 0.5 * r**2)


def _reduced(terms: Callable[..., Any]) -> Callable[..., Any]:
    """The lowering of an error from its terms: their sum, over the batch size where it is a mean, scaled."""

    def error(op: ErrorOp, xs: Sequence[Any], parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
        a, t = xs
        total = np.sum(terms(op, a, t))
        return op.scale * (total / a.shape[0] if op.reduce == "mean" else total)

    return error


TABLE: dict[type[Op], Callable[..., Any]] = {
    HalfSquared: _reduced(_half_squared),
    MeanSquared: _reduced(_mean_squared),
    SoftmaxCrossEntropy: _reduced(_softmax_cross_entropy),
    BinaryCrossEntropyWithLogits: _reduced(_binary_cross_entropy),
    Huber: _reduced(_huber),
}

"""Errors in Paddle. Its `reduction` averages over outputs and examples alike, so both sums are taken here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paddle
from paddle import Tensor
from paddle.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import BinaryCrossEntropyWithLogits, ErrorOp, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy
from bpcompare_paddle.activations import softplus


def _half_squared(op: HalfSquared, a: Tensor, t: Tensor) -> Tensor:
    return 0.5 * _summed(F.mse_loss(a, t, reduction="none"))


def _mean_squared(op: MeanSquared, a: Tensor, t: Tensor) -> Tensor:
    terms = F.mse_loss(a, t, reduction="none")
    return paddle.mean(terms, axis=list(range(1, terms.ndim))) if terms.ndim > 1 else terms


def _softmax_cross_entropy(op: SoftmaxCrossEntropy, a: Tensor, t: Tensor) -> Tensor:
    # Not F.cross_entropy, which takes logarithms of a softmax that it has cut off at e^−64.
    largest = paddle.max(a, axis=-1, keepdim=True).detach()
    total = paddle.log(paddle.sum(paddle.exp(a - largest), axis=-1, keepdim=True)) + largest
    if op.integer_target:
        return _summed((total - paddle.take_along_axis(a, t.unsqueeze(-1), axis=-1)).squeeze(-1))
    return _summed(t * (total - a))


def _binary_cross_entropy(op: BinaryCrossEntropyWithLogits, a: Tensor, t: Tensor) -> Tensor:
    # Not F.binary_cross_entropy_with_logits, whose gradient has the wrong sign for some large logits.
    return _summed(softplus(a) - t * a)


def _huber(op: Huber, a: Tensor, t: Tensor) -> Tensor:
    # Not F.smooth_l1_loss, which takes its threshold through float32 in float64 programs.
    r, d = t - a, op.threshold
    near = paddle.abs(r) <= d
    return _summed(paddle.where(near, 0.5 * r * r, d * (paddle.abs(r) - 0.5 * d)))


def _summed(terms: Tensor) -> Tensor:
    return paddle.sum(terms, axis=list(range(1, terms.ndim))) if terms.ndim > 1 else terms


def _over_examples(of_examples: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def error(op: ErrorOp, xs: Sequence[Tensor], p: Mapping[str, Any], extra: Mapping[str, Any]) -> Tensor:
        each = of_examples(op, *xs)
        return op.scale * (paddle.mean(each) if op.reduce == "mean" else paddle.sum(each))

    return error


TABLE: dict[type[Op], Callable[..., Any]] = {
    HalfSquared: _over_examples(_half_squared),
    MeanSquared: _over_examples(_mean_squared),
    SoftmaxCrossEntropy: _over_examples(_softmax_cross_entropy),
    BinaryCrossEntropyWithLogits: _over_examples(_binary_cross_entropy),
    Huber: _over_examples(_huber),
}

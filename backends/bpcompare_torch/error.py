"""Errors in torch. Its own `reduction` averages over outputs and examples alike, so both sums are taken here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import BinaryCrossEntropyWithLogits, ErrorOp, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy


def _half_squared(op: HalfSquared, a: Tensor, t: Tensor) -> Tensor:
    return 0.5 * _over_outputs(torch.sum, F.mse_loss(a, t, reduction="none"))


def _mean_squared(op: MeanSquared, a: Tensor, t: Tensor) -> Tensor:
    return _over_outputs(torch.mean, F.mse_loss(a, t, reduction="none"))


def _softmax_cross_entropy(op: SoftmaxCrossEntropy, a: Tensor, t: Tensor) -> Tensor:
    # torch wants the classes on axis 1, the spec has them last.
    t = t if op.integer_target else t.movedim(-1, 1)
    return _over_outputs(torch.sum, F.cross_entropy(a.movedim(-1, 1), t, reduction="none"))


def _binary_cross_entropy(op: BinaryCrossEntropyWithLogits, a: Tensor, t: Tensor) -> Tensor:
    return _over_outputs(torch.sum, F.binary_cross_entropy_with_logits(a, t, reduction="none"))


def _huber(op: Huber, a: Tensor, t: Tensor) -> Tensor:
    return _over_outputs(torch.sum, F.huber_loss(a, t, reduction="none", delta=op.threshold))


def _over_outputs(add: Callable[..., Tensor], terms: Tensor) -> Tensor:
    """One number an example: `add` over every axis but the first."""
    # An empty `dim` would mean every axis to torch.
    return add(terms, dim=tuple(range(1, terms.ndim))) if terms.ndim > 1 else terms


def _over_examples(of_examples: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The lowering of an error, from its value for each example: reduced over examples, then scaled."""

    def error(op: ErrorOp, xs: Sequence[Tensor], parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> Tensor:
        a, t = xs
        each = of_examples(op, a, t)
        return op.scale * (torch.mean(each) if op.reduce == "mean" else torch.sum(each))

    return error


TABLE: dict[type[Op], Callable[..., Any]] = {
    HalfSquared: _over_examples(_half_squared),
    MeanSquared: _over_examples(_mean_squared),
    SoftmaxCrossEntropy: _over_examples(_softmax_cross_entropy),
    BinaryCrossEntropyWithLogits: _over_examples(_binary_cross_entropy),
    Huber: _over_examples(_huber),
}

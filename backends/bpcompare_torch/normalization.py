"""Normalization in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.autodiff import Lowered
from bpcompare.ops import BatchNorm, LayerNorm, Op


def layer_norm(op: LayerNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.layer_norm over every axis but the batch's."""
    return F.layer_norm(xs[0], xs[0].shape[1:], parameters["scale"], parameters["shift"], eps=op.epsilon)


def batch_norm(
    op: BatchNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]
) -> Lowered[Tensor]:
    """F.batch_norm in training mode, on copies of the running statistics, which it changes in place."""
    x = xs[0]
    running = {key: extra[key].clone() for key in ("running_mean", "running_var")}
    y = F.batch_norm(
        x, **running, weight=parameters["scale"], bias=parameters["shift"], training=True, momentum=op.momentum, eps=op.epsilon
    )
    if op.running_variance == "biased":
        # torch keeps the unbiased variance only.
        with torch.no_grad():
            seen = x.var(dim=[0, *range(2, x.ndim)], correction=0)
            running["running_var"] = (1 - op.momentum) * extra["running_var"] + op.momentum * seen
    return Lowered(y, running)


TABLE: dict[type[Op], Callable[..., Any]] = {LayerNorm: layer_norm, BatchNorm: batch_norm}

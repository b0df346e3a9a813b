"""Normalization in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.backend.autodiff import Lowered
from bpcompare.ops import BatchNorm, GroupNorm, LayerNorm, Op, RmsNorm


def layer_norm(op: LayerNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.layer_norm over the features: as many of the last axes as the parameters have."""
    x, scale, shift = xs[0], parameters["scale"], parameters["shift"]
    if x.ndim == 1:
        # torch normalizes over at least one axis; a scalar is given one.
        return F.layer_norm(x[:, None], (1,), scale[None], shift[None], op.epsilon)[:, 0]
    return F.layer_norm(x, scale.shape, scale, shift, op.epsilon)


def rms_norm(op: RmsNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.rms_norm over the features, likewise."""
    x, scale = xs[0], parameters["scale"]
    if x.ndim == 1:
        return F.rms_norm(x[:, None], (1,), scale[None], op.epsilon)[:, 0]
    return F.rms_norm(x, scale.shape, scale, op.epsilon)


def group_norm(op: GroupNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """What F.group_norm calls; F.group_norm itself refuses a batch of one example whose groups have one number each."""
    return torch.group_norm(xs[0], op.groups, parameters["scale"], parameters["shift"], op.epsilon)


def batch_norm(
    op: BatchNorm, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]
) -> Lowered[Tensor]:
    """F.batch_norm in training mode. It changes running statistics in place, so it gets copies; these come back as state."""
    x = xs[0]
    mean, var = extra["running_mean"].clone(), extra["running_var"].clone()
    y = F.batch_norm(x, mean, var, parameters["scale"], parameters["shift"], True, op.momentum, op.epsilon)
    if op.running_variance == "biased":
        # torch only ever keeps the unbiased variance: this running statistic is ours, by torch's own formula.
        seen = torch.var(x.detach(), dim=(0, *range(2, x.ndim)), correction=0)
        var = (1 - op.momentum) * extra["running_var"] + op.momentum * seen
    return Lowered(y, {"running_mean": mean, "running_var": var})


TABLE: dict[type[Op], Callable[..., Any]] = {
    LayerNorm: layer_norm,
    RmsNorm: rms_norm,
    GroupNorm: group_norm,
    BatchNorm: batch_norm,
}

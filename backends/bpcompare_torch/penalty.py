"""Penalties in torch: part of the loss, so that autograd sees them. The optimizers' `weight_decay` is another thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from bpcompare.ops import L2, Op


def l2(op: L2, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """½ λ Σ w²."""
    return 0.5 * op.factor * (parameters["w"] ** 2).sum()


TABLE: dict[type[Op], Callable[..., Any]] = {L2: l2}

"""Dense layers in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Dense, Op


def dense(op: Dense, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.linear along the last axis, with a weight (out, in); several sources are joined first, in the order of its rows here."""
    x = xs[0] if len(xs) == 1 else torch.cat(list(xs), dim=-1)
    return F.linear(x, parameters["weight"].T, parameters.get("bias"))


TABLE: dict[type[Op], Callable[..., Any]] = {Dense: dense}

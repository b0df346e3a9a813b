"""Ops without parameters that join, scale, reshape or mask, in torch."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor

from bpcompare.ops import Add, Concat, Dropout, Flatten, Op, Permute, Reshape, Scale, Slice
from bpcompare_torch.axes import aligned, along


def dropout(op: Dropout, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """The mask comes from the plan, for torch's own generator draws other masks than any other framework's."""
    return xs[0] * extra["mask"] / (1 - op.rate)


def sliced(op: Slice, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """The tensor indexed with a slice, or with one position."""
    at = op.axis % (xs[0].ndim - 1) + 1
    taken = op.positions(xs[0].shape[at])[0] if op.drop else slice(op.start, op.stop, op.step)
    return xs[0][(*(slice(None),) * at, taken)]


TABLE: dict[type[Op], Callable[..., Any]] = {
    Add: lambda op, xs, *_: reduce(add, aligned(xs)),
    Concat: lambda op, xs, *_: torch.cat(xs, dim=along(op.axis)),
    Scale: lambda op, xs, *_: op.factor * xs[0],
    # Not torch.flatten, which refuses an example that is a scalar.
    Flatten: lambda op, xs, *_: xs[0].reshape(xs[0].shape[0], -1),
    Dropout: dropout,
    Permute: lambda op, xs, *_: torch.permute(xs[0], (0, *map(along, op.axes))),
    Reshape: lambda op, xs, *_: xs[0].reshape(xs[0].shape[0], *op.shape),
    Slice: sliced,
}

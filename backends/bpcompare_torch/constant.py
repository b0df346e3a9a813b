"""A layer that reads nothing, in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from bpcompare.ops import Constant, Op


def constant(op: Constant, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """The value once for every example. `ones` say how many these are; they are not multiplied with."""
    return parameters["value"].expand(extra["ones"].shape[0], *op.shape)


TABLE: dict[type[Op], Callable[..., Any]] = {Constant: constant}

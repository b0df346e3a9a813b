"""Embedding in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Embedding, Op


def embedding(op: Embedding, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """Rows of the weight; a row number beyond the last is an IndexError."""
    return F.embedding(xs[0], parameters["weight"])


TABLE: dict[type[Op], Callable[..., Any]] = {Embedding: embedding}

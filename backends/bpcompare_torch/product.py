"""Products of matrices that are both computed, in torch."""

from collections.abc import Callable
from typing import Any

import torch

from bpcompare.ops import Matmul, Op
from bpcompare_torch.axes import aligned

TABLE: dict[type[Op], Callable[..., Any]] = {Matmul: lambda op, xs, *_: torch.matmul(*aligned(xs))}

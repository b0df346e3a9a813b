"""Activations in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Elu, GeluErf, GeluTanh, Identity, LeakyRelu, Op, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh

NO_THRESHOLD = 40.0
"""Beyond its threshold F.softplus returns x itself: 20 by default, where ln(1 + e^−x) is still 2e-9. At 40 it is below ½ ulp."""


def _elementwise(g: Callable[[Any, Tensor], Tensor]) -> Callable[..., Tensor]:
    def lowering(op: Any, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
        return g(op, xs[0])

    return lowering


TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: _elementwise(lambda op, x: x),
    Sigmoid: _elementwise(lambda op, x: torch.sigmoid(x)),
    Tanh: _elementwise(lambda op, x: torch.tanh(x)),
    Relu: _elementwise(lambda op, x: F.relu(x)),
    LeakyRelu: _elementwise(lambda op, x: F.leaky_relu(x, op.slope)),
    Elu: _elementwise(lambda op, x: F.elu(x, op.alpha)),
    Softplus: _elementwise(lambda op, x: F.softplus(x, threshold=NO_THRESHOLD)),
    GeluErf: _elementwise(lambda op, x: F.gelu(x)),
    GeluTanh: _elementwise(lambda op, x: F.gelu(x, approximate="tanh")),
    Silu: _elementwise(lambda op, x: F.silu(x)),
    Softmax: _elementwise(lambda op, x: F.softmax(x, dim=-1)),
}

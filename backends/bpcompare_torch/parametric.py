"""Activations that learn, in torch."""

from collections.abc import Callable
from typing import Any

from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Op, PRelu

TABLE: dict[type[Op], Callable[..., Any]] = {
    # One slope, or one for each entry of axis 1: torch tells them apart by their number.
    PRelu: lambda op, xs, parameters, extra: F.prelu(xs[0], parameters["slope"]),
}

"""What rounds by nature, whatever the numbers: operations that exact mode refuses."""

from __future__ import annotations

from math import log2, prod

from bpcompare.network import Network, Problem
from bpcompare.ops import (
    AvgPool2d,
    BatchNorm,
    Dropout,
    HalfSquared,
    Identity,
    LayerNorm,
    LeakyRelu,
    MeanSquared,
    Relu,
    Scale,
    Sgd,
)
from bpcompare.ops.op import Op


def inexact(network: Network) -> list[Problem]:
    """Every op of the network that rounds, with its reason."""
    found = []
    for name, layer in network.layers.items():
        for key, op in (("op", layer.op), ("g", layer.g)):
            if reason := _rounds(op):
                found.append(Problem(("layers", name, key), f"{op.name} rounds: {reason}"))
    if reason := _rounds(network.error.op):
        found.append(Problem(("error", "op"), f"{network.error.op.name} rounds: {reason}"))
    elif isinstance(network.error.op, MeanSquared) and not _power_of_two(k := prod(network.shape(network.error.of))):
        found.append(Problem(("error", "op"), f"the mean over {k} outputs rounds: only powers of two divide exactly"))
    if reason := _rounds(network.update):
        found.append(Problem(("update", "rule"), f"{network.update.name} rounds: {reason}"))
    return found


def _rounds(op: Op) -> str:
    if isinstance(op, AvgPool2d) and not _power_of_two(prod(op.kernel)):
        return f"the mean over {prod(op.kernel)} values"
    for field, number in (
        ("factor", isinstance(op, Scale)),
        ("slope", isinstance(op, LeakyRelu)),
        ("scale", isinstance(op, HalfSquared | MeanSquared)),
    ):
        if number and not _power_of_two(abs(getattr(op, field))):
            return f"its {field} is not a power of two"
    if isinstance(op, Sgd):
        return ""
    exact = (Relu, LeakyRelu, Identity, HalfSquared, MeanSquared)
    if op.role in ("activation", "error", "update"):
        return "" if isinstance(op, exact) else "it is not made of sums and products of short numbers"
    return (
        "it divides by a root"
        if isinstance(op, BatchNorm | LayerNorm)
        else "it divides by 1 − rate"
        if isinstance(op, Dropout)
        else ""
    )


def _power_of_two(x: float) -> bool:
    return x > 0 and log2(x).is_integer()

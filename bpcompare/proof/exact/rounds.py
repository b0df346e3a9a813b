"""Operations whose results round for nearly all numbers, so that exact mode refuses them."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.network import Network, Problem
from bpcompare.ops.op import Op, Shape


def inexact(network: Network) -> list[Problem]:
    """Every op of the network that rounds, with its reason."""
    found: list[Problem] = []

    def ask(where: tuple[str, ...], op: Op, xs: Sequence[Shape]) -> None:
        if reason := op.rounds(xs):
            found.append(Problem(where, f"{op.name} rounds: {reason}"))

    for name, layer in network.layers.items():
        ask(("layers", name, "op"), layer.op, [network.shape(source) for source in layer.sources])
        ask(("layers", name, "g"), layer.g, [network.shape(name)])
    ask(("error", "op"), network.error.op, [network.shape(network.error.of)])
    for name, penalty in network.penalties.items():
        ask(("parameters", name, "penalty"), penalty, [])
    ask(("update", "rule"), network.update, [])
    return found

"""One network that backends are tried on, and how one is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bpcompare import ops
from bpcompare.network import Network
from bpcompare.network.draft import Draft
from bpcompare.ops import Op
from bpcompare.ops.op import LayerOp, Shape


@dataclass(frozen=True, eq=False)
class Case:
    """A network with a fixed name. `about`: the op that it tests; `kink`: it is at a kink, where backends may differ."""

    name: str
    about: type[Op]
    network: Network
    kink: bool = False

    @property
    def needs(self) -> frozenset[type[Op]]:
        """Every op type in it."""
        network = self.network
        found = {type(network.error.op), type(network.update), *map(type, network.penalties.values())}
        return frozenset(found | {type(op) for layer in network.layers.values() for op in (layer.op, layer.g)})


def case_of(about: type[Op], what: str, network: Network, *, kink: bool = False) -> Case:
    """A case `about` an op, called after it and after `what` is tried; `kink`: the network stands at one."""
    name = f"{about.name}-{what}"
    return Case(name, about, replace(network, name=name), kink)


def on_layers(op: LayerOp, what: str, *shapes: Shape, **options: Any) -> Case:
    """`op` on layers of these shapes, not on the data: only then does it carry a Δ back.

    Their numbers have both signs, or are positive where the op asks that of any of them.
    """
    g = ops.Softplus() if op.domain else ops.Tanh()
    draft = Draft(f"{op.name}-{what}", **options)
    sources = []
    for number, shape in enumerate(shapes):
        x = draft.input(f"x{number}", *(shape or (3,)))
        source = draft.layer(ops.Dense((shape or (3,))[-1]), x, g=g)
        sources.append(source if shape else draft.layer(ops.Sum((0,)), source))
    flattened(draft, draft.layer(op, *sources))
    return case_of(type(op), what, draft.network())


def flattened(draft: Draft, layer: str) -> None:
    """A flatten layer after one that is no vector."""
    if len(draft.shapes[layer]) != 1:
        draft.layer(ops.Flatten(), layer)

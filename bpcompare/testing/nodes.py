"""Graphs of single nodes, each a layer of its own."""

from __future__ import annotations

from bpcompare import ops
from bpcompare.network import Network
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Initializer


def nodes(count: int, fan: int = 10, seed: int = 0) -> Network:
    """`count` sigmoid nodes of `fan` random earlier sources each; two outputs read every node that nothing else reads."""
    draft = Draft("nodes", examples=4, seed=seed, other=0.5)
    names, used = [draft.enter(f"x{i}", (1,)) for i in range(fan)], set[str]()
    for k in range(count):
        sources = [names[i] for i in draft.random.choice(len(names), fan, replace=False)]
        used.update(sources)
        names.append(draft.layer(ops.Dense(1), *sources, name=f"n{k}", g=ops.Sigmoid(), init=Initializer("normal", 0.5)))
    draft.layer(ops.Dense(2), *(name for name in names if name not in used), name="o", g=ops.Sigmoid())
    draft.data |= {name: draft.random.standard_normal((4, 1)) for name in draft.inputs}
    return draft.network("o", updates_done=0, slots="zero")

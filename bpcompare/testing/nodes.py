"""Graphs of single nodes, each a layer of its own."""

from __future__ import annotations

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.parameter import Initializer, Parameter


def nodes(count: int, fan: int = 10, seed: int = 0) -> Network:
    """`count` sigmoid nodes of `fan` random earlier sources each; two outputs read every node that nothing else reads."""
    random = np.random.default_rng(seed)
    inputs = {f"x{i}": Input((1,)) for i in range(fan)}
    names, used = list(inputs), set[str]()
    layers: dict[str, Layer] = {}
    parameters: dict[str, Parameter] = {}
    for k in range(count):
        name = f"n{k}"
        sources = tuple(names[i] for i in random.choice(len(names), fan, replace=False))
        used.update(sources)
        layers[name] = Layer(ops.Dense(1), sources, ops.Sigmoid(), {"weight": f"{name}.weight", "bias": f"{name}.bias"})
        parameters |= {f"{name}.{role}": Parameter(Initializer("normal", 0.5)) for role in ("weight", "bias")}
        names.append(name)
    loose = tuple(name for name in names if name not in used)
    layers["o"] = Layer(ops.Dense(2), loose, ops.Sigmoid(), {"weight": "o.weight", "bias": "o.bias"})
    parameters |= {"o.weight": Parameter(Initializer("lecun_normal")), "o.bias": Parameter(Initializer("normal", 0.5))}
    data = Data({name: random.standard_normal((4, 1)) for name in inputs}, random.standard_normal((4, 2)))
    return Network("nodes", inputs, layers, parameters, Error(ops.HalfSquared(reduce="sum"), "o"), ops.Sgd(0.1), data, Training())

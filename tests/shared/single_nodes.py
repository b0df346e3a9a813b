"""Graphs of single nodes of many kinds, and records of them with a number changed."""

from dataclasses import replace

import numpy as np

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Parameter

ACTIVATIONS = (ops.Sigmoid(), ops.Relu(), ops.Identity(), ops.Tanh(), ops.GeluTanh(), ops.LeakyRelu(0.1))
RULES = (
    ops.Sgd(0.1),
    ops.Sgd(0.1, momentum=0.9, weight_decay=0.01),
    ops.Adam(0.01, beta1=0.9, beta2=0.99, epsilon=1e-8),
    ops.RmsProp(0.01, rho=0.9, epsilon=1e-6, epsilon_inside=True),
)


def graph(seed, count=60, examples=3):
    """A network of `count` layers of one unit each, of random sources: data of several widths, nodes, and a wider layer.

    Some have no bias, some share a weight, some are frozen, some have a penalty, some read a source twice.
    """
    draft = Draft(f"graph {seed}", examples=examples, seed=seed, update=RULES[seed % len(RULES)])
    random = draft.random
    names = [draft.input("x", 3), draft.input("y", 1)]
    shared = {}
    for number in range(count):
        fan = int(random.choice((2, 3)))
        recent = names[-12:] if random.random() < 0.7 else names
        sources = [recent[i] for i in random.integers(0, len(recent), min(fan, len(recent)))]
        width = sum(draft.shapes[source][0] for source in sources)
        if number == count // 2:
            names.append(draft.layer(ops.Dense(4), *sources, name="wide", g=ops.Tanh()))
            continue
        name = f"n{number}"
        uses = {"weight": shared[width]} if width in shared and random.random() < 0.1 else {}
        op = ops.Dense(1, bias=bool(random.random() < 0.7))
        g = ACTIVATIONS[int(random.integers(len(ACTIVATIONS)))] if seed % 2 else ops.Sigmoid()
        draft.layer(op, *sources, name=name, g=g, uses=uses, frozen=("weight",) if random.random() < 0.05 else ())
        if not uses:
            shared[width] = f"{name}.weight"
            if random.random() < 0.1:
                one = draft.parameters[f"{name}.weight"]
                draft.parameters[f"{name}.weight"] = Parameter(one.init, one.trainable, ops.L2(0.01))
        names.append(name)
    loose = [name for name in names if not any(name in layer.sources for layer in draft.layers.values())]
    draft.layer(ops.Dense(2), *loose, name="o")
    return draft.network("o")


def changed(record, path, how):
    """`record` with how(array) for the array at `path` of its first step; where nothing has that path, KeyError."""
    step, *others = record.steps
    for group, ending in (
        ("net_in", ".in"), ("a", ".a"), ("delta", ".delta"), ("gradient", ".gradient"), ("parameters", ".update"), ("slots", ""),
    ):  # fmt: skip
        arrays, name = getattr(step, group), path.removesuffix(ending)
        if path.endswith(ending) and name in arrays:
            other = {**arrays, name: how(np.array(arrays[name]))}
            return replace(record, steps=(replace(step, **{group: other}), *others))
    raise KeyError(path)

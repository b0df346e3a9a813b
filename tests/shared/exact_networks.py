"""Networks that exact mode accepts, one for each kind of layer."""

from dataclasses import replace

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.parameter import Initializer, Parameter
from students import mlp

MOMENTUM = ops.Sgd(0.25, momentum=0.5)


def network(name, inputs, layers, error, *, integer=(), examples=4):
    """`layers`: name → (op, sources, g, roles of its parameters). The error is that of the last layer."""
    parameters, built = {}, {}
    for layer, (op, sources, g, roles) in layers.items():
        ids = {role: f"{layer}.{role}" for role in roles}
        parameters |= {path: Parameter(Initializer("he_normal")) for path in ids.values()}
        built[layer] = Layer(op, sources, g, ids)
    random = np.random.default_rng(3)
    data = {
        key: random.integers(0, 5, (examples, *shape)) if key in integer else random.standard_normal((examples, *shape))
        for key, shape in inputs.items()
    }
    held = {key: Input(shape) for key, shape in inputs.items()}
    end = Error(error, list(layers)[-1])
    made = Network(name, held, built, parameters, end, MOMENTUM, Data(data, np.zeros((examples, 1))), Training())
    return replace(made, data=Data(data, random.standard_normal((examples, *made.shape(end.of)))))


def networks():
    """By name."""
    line, relu, both = ops.Identity(), ops.Relu(), ("weight", "bias")
    half, mean = ops.HalfSquared(reduce="sum"), ops.MeanSquared(reduce="mean")
    conv = {
        "c": (ops.Conv2d(4, (3, 3)), ("x",), relu, both),
        "p": (ops.MaxPool2d((2, 2), (2, 2)), ("c",), line, ()),
        "f": (ops.Flatten(), ("p",), line, ()),
        "o": (ops.Dense(3), ("f",), line, both),
    }
    average = {
        "c": (ops.Conv2d(4, (3, 3), (1, 1), (1, 1), bias=False), ("x",), relu, ("weight",)),
        "p": (ops.AvgPool2d((2, 2), (2, 2)), ("c",), line, ()),
        "f": (ops.Flatten(), ("p",), line, ()),
        "o": (ops.Dense(4), ("f",), line, both),
    }
    words = {
        "e": (ops.Embedding(5, 4), ("w",), line, ("weight",)),
        "f": (ops.Flatten(), ("e",), line, ()),
        "h": (ops.Dense(6), ("f",), relu, both),
        "o": (ops.Dense(2), ("h",), line, both),
    }
    skip = {
        "h": (ops.Dense(4), ("x",), relu, both),
        "k": (ops.Dense(4), ("h",), relu, both),
        "s": (ops.Add(), ("h", "k"), line, ()),
        "c": (ops.Concat(), ("s", "x"), line, ()),
        "o": (ops.Dense(2), ("c", "h"), line, both),
    }
    return {
        "dense": mlp([6, 8, 8, 4], relu, update=MOMENTUM, examples=4),
        "one": mlp([8, 16, 4], relu, update=ops.Sgd(0.25), examples=1, error=half),
        "conv": network("conv", {"x": (2, 6, 6)}, conv, half),
        "average": network("average", {"x": (2, 8, 8)}, average, mean),
        "words": network("words", {"w": (3,)}, words, half, integer=("w",), examples=6),
        "skip": network("skip", {"x": (4,)}, skip, ops.HalfSquared(reduce="mean"), examples=8),
    }

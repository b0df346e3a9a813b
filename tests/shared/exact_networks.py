"""Networks that exact mode accepts, one for each kind of layer."""

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Initializer
from students import mlp

MOMENTUM = ops.Sgd(0.25, momentum=0.5)


def network(name, inputs, layers, error, *, integer=(), examples=4):
    """`layers`: name → (op, sources, g). The error is that of the last layer."""
    draft = Draft(name, examples, error, MOMENTUM, seed=3)
    for key, shape in inputs.items():
        draft.input(key, *shape, below=5 if key in integer else None)
    for layer, (op, sources, g) in layers.items():
        draft.layer(op, *sources, name=layer, g=g, init=Initializer("he_normal"))
    return draft.network(list(layers)[-1], updates_done=0, slots="zero")


def networks():
    """By name."""
    line, relu = ops.Identity(), ops.Relu()
    half, mean = ops.HalfSquared(reduce="sum"), ops.MeanSquared(reduce="mean")
    conv = {
        "c": (ops.Conv2d(4, (3, 3)), ("x",), relu),
        "p": (ops.MaxPool2d((2, 2), (2, 2)), ("c",), line),
        "f": (ops.Flatten(), ("p",), line),
        "o": (ops.Dense(3), ("f",), line),
    }
    average = {
        "c": (ops.Conv2d(4, (3, 3), (1, 1), (1, 1), bias=False), ("x",), relu),
        "p": (ops.AvgPool2d((2, 2), (2, 2)), ("c",), line),
        "f": (ops.Flatten(), ("p",), line),
        "o": (ops.Dense(4), ("f",), line),
    }
    words = {
        "e": (ops.Embedding(5, 4), ("w",), line),
        "f": (ops.Flatten(), ("e",), line),
        "h": (ops.Dense(6), ("f",), relu),
        "o": (ops.Dense(2), ("h",), line),
    }
    skip = {
        "h": (ops.Dense(4), ("x",), relu),
        "k": (ops.Dense(4), ("h",), relu),
        "s": (ops.Add(), ("h", "k"), line),
        "c": (ops.Concat(), ("s", "x"), line),
        "o": (ops.Dense(2), ("c", "h"), line),
    }
    return {
        "dense": mlp([6, 8, 8, 4], relu, update=MOMENTUM, examples=4),
        "one": mlp([8, 16, 4], relu, update=ops.Sgd(0.25), examples=1, error=half),
        "conv": network("conv", {"x": (2, 6, 6)}, conv, half),
        "average": network("average", {"x": (2, 8, 8)}, average, mean),
        "words": network("words", {"w": (3,)}, words, half, integer=("w",), examples=6),
        "skip": network("skip", {"x": (4,)}, skip, ops.HalfSquared(reduce="mean"), examples=8),
    }

"""What every backend is tried on: small networks, at least one for each op, each field of it, and each difficulty."""

from functools import cache

from bpcompare.ops import LayerOp, Op
from bpcompare.ops.op import Shape
from bpcompare.testing.cases import layers, rules, vectors
from bpcompare.testing.cases.case import Case

__all__ = ["Case", "cases", "covered", "forms"]


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    return tuple(case for families in (vectors, layers, rules) for family in families.FAMILIES for case in family())


@cache
def forms(kind: type[LayerOp]) -> tuple[tuple[LayerOp, tuple[Shape, ...]], ...]:
    """A layer op as its cases have it: with the shapes of its sources. What is tried of it elsewhere, too."""
    networks = [case.network for case in cases() if case.about is kind]
    found = [
        (layer.op, tuple(network.shape(source) for source in layer.sources))
        for network in networks
        for layer in network.layers.values()
        if type(layer.op) is kind
    ]
    return tuple(dict.fromkeys(found))


def covered() -> frozenset[type[Op]]:
    """The ops that some case is about."""
    return frozenset(case.about for case in cases())

"""Single nodes of a network, layers of one unit each: what they read and who reads them, as numbers of columns.

A graph of ten thousand nodes, each a layer, has as many arrays of one number an example. Side by side they are a matrix, a column
a unit, and what is said of nodes that read equally many units is said of all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops import Dense

if TYPE_CHECKING:
    from bpcompare.network.network import Network

FEWEST = 8
"""Of fewer nodes alike, each is looked at by itself."""


@dataclass(frozen=True, eq=False)
class Node:
    """A dense layer of one unit. `reads` are the columns of the units that it reads, in the order of its weight's rows.

    `readers` are the columns of all units that read it, and `weights` where each finds its weight among all weights, one behind
    the other; empty where something else than a dense layer reads it, or nothing does.
    """

    name: str
    column: int
    reads: Array
    readers: Array
    weights: Array


class Nodes:
    """The nodes of a network. Only what they read, and what reads them, has columns."""

    def __init__(self, network: Network) -> None:
        self._network = network
        shapes: dict[str, tuple[int, ...]] = {name: group.shape for name, group in network.inputs.items()}
        shapes |= {name: network.shapes[name].out for name in network.order}
        flat = {name for name, shape in shapes.items() if len(shape) == 1} - network.integer_inputs
        self._dense = {
            name
            for name, layer in network.layers.items()
            if type(layer.op) is Dense and name in flat and all(source in flat for source in layer.sources)
        }
        self._widths = {name: shapes[name][0] for name in flat}
        self.names = tuple(name for name in network.order if name in self._dense and self._widths[name] == 1)

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The first column of every group of units that is needed."""
        needed = dict.fromkeys(self.names)
        for name in self.names:
            needed |= dict.fromkeys(self._network.layers[name].sources)
            needed |= dict.fromkeys(reader for reader, _ in self._readers(name))
        found, at = {}, 0
        for name in needed:
            found[name] = at
            at += self._widths[name]
        return found

    @cached_property
    def weights(self) -> Mapping[str, int]:
        """Where each weight that is needed begins among all of them, by its layer."""
        found, at = {}, 0
        for name in self.columns:
            if name in self._dense:
                found[name] = at
                at += self._network.shapes[name].parameters["weight"].shape[0] * self._widths[name]
        return found

    @cached_property
    def all(self) -> Sequence[Node]:
        """Every node, sources first."""
        return [self._node(name) for name in self.names]

    def _readers(self, name: str) -> Sequence[tuple[str, int]]:
        """The layers that read a node, each with the slot that it reads it in; none where they are not dense layers alone."""
        readers = self._network.consumers[name]
        if name == self._network.error.of or not all(reader in self._dense for reader, _ in readers):
            return ()
        return readers

    def _node(self, name: str) -> Node:
        columns, widths = self.columns, self._widths
        sources = self._network.layers[name].sources
        if all(widths[source] == 1 for source in sources):
            reads = np.fromiter((columns[source] for source in sources), np.int64, len(sources))
        else:
            reads = np.concatenate([np.arange(columns[source], columns[source] + widths[source]) for source in sources])
        readers: list[int] = []
        weights: list[int] = []
        starts = self._network.starts
        for reader, slot in self._readers(name):
            width = widths[reader]
            first = self.weights[reader] + starts[reader][slot] * width
            readers += range(columns[reader], columns[reader] + width)
            weights += range(first, first + width)
        return Node(name, columns[name], reads, np.array(readers, np.int64), np.array(weights, np.int64))


def alike(keys: Iterable[object]) -> list[Array]:
    """The places of equal keys together, in the order in which they are met first; of fewer than `FEWEST`, nothing is said."""
    found: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    return [np.array(places) for places in found.values() if len(places) >= FEWEST]

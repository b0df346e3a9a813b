"""Single nodes of a network, layers of one unit each: what they read and who reads them, as numbers of columns.

A graph of ten thousand nodes, each a layer, has as many arrays of one number an example. Side by side they are a matrix, a column
a unit, and what is said of nodes that read equally many units is said of all of them at once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops import Dense

if TYPE_CHECKING:
    from bpcompare.network.network import Network

FEWEST = 8
"""Where there are fewer nodes, each is looked at by itself."""


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
        self._widths = {name: shape[0] for name, shape in shapes.items() if len(shape) == 1}
        for name in network.integer_inputs:
            self._widths.pop(name, None)
        self._dense = {
            name: layer.sources
            for name, layer in network.layers.items()
            if type(layer.op) is Dense and name in self._widths and self._widths.keys() >= set(layer.sources)
        }
        self.names = tuple(name for name in network.order if name in self._dense and self._widths[name] == 1)

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The first column of every group of units that is needed."""
        needed = dict.fromkeys(self.names)
        for name in self.names:
            needed.update(dict.fromkeys(self._dense[name]))
        names = set(self.names)
        needed.update(dict.fromkeys(name for name, sources in self._dense.items() if not names.isdisjoint(sources)))
        found, at = {}, 0
        for name in needed:
            found[name] = at
            at += self._widths[name]
        return found

    @cached_property
    def units(self) -> int:
        """How many columns there are."""
        return sum(self._widths[name] for name in self.columns)

    @cached_property
    def weights(self) -> Mapping[str, int]:
        """Where each weight that is needed begins among all of them, by its layer."""
        found, at = {}, 0
        for name in self.columns:
            if name in self._dense:
                found[name] = at
                at += self._widths[name] * sum(self._widths[source] for source in self._dense[name])
        return found

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Every node, sources first."""
        columns, widths, network = self.columns, self._widths, self._network
        wide = {name for name, width in widths.items() if width != 1}
        read = dict.fromkeys(self.names)
        read.pop(network.error.of, None)
        for name, layer in network.layers.items():
            if name not in self._dense:
                for source in layer.sources:
                    read.pop(source, None)
        tail, head, place = self._edges(read)
        firsts = np.searchsorted(tail, np.arange(self.units + 1)).tolist()
        found = {}
        for name in self.names:
            sources, column = self._dense[name], columns[name]
            if wide.isdisjoint(sources):
                reads = [columns[source] for source in sources]
            else:
                reads = [one for source in sources for one in range(columns[source], columns[source] + widths[source])]
            some = slice(firsts[column], firsts[column + 1] if name in read else firsts[column])
            found[name] = Node(name, column, np.array(reads, np.int64), head[some], place[some])
        return found

    def _edges(self, read: Container[str]) -> tuple[Array, Array, Array]:
        """Edge by edge: the column that is read, the one that reads it, the place of its weight; sorted by what is read.

        Those into nodes that read single units, and of all others those from nodes that are `read`.
        """
        columns, widths, weights = self.columns, self._widths, self.weights
        tails, heads, places = list[int](), list[int](), list[int]()
        for name in self._network.order:
            if name not in self._dense or name not in columns:
                continue
            sources, width, at = self._dense[name], widths[name], weights[name]
            if width == 1 and all(widths[source] == 1 for source in sources):
                tails += map(columns.__getitem__, sources)
                heads += [columns[name]] * len(sources)
                places += range(at, at + len(sources))
                continue
            units = range(columns[name], columns[name] + width)
            for source in sources:
                if source in read:
                    tails += [columns[source]] * width
                    heads += units
                    places += range(at, at + width)
                at += width * widths[source]
        edges = np.array([tails, heads, places], np.int64)
        edges = edges[:, np.argsort(edges[0], kind="stable")]
        return edges[0], edges[1], edges[2]

    @cached_property
    def forwards(self) -> Sequence[tuple[str, ...]]:
        """All layers, sources first; nodes that are as deep and alike stand together, and need nothing of one another."""
        layers = self._network.layers
        return self._together(self._network.order, {name: layer.sources for name, layer in layers.items()}, "reads")

    @cached_property
    def backwards(self) -> Sequence[tuple[str, ...]]:
        """All layers, readers first, likewise: nodes stand together that equally many units read."""
        readers = {name: [reader for reader, _ in pairs] for name, pairs in self._network.consumers.items()}
        return self._together(self._network.order[::-1], readers, "readers")

    def _together(
        self, order: Sequence[str], needs: Mapping[str, Sequence[str]], units: Literal["reads", "readers"]
    ) -> Sequence[tuple[str, ...]]:
        layers = self._network.layers
        depths = dict.fromkeys(self._network.inputs, 0)
        levels: dict[int, dict[object, list[str]]] = {}
        for name in order:
            depths[name] = depth = max(map(depths.__getitem__, needs[name]), default=0) + 1
            node = self.by_name.get(name)
            count = 0 if node is None else len(getattr(node, units))
            key = (count, layers[name].op, layers[name].g) if count else name
            levels.setdefault(depth, {}).setdefault(key, []).append(name)
        return [tuple(group) for level in levels.values() for group in level.values()]


def alike(keys: Iterable[object], fewest: int = 2) -> list[Array]:
    """The places of equal keys together, in the order in which they are met first; keys of fewer than `fewest` are left out."""
    found: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    return [np.array(places) for places in found.values() if len(places) >= fewest]

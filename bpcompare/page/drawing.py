"""The network as a drawing: where nodes and edges stand. Columns by longest path from the inputs, so data flow to the right."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from bpcompare.formula import Expression, Product, Quantity, written
from bpcompare.formula.expression import parts
from bpcompare.network import Network
from bpcompare.proof.values import StepValues
from bpcompare.report.labels import Names
from bpcompare.report.lines import clipped

MOST_UNITS = 60
MOST_EDGES = 400
MOST_LINES = 4_000
"""Lines between layers; more are a grey area that nobody reads, and that a browser draws for seconds."""
COLUMN, ROW, MARGIN = 150, 62, 46


@dataclass(frozen=True)
class Node:
    """A unit or a layer: key, place, texts, and whether it is an input or the error."""

    key: str
    x: float
    y: float
    label: str
    kind: str
    group: str = ""
    note: str = ""


@dataclass(frozen=True)
class Edge:
    """From one node to another; `path` is its line, `weight` what the source is multiplied by, where that is one number."""

    key: str
    path: str
    source: str
    target: str
    weight: float | None = None
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """Nodes and edges on a canvas of `width` × `height` that begins at `top`: bows may rise above the first row."""

    units: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float
    top: float = 0.0
    left_out: int = 0
    """Lines that are not drawn, for they are too many."""


def unit_count(network: Network) -> int:
    """Units of the net, inputs included."""
    return sum(prod(network.shape(group)) for group in (*network.inputs, *network.layers))


def drawing(network: Network, values: StepValues, layers: Collection[str] | None = None) -> Drawing:
    """Units where they are at most 60 with at most 400 edges between them; layers otherwise. `values` are those of one step.

    Of a graph with very many edges the layers alone. `layers`: of a large graph, those that are drawn, with what they read of the
    inputs and of one another.
    """
    if unit_count(network) <= MOST_UNITS:
        drawn = _units(network, values)
        if len(drawn.edges) <= MOST_EDGES:
            return drawn
    drawn = _layers(network, network.layers.keys() if layers is None else set(layers))
    return drawn if len(drawn.edges) <= MOST_LINES else replace(drawn, edges=(), left_out=len(drawn.edges))


def _depths(network: Network) -> dict[str, int]:
    depth = dict.fromkeys(network.inputs, 0)
    for name in network.order:
        depth[name] = 1 + max((depth[source] for source in network.layers[name].sources), default=-1)
    return depth


def _units(network: Network, values: StepValues) -> Drawing:
    names = Names(network, units=True)
    depth = _depths(network)
    columns: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for group in (*network.inputs, *network.order):
        columns.setdefault(depth[group], []).extend((group, at) for at in product(*map(range, network.shape(group))))
    tallest = max(map(len, columns.values()))
    place: dict[str, tuple[float, float]] = {}
    nodes = []
    for column, units in columns.items():
        for at, (group, index) in enumerate(units):
            key = names.node(group, index)
            # A column of one beside a column of one would hide the edges that skip it.
            shift = 0.45 * ROW * (column % 2) if tallest == 1 or (len(units) == 1 and len(columns) > 3) else 0.0
            place[key] = (MARGIN + column * COLUMN, MARGIN + (at + (tallest - len(units)) / 2) * ROW + shift)
            layer = network.layers.get(group)
            note = "" if layer is None or layer.g.unchanged else layer.g.name
            nodes.append(Node(key, *place[key], names.label(group, index), "input" if layer is None else "unit", group, note))
    edges = _unit_edges(network, names, values, place)
    end = (MARGIN + (max(columns) + 1) * COLUMN, MARGIN + (tallest - 1) / 2 * ROW)
    nodes.append(Node("E", *end, "E", "error", "error", network.error.op.name))
    of = network.error.of
    for index in product(*map(range, network.shape(of))):
        key = names.node(of, index)
        edges.append(_edge(key, "E", place[key], end, None))
    return _framed(True, nodes, edges, end[0] + MARGIN + 30, 2 * MARGIN + tallest * ROW)


def _unit_edges(network: Network, names: Names, values: StepValues, place: dict[str, tuple[float, float]]) -> list[Edge]:
    found: dict[str, Edge] = {}
    for name in network.order:
        layer = network.layers[name]
        formulas = written(network, f"{name}.in", values)
        for index in product(*map(range, network.shape(name))):
            target = names.node(name, index)
            sources = dict(_sources(formulas.element((0, *index)), None))
            edges = [(names.node(group, at), weight) for (path, at), weight in sources.items() if (group := names.group(path))]
            # What picks rows by integers reads them, though no formula has them.
            edges += [(names.node(layer.sources[slot], index[:-1]), None) for slot in layer.op.integer]
            for key, weight in edges:
                edge = _edge(key, target, place[key], place[target], weight)
                found[edge.key] = edge
    return list(found.values())


def _sources(x: Expression, weight: float | None) -> Iterator[tuple[tuple[str, tuple[int, ...]], float | None]]:
    """The quantities that a formula reads, each once for every place; with the weight that it is multiplied by, if it is one."""
    if isinstance(x, Quantity):
        yield (x.path, x.index[1:]), weight
        return
    alone = None
    if isinstance(x, Product) and len(x.factors) == 2:
        alone = next((part.value for part in x.factors if isinstance(part, Quantity) and part.kind == "w"), None)
    for part in parts(x):
        yield from _sources(part, alone)


def _layers(network: Network, drawn: Collection[str]) -> Drawing:
    names = Names(network, units=False)
    layers = [name for name in network.order if name in drawn]
    some = len(layers) < len(network.order)
    read = {source for name in layers for source in network.layers[name].sources} if some else network.inputs.keys()
    shown = dict.fromkeys([*(name for name in network.inputs if name in read), *layers])
    depth = _depths(network)
    ranks = {one: rank for rank, one in enumerate(sorted({depth[group] for group in shown}))}
    columns: dict[int, list[str]] = {}
    for group in shown:
        columns.setdefault(ranks[depth[group]], []).append(group)
    tallest = max(map(len, columns.values()))
    place, nodes = {}, []
    for column, groups in columns.items():
        for at, group in enumerate(groups):
            key = names.node(group, ())
            shift = 0.45 * ROW * (column % 2) if tallest == 1 else 0.0
            place[key] = (MARGIN + column * COLUMN, MARGIN + (at + (tallest - len(groups)) / 2) * ROW + shift)
            shape = "×".join(map(str, network.shape(group))) or "1"
            layer = network.layers.get(group)
            note = shape if layer is None else f"{layer.op.name} {shape}"
            nodes.append(Node(key, *place[key], clipped(group, 14), "input" if layer is None else "layer", group, note))
    end = (MARGIN + (max(columns) + 1) * COLUMN, MARGIN + (tallest - 1) / 2 * ROW)
    nodes.append(Node("E", *end, "E", "error", "error", clipped(network.error.op.name, 18)))
    edges = {}
    for name in layers:
        for source in (one for one in network.layers[name].sources if one in shown):
            here, there = names.node(source, ()), names.node(name, ())
            edges[f"{here}>{there}"] = _edge(here, there, place[here], place[there], None)
    last = names.node(network.error.of, ())  # which is always among them
    edges["E"] = _edge(last, "E", place[last], end, None)
    return _framed(False, nodes, list(edges.values()), end[0] + MARGIN + 40, 2 * MARGIN + tallest * ROW)


def _framed(units: bool, nodes: list[Node], edges: list[Edge], width: float, height: float) -> Drawing:
    top = min(0.0, *(edge.y - 20 for edge in edges))
    return Drawing(units, tuple(nodes), tuple(edges), width, height - top, top)


def _edge(source: str, target: str, a: tuple[float, float], b: tuple[float, float], weight: float | None) -> Edge:
    """A straight line to the next column; over further ones a bow, so that it does not run through nodes."""
    (x1, y1), (x2, y2) = a, b
    columns = round((x2 - x1) / COLUMN)
    key = f"{source}>{target}"
    if columns <= 1:
        label = x1 + 0.32 * (x2 - x1), y1 + 0.32 * (y2 - y1)
        return Edge(key, f"M{x1:.0f} {y1:.0f} L{x2:.0f} {y2:.0f}", source, target, weight, *label)
    bow = 0.75 * ROW * (columns - 1)
    middle = (x1 + x2) / 2, (y1 + y2) / 2 - bow
    line = f"M{x1:.0f} {y1:.0f} Q{middle[0]:.0f} {middle[1] - bow:.0f} {x2:.0f} {y2:.0f}"
    return Edge(key, line, source, target, weight, *middle)

"""Weights of a dense layer by the names of its units and of those that feed them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np

from bpcompare.network import Network, Problem
from bpcompare.network.parameter import Array
from bpcompare.ops.op import Shapes
from bpcompare.text.words import Suggestions, listed, quote

_SHOWN = 8

Table = Mapping[str, Mapping[str, float]]


def by_name(network: Network, shapes: Mapping[str, Shapes], name: str, table: Table) -> tuple[dict[str, Array], list[Problem]]:
    """The weight of layer `name` and, where given, its bias, from tables by unit and source unit; with problems, nothing."""
    layer, where = network.layers[name], ("layers", name, "weights")
    op: Any = layer.op
    if op.connects != "units":
        return {}, [Problem(where, f"weights of {layer.op.name} cannot be given by unit names", "give them as nested lists")]
    units = layer.units or ((name,) if op.units == 1 else ())
    if not units:
        return {}, [Problem(where, f"weights by name need named units in {quote(name)}", 'such as units = ["h1", "h2"]')]
    unnamed = [source for source in dict.fromkeys(layer.sources) if not _names(network, shapes, source)]
    if unnamed:
        if not all(source in network.inputs or source in shapes for source in unnamed):
            # Unknown sources are reported as such.
            return {}, []
        hint = "name those units, or give weights as rows of numbers"
        return {}, [Problem(where, f"weights by name need named units in {listed(unnamed)}", hint)]
    sources = _Sources(tuple((source, _names(network, shapes, source)) for source in layer.sources))
    columns: list[Array] = []
    problems = list(_columns(name, units, table, sources, columns))
    if problems:
        return {}, problems
    found = {"weight": np.stack(columns, axis=1)}
    if _has_bias(sources, table[units[0]]):
        found["bias"] = np.array([table[unit]["bias"] for unit in units], np.float64)
    return found, []


class _Sources:
    """Rows of the weight by unit name and by "group.unit"; −1 where a name is not unique."""

    def __init__(self, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        self.rows: dict[str, int] = {}
        self.units = [unit for _, units in groups for unit in units]
        self.count = len(self.units)
        for row, (group, unit) in enumerate((group, unit) for group, units in groups for unit in units):
            for key in (unit, f"{group}.{unit}"):
                self.rows[key] = -1 if key in self.rows else row


def _names(network: Network, shapes: Mapping[str, Shapes], group: str) -> tuple[str, ...]:
    """Names of the units of a flat group; a single unit without a name is called like its group."""
    if group in network.inputs:
        shape, units = network.inputs[group].shape, network.inputs[group].units
    elif group in shapes:
        shape, units = shapes[group].out, network.layers[group].units
    else:
        return ()
    if units is None:
        return (group,) if shape == (1,) else ()
    return units if shape == (len(units),) else ()


def _has_bias(sources: _Sources, edges: Mapping[str, float]) -> bool:
    return "bias" in edges and "bias" not in sources.rows


def _columns(name: str, units: tuple[str, ...], table: Table, sources: _Sources, columns: list[Array]) -> Iterator[Problem]:
    """Appends the weights of every unit to `columns`; yields what is wrong with `table`."""
    where = ("layers", name, "weights")
    suggest, known = Suggestions(), set(units)
    for unit in table:
        if unit not in known:
            yield Problem((*where, unit), f"{quote(name)} has no unit {quote(unit)}", suggest(unit, units))
    for unit in units:
        if unit not in table:
            yield Problem(where, f"no weights for unit {quote(unit)}")
            continue
        weights = yield from _weights((*where, unit), table[unit], sources, suggest)
        if len(weights) == sources.count:
            columns.append(np.array([weights[row] for row in range(sources.count)], np.float64))
    present = [unit for unit in units if unit in table]
    without = [unit for unit in present if not _has_bias(sources, table[unit])]
    if 0 < len(without) < len(present):
        yield Problem(where, f"no bias for {listed(without)}", "give all of a layer's biases or none")


def _weights(
    where: tuple[str, ...], edges: Mapping[str, float], sources: _Sources, suggest: Suggestions
) -> Generator[Problem, None, dict[int, float]]:
    """The weights of one unit by row; yields what is wrong with `edges`."""
    unit = where[-1]
    found: dict[int, float] = {}
    for source, value in edges.items():
        row = sources.rows.get(source)
        if row is None and source != "bias":
            hint = suggest(source, chain(sources.rows, ["bias"]))
            yield Problem((*where, source), f"nothing called {quote(source)} feeds {quote(unit)}", hint)
        elif row == -1:
            yield Problem((*where, source), f"{quote(source)} is the name of several sources", 'write "group.unit"')
        elif row in found:
            yield Problem((*where, source), f"the weight from {quote(source)} to {quote(unit)} is given twice")
        elif row is not None:
            found[row] = value
    if missing := sources.count - len(found):
        named = list(islice((source for row, source in enumerate(sources.units) if row not in found), _SHOWN))
        more = f" and {missing - len(named)} more" if missing > len(named) else ""
        message = f"no weight from {listed(named)}{more} to {quote(unit)}"
        yield Problem(where, message, "every edge needs one; 0.0 is allowed")
    return found

"""Problems of the graph in a spec that has others as well: as far as names can be read from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bpcompare.network import Problem
from bpcompare.network.problems.graph import reference_problems
from bpcompare.ops import OPS
from bpcompare.spec.repeat import Repeat, written_out


def references(raw: Any) -> Iterator[Problem]:
    """What names alone show of the document `raw`, which may be of any form."""
    inputs, layers, repeats = raw.get("inputs"), raw.get("layers"), raw.get("repeat", {})
    if not isinstance(inputs, dict) or not isinstance(layers, dict):
        return
    read = {name: _sources(layer) for name, layer in layers.items()}
    sources = {name: found or () for name, found in read.items()}
    error = raw.get("error")
    of = error.get("of") if None not in read.values() and isinstance(error, dict) else None
    of = of if isinstance(of, str) else None
    if repeats == {}:
        yield from reference_problems(tuple(inputs), sources, of)
        return
    known = {name: _repeat(one) for name, one in repeats.items()} if isinstance(repeats, dict) else {}
    readable = {name: one for name, one in known.items() if one is not None}
    if not known or len(readable) < len(known):
        return
    graph = written_out(tuple(inputs), sources, readable, of)
    yield from graph.problems
    if graph.whole:
        # Sources that lead nowhere are among the problems already.
        found = graph.written(reference_problems(tuple(inputs), graph.sources, graph.of))
        yield from (problem for problem in found if problem.where[-2:-1] != ("from",))


def _sources(layer: Any) -> tuple[str, ...] | None:
    """The sources of a layer, where they can be read."""
    read = layer.get("from") if isinstance(layer, dict) else None
    if isinstance(read, str):
        return (read,)
    if isinstance(read, list) and all(isinstance(entry, str) for entry in read):
        return tuple(read)
    op = layer.get("op") if isinstance(layer, dict) and read is None else None
    reads_nothing = isinstance(op, str) and op in OPS and OPS[op].arity == (0, 0)
    return () if reads_nothing else None


def _repeat(entry: Any) -> Repeat | None:
    """A repeat, where all that names depend on can be read."""
    if not isinstance(entry, dict):
        return None
    times, index, start, layers = (entry.get(key) for key in ("times", "index", "start", "layers"))
    index, start = "t" if index is None else index, {} if start is None else start
    if type(times) is not int or abs(times) >= 2**63 or not isinstance(index, str) or not isinstance(layers, dict):
        return None
    if not _texts(start):
        return None
    found = {name: _sources(layer) for name, layer in layers.items()}
    read = {name: sources for name, sources in found.items() if sources is not None}
    return Repeat(times, index, start, read) if len(read) == len(found) else None


def _texts(start: Any) -> bool:
    return isinstance(start, Mapping) and all(isinstance(source, str) for source in start.values())

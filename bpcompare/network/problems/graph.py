"""The graph: who reads whom. Dangling sources, cycles, layers that never reach the error, inputs that nobody reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from bpcompare.network.network import Data, Error, Input, Layer, Network, Problem
from bpcompare.network.problems.names import group_name_problems
from bpcompare.ops import Flatten, HalfSquared, Sgd
from bpcompare.text.words import Suggestions, did_you_mean, listed, quote

_SHOWN = 8


def graph_problems(network: Network) -> tuple[Problem, ...]:
    """Dangling sources, sources nobody gave, and cycles."""
    if not network.layers:
        return (Problem(("layers",), "there are no layers", "a network needs at least the one its error is taken of"),)
    sources = {name: layer.sources for name, layer in network.layers.items()}
    return (*dangling(network.inputs, sources), *cycles(sources, network.order))


def dangling(inputs: Collection[str], sources: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Sources that are neither inputs nor layers."""
    suggest = Suggestions()
    for name, read in sources.items():
        for slot, source in enumerate(read):
            if source in inputs or source in sources:
                continue
            hint = suggest(source, chain(inputs, sources))
            yield Problem(("layers", name, "from", slot), f"no input or layer is called {quote(source)}", hint)


def cycles(sources: Mapping[str, Sequence[str]], order: Collection[str]) -> Iterator[Problem]:
    """Each closed walk found by going from every unordered layer to its first unordered source; at least one per knot."""
    ordered = set(order)
    unordered = {name: read for name, read in sources.items() if name not in ordered}
    back = {name: next((source for source in read if source in unordered), None) for name, read in unordered.items()}
    visited: dict[str, str] = {}
    for start in back:
        name: str | None = start
        walk = []
        while name is not None and name not in visited:
            visited[name] = start
            walk.append(name)
            name = back[name]
        if name is not None and visited[name] == start:
            loop = walk[walk.index(name) :][::-1]
            shown = loop if len(loop) <= _SHOWN else [*loop[: _SHOWN - 1], f"… {len(loop) - _SHOWN + 1} more …"]
            message = f"the layers form a cycle: {' -> '.join((*shown, loop[0]))}"
            yield Problem(("layers", loop[0], "from"), message, "backpropagation needs a directed acyclic graph")


def unreached(network: Network) -> tuple[Problem, ...]:
    """`error.of` unknown; layers from which no path leads to the error; inputs nobody reads."""
    return tuple(
        reach_problems(network.inputs, {name: layer.sources for name, layer in network.layers.items()}, network.error.of)
    )


def reach_problems(inputs: Collection[str], sources: Mapping[str, Sequence[str]], of: str) -> Iterator[Problem]:
    """As `unreached`, from names alone. With a source dangling, who reaches whom is not known and not judged."""
    if of not in sources:
        if of in inputs:
            yield Problem(("error", "of"), f"{quote(of)} is an input; the error is taken of a layer")
        elif sources:
            hint = did_you_mean(of, sources) or f"the layers are {listed(sources)}"
            yield Problem(("error", "of"), f"no layer is called {quote(of)}", hint)
    read = {source for names in sources.values() for source in names}
    if any(source not in inputs and source not in sources for source in read):
        return
    for name in inputs:
        if name not in read:
            yield Problem(("inputs", name), f"no layer reads input {quote(name)}", "read it in some layer's from, or remove it")
    reached = _reaching(sources, of) if of in sources else sources.keys()
    for name in sources:
        if name not in reached:
            message = f"layer {quote(name)} does not reach the error: its Δ would be zero"
            yield Problem(("layers", name), message, f"let something between it and {quote(of)} read it, or remove it")


def _reaching(sources: Mapping[str, Sequence[str]], of: str) -> Collection[str]:
    """Layers from which a path leads to `of`."""
    reached = {of}
    waiting = [of]
    while waiting:
        for source in sources[waiting.pop()]:
            if source in sources and source not in reached:
                reached.add(source)
                waiting.append(source)
    return reached


def reference_problems(inputs: Collection[str], sources: Mapping[str, Sequence[str]], of: str | None) -> Iterator[Problem]:
    """Everything that names alone can show, of a spec that cannot be made into a network. `of` None: not to be judged."""
    yield from group_name_problems(inputs, sources)
    yield from dangling(inputs, sources)
    yield from cycles(sources, _bare(inputs, sources).order)
    if of is not None:
        yield from reach_problems(inputs, sources, of)


def _bare(inputs: Collection[str], sources: Mapping[str, Sequence[str]]) -> Network:
    """A network of these names that means nothing: made for its order."""
    layers = {name: Layer(Flatten(), tuple(read)) for name, read in sources.items()}
    groups = {name: Input((1,)) for name in inputs}
    return Network("", groups, layers, {}, Error(HalfSquared(reduce="sum"), ""), Sgd(eta=1.0), Data({}, np.zeros(0)))

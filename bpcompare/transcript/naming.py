"""Names of quantities as people write them, resolved to a step, a path and an element."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bpcompare.claims import Claim
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.problems.wording import did_you_mean

_NAME = re.compile(r"(?:step(?P<step>\d{1,6})/)?(?P<path>[^\[\]]+?)(?:\[(?P<index>[^\[\]]*)\])?(?P<after>\.(?:gradient|update))?")
_LAST = ("in", "a", "delta")


class UnknownNameError(ValueError):
    """A name that means nothing in this network, with the nearest one that does."""


@dataclass(frozen=True)
class Place:
    """One element of one quantity of step number `step`. `path` is a claim's, or that of a parameter before the step."""

    step: int
    path: str
    index: tuple[int, ...]


def place(plan: Plan, by_path: Mapping[str, Claim], shapes: Mapping[str, tuple[int, ...]], name: str) -> Place:
    """What `name` means: `E`, `h1.delta`, `w[x1,h1].update`, `step2/h.a[0,1]`. Raises UnknownNameError."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnknownNameError("is no name of a quantity; write E, h1.in, h1.delta, w[x1,h1], w[x1,h1].update …")
    step = int(match["step"] or 1)
    if step < 1:
        raise UnknownNameError("names step 0; steps count from 1")
    path, index, after = match["path"], match["index"], match["after"] or ""
    if path == "E" and "E" not in shapes:
        path = "error"
    if path in ("w", "b") and index is not None and path not in shapes:
        parameter, at = _edge(plan.network, path, [word.strip() for word in index.split(",")])
        return Place(step, parameter + after, at)
    full = path + after
    if full in shapes:
        return Place(step, full, _index(full, shapes[full], index))
    unit = _unit(plan.network, full)
    if unit is None:
        hint = did_you_mean(full, [*shapes, *_unit_paths(plan.network)])
        raise UnknownNameError(f"is no quantity of this network{'; ' + hint if hint else ''}")
    group_path, at = unit
    rows = shapes[group_path][0]
    example = _numbers(full, index, 1) if index is not None else (0,)
    if index is None and rows > 1:
        raise UnknownNameError(f"could be any of {rows} examples: write {full}[0] for the first one")
    if not 0 <= example[0] < rows:
        raise UnknownNameError(f"has no example {example[0]}; there are {rows}, counted from 0")
    return Place(step, group_path, (*example, *at))


def _unit(network: Network, name: str) -> tuple[str, tuple[int, ...]] | None:
    """`h1.delta` → ("h.delta", (0,))."""
    unit, _, kind = name.rpartition(".")
    if kind not in _LAST:
        return None
    for group, layer in network.layers.items():
        if layer.units and unit in layer.units:
            return f"{group}.{kind}", (layer.units.index(unit),)
        if unit == group and network.shape(group) == (1,):
            return f"{group}.{kind}", (0,)
    return None


def _unit_paths(network: Network) -> list[str]:
    return [f"{unit}.{kind}" for layer in network.layers.values() for unit in layer.units or () for kind in _LAST]


def _edge(network: Network, role: str, units: list[str]) -> tuple[str, tuple[int, ...]]:
    """`w[x1,h1]` → ("h.weight", (0, 0)); `b[h1]` → ("h.bias", (0,))."""
    if len(units) != (2 if role == "w" else 1):
        raise UnknownNameError("needs the two ends of an edge: w[x1,h1]" if role == "w" else "needs one unit: b[h1]")
    for name, layer in network.layers.items():
        column = _position(layer.units, name, network.shape(name), units[-1])
        if column is None or layer.op.name != "dense":
            continue
        if role == "b":
            if "bias" in layer.parameters:
                return layer.parameters["bias"], (column,)
            continue
        for source, start in zip(layer.sources, network.starts[name], strict=True):
            group = network.inputs[source] if source in network.inputs else network.layers[source]
            row = _position(group.units, source, network.shape(source), units[0])
            if row is not None:
                return layer.parameters["weight"], (start + row, column)
    raise UnknownNameError(f"there is no {'weight' if role == 'w' else 'bias'} with these ends; units are named in the spec")


def _position(units: tuple[str, ...] | None, group: str, shape: tuple[int, ...], name: str) -> int | None:
    if units and name in units:
        return units.index(name)
    return 0 if name == group and shape == (1,) else None


def _index(path: str, shape: tuple[int, ...], index: str | None) -> tuple[int, ...]:
    if index is None:
        if all(size == 1 for size in shape):
            return (0,) * len(shape)
        raise UnknownNameError(f"has shape {list(shape)}: write {path}[{','.join('0' for _ in shape)}] for its first element")
    # A layer of one node needs no second index: a.in[1] is its second example.
    alone = len(shape) == 2 and shape[1] == 1 and "," not in index
    at = (*_numbers(path, index, 1), 0) if alone else _numbers(path, index, len(shape))
    if not all(0 <= i < size for i, size in zip(at, shape, strict=True)):
        raise UnknownNameError(f"has no element [{index}]; its shape is {list(shape)}, counted from 0")
    return at


def _numbers(path: str, index: str, count: int) -> tuple[int, ...]:
    words = [word.strip() for word in index.split(",")] if index.strip() else []
    if len(words) != count or not all(re.fullmatch(r"\d{1,9}", word) for word in words):
        raise UnknownNameError(f"needs {count} {'number' if count == 1 else 'numbers'} in brackets, has [{index}]")
    return tuple(map(int, words))

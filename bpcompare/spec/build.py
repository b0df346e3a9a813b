"""A document, already checked key by key, as a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.network import Data, Error, Input, Layer, Network, Problem, Training
from bpcompare.network.problems import sound
from bpcompare.ops import OPS
from bpcompare.ops.op import Op
from bpcompare.spec.dataset import dataset
from bpcompare.spec.document import Document, InputEntry
from bpcompare.spec.entries import Entry, LayerEntry
from bpcompare.spec.files import Room
from bpcompare.spec.weights import Weights


@dataclass(frozen=True, eq=False)
class Built:
    """A network, the problems found on the way, whether its data could be read, and where each parameter's values stand.

    `hints` are no problems: what can be meant in two ways.
    """

    network: Network
    problems: list[Problem]
    has_data: bool
    places: Mapping[str, tuple[str, ...]]
    hints: list[Problem]


def build(document: Document, *, name: str, base: Path) -> Built:
    """The network of `document`, whose name is `name` unless it has one; paths in it are relative to `base`."""
    problems: list[Problem] = []
    inputs = {key: _input(key, entry, problems) for key, entry in document.inputs.items()}
    ops = _Ops()
    layers = {key: _layer(entry, ops) for key, entry in document.layers.items()}
    error = Error(ops(document.error.op, document.error), document.error.of)  # type: ignore[arg-type]
    update = ops(document.update.rule, document.update)
    training = Training(**dict(document.run)) if document.run is not None else Training()
    nothing = Data({}, np.zeros(0))
    own = document.name if document.name is not None else name
    network = Network(own, inputs, layers, {}, error, update, nothing, training)  # type: ignore[arg-type]
    whole = sound(network)
    room = Room()
    weights = Weights(document, network, whole.shapes, base, room)
    parameters = weights.parameters()
    data, found = None, list[Problem]()
    if len(whole.inputs) == len(inputs):
        data, found = dataset(document.data, whole, document.error.target, base, room)
    network = network.filled(weights.roles, parameters, nothing if data is None else data)
    return Built(network, [*problems, *weights.problems, *found], data is not None, weights.places, weights.hints)


def _input(name: str, entry: InputEntry, problems: list[Problem]) -> Input:
    if (entry.units is None) == (entry.shape is None):
        both = entry.shape is not None
        what = "only one of units and shape can be given" if both else "give units (how many, or names) or shape"
        problems.append(Problem(("inputs", name), what))
    if entry.shape is not None:
        return Input(entry.shape)
    if isinstance(entry.units, tuple):
        return Input((len(entry.units),), entry.units)
    return Input((1 if entry.units is None else entry.units,))


def _layer(entry: LayerEntry, ops: _Ops) -> Layer:
    units = entry.units if isinstance(entry.units, tuple) else None
    return Layer(ops(entry.op, entry), entry.from_, ops(entry.g.op, entry.g), {}, units)  # type: ignore[arg-type]


class _Ops:
    """The ops of a document; entries that say the same share one."""

    def __init__(self) -> None:
        self._fields = {name: tuple(field.name for field in fields(op)) for name, op in OPS.items()}
        self._known: dict[tuple[str, str], Op] = {}

    def __call__(self, name: str, entry: Entry) -> Op:
        values = {field: _value(entry, field) for field in self._fields[name]}
        key = name, repr(values)  # as text: 0.0 and −0.0 are equal, and are not the same
        if key not in self._known:
            self._known[key] = OPS[name](**values)
        return self._known[key]


def _value(entry: Entry, name: str) -> Any:
    """A field of an op as the op has it: named units are counted, a named bias is there."""
    value = getattr(entry, name)
    if isinstance(entry, LayerEntry):
        if name == "units" and isinstance(value, tuple):
            return len(value)
        if name == "bias" and isinstance(value, str):
            return True
    return value

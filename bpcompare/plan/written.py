"""A network as plain data: a JSON-able tree that refers to its arrays by key, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np

from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Array, Initializer, Parameter
from bpcompare.ops import OPS, Activation, ErrorOp, LayerOp, Op, PenaltyOp, UpdateOp
from bpcompare.plan import trees
from bpcompare.plan.plan import Plan
from bpcompare.plan.trees import Tree

O = TypeVar("O", bound=Op)  # noqa: E741 - an op


def dump(network: Network) -> tuple[Tree, dict[str, Array]]:
    """`network` as JSON-able data, and the arrays it refers to by key. Raises ValueError for an op that `OPS` does not list."""
    arrays = {"data/target": _native(network.data.target)}
    arrays |= {f"data/inputs/{name}": _native(x) for name, x in network.data.inputs.items()}
    parameters: Tree = {}
    once = _Once()
    for name, parameter in network.parameters.items():
        if isinstance(parameter.init, Initializer):
            init = once(trees.dump, parameter.init)
        else:
            init = {"array": f"parameters/{name}"}
            arrays[f"parameters/{name}"] = _native(parameter.init)
        parameters[name] = {"init": init, "trainable": bool(parameter.trainable)}
        if parameter.penalty is not None:  # a later field: what has none is written as ever
            parameters[name]["penalty"] = _dump_op(parameter.penalty)
    document: Tree = {
        "name": network.name,
        "inputs": {name: trees.dump(group) for name, group in network.inputs.items()},
        "layers": {name: _dump_layer(layer, once) for name, layer in network.layers.items()},
        "parameters": parameters,
        "error": {"op": _dump_op(network.error.op), "of": network.error.of},
        "update": _dump_op(network.update),
        "data": {"inputs": {name: f"data/inputs/{name}" for name in network.data.inputs}, "target": "data/target"},
        "training": trees.dump(network.training),
    }
    return document, arrays


def load(document: object, arrays: Mapping[str, Array]) -> Network:
    """The network that `dump` wrote. Raises ValueError with the place of the first thing that is not as `dump` writes it."""
    top = trees.entries(document, "network", "name", "inputs", "layers", "parameters", "error", "update", "data", "training")
    error = trees.entries(top["error"], "error", "op", "of")
    data = trees.entries(top["data"], "data", "inputs", "target")
    return Network(
        name=trees.value(str, top["name"], "name"),
        inputs=trees.each(top["inputs"], "inputs", lambda entry, place: trees.load(Input, entry, place)),
        layers=trees.each(top["layers"], "layers", _load_layer),
        parameters=trees.each(top["parameters"], "parameters", lambda entry, place: _load_parameter(entry, place, arrays)),
        error=Error(_load_op(ErrorOp, error["op"], "error.op"), trees.value(str, error["of"], "error.of")),
        update=_load_op(UpdateOp, top["update"], "update"),
        data=Data(
            trees.each(data["inputs"], "data.inputs", lambda key, place: array(key, place, arrays)),
            array(data["target"], "data.target", arrays),
        ),
        training=trees.load(Training, top["training"], "training"),
    )


def array(key: object, place: str, arrays: Mapping[str, Array]) -> Array:
    """The array that a document calls `key`, or ValueError."""
    if not isinstance(key, str) or key not in arrays:
        raise ValueError(f"{place}: there is no array {key!r}")
    return arrays[key]


def digest(plan: Plan) -> str:
    """SHA-256 over the network's document and every array of `plan`; its own `digest` is left out.

    So is `exact`, which says how the numbers are judged, not what they are: 0.1.0 took the digest before it set the mark.
    """
    document, arrays = dump(plan.network)
    head = {"network": document, "dtype": plan.dtype, "updates_done": int(plan.updates_done), "exact": False}
    return content_digest(head, {**{f"network/{key}": x for key, x in arrays.items()}, **dict(plan.arrays())})


def content_digest(head: object, arrays: Mapping[str, Array]) -> str:
    """SHA-256 over a tree and arrays: names, dtypes, shapes and bytes, in the order given."""
    content = sha256(trees.encode(head))
    for key, x in arrays.items():
        content.update(trees.encode_entry(key, x.dtype.str, x.shape))
        if x.nbytes < SMALL:
            content.update(x.tobytes())
        else:
            content.update(np.asarray(x, order="C").reshape(-1).view(np.uint8).data)
    return content.hexdigest()


SMALL = 4096
"""Bytes: a copy of fewer costs less than a view of them."""


def _native(x: Any) -> Array:
    x = np.asarray(x)
    native: Array = x.astype(x.dtype.newbyteorder("="), order="C", copy=False)
    return native


def _dump_op(op: Op) -> Tree:
    if OPS.get(op.name) is not type(op):
        raise ValueError(f"{type(op).__qualname__} is not an op that bpcompare lists: it cannot be written down")
    return {"op": op.name, **trees.dump(op)}


def _load_op(role: type[O], entry: object, place: str) -> O:
    if not isinstance(entry, dict) or not isinstance(entry.get("op"), str):
        raise ValueError(f"{place}: expected an object with the name of an op, found {type(entry).__name__}")
    kind = OPS.get(entry["op"])
    if kind is None:
        raise ValueError(f"{place}: unknown op {entry['op'][:40]!r}; if a newer bpcompare wrote it, install a newer bpcompare")
    if not issubclass(kind, role):
        raise ValueError(f"{place}: {entry['op']} is not an op for this place, its role is {kind.role}")
    return trees.load(kind, {name: value for name, value in entry.items() if name != "op"}, place)


class _Once:
    """Ten thousand nodes share a few ops and initializers: each of these objects is written once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Tree]] = {}

    def __call__(self, write: Callable[[Any], Tree], x: Any) -> Tree:
        if id(x) not in self._known:
            self._known[id(x)] = x, write(x)
        return self._known[id(x)][1]


def _dump_layer(layer: Layer, once: _Once) -> Tree:
    units = None if layer.units is None else list(layer.units)
    parameters = dict(layer.parameters)
    return {
        "op": once(_dump_op, layer.op),
        "sources": list(layer.sources),
        "g": once(_dump_op, layer.g),
        "parameters": parameters,
        "units": units,
    }


def _load_layer(entry: object, place: str) -> Layer:
    found = trees.entries(entry, place, "op", "sources", "g", "parameters", "units")
    return Layer(
        op=_load_op(LayerOp, found["op"], f"{place}.op"),  # type: ignore[type-abstract]  # the role, not a class to call
        sources=trees.value(tuple[str, ...], found["sources"], f"{place}.sources"),
        g=_load_op(Activation, found["g"], f"{place}.g"),
        parameters=trees.value(Mapping[str, str], found["parameters"], f"{place}.parameters"),
        units=trees.value(tuple[str, ...] | None, found["units"], f"{place}.units"),
    )


def _load_parameter(entry: object, place: str, arrays: Mapping[str, Array]) -> Parameter:
    found = trees.entries(entry, place, "init", "trainable", optional=("penalty",))
    init = found["init"]
    trainable = trees.value(bool, found["trainable"], f"{place}.trainable")
    penalty = _load_op(PenaltyOp, found["penalty"], f"{place}.penalty") if "penalty" in found else None
    if isinstance(init, dict) and "array" in init:
        values = array(trees.entries(init, f"{place}.init", "array")["array"], f"{place}.init", arrays)
        return Parameter(values, trainable, penalty)
    return Parameter(trees.load(Initializer, init, f"{place}.init"), trainable, penalty)

"""Ops: fields of the right type and size, sources of the right number and kind, shapes that fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from bpcompare.network.network import Data, Input, Layer, Network, Problem
from bpcompare.network.parameter import Parameter
from bpcompare.network.problems.training import ill_typed_training
from bpcompare.ops.op import Activation, ErrorOp, LayerOp, Op, UpdateOp
from bpcompare.text.words import quote

Where = tuple[str | int, ...]


def ill_typed(network: Network) -> tuple[Problem, ...]:
    """Python values of types that no check could look into: only a network built in Python can have these."""
    return tuple(_ill_typed(network))


def sound(network: Network) -> Network:
    """`network` without the inputs and layers whose own fields make no sense, so that its shapes can be asked for."""
    ops = _by_id(op for layer in network.layers.values() for op in (layer.op, layer.g))
    wrong = {key for key, op in ops.items() if op.problems()}
    layers = {n: layer for n, layer in network.layers.items() if id(layer.op) not in wrong and id(layer.g) not in wrong}
    inputs = {n: group for n, group in network.inputs.items() if not any(size < 1 for size in group.shape)}
    if len(layers) == len(network.layers) and len(inputs) == len(network.inputs):
        return network
    return replace(network, inputs=inputs, layers=layers)


def _by_id(ops: Iterable[Any]) -> dict[int, Any]:
    """Each object once: thousands of layers may have one op."""
    return {id(op): op for op in ops}


def op_problems(network: Network) -> tuple[Problem, ...]:
    """Fields of ops, sizes of inputs, numbers of sources, and integers read as real values or the other way round."""
    return tuple(_op_problems(network))


def error_problems(network: Network) -> tuple[Problem, ...]:
    """Fields of the error and of the update rule."""
    return (*_fields(network.error.op, ("error",)), *_fields(network.update, ("update",)))


def shape_problems(network: Network, whole: Network) -> tuple[Problem, ...]:
    """Sources that do not fit their op; activations, errors and unit names that do not fit their layer."""
    return tuple(_shape_problems(network, whole))


def _op_problems(network: Network) -> Iterator[Problem]:
    for name, group in network.inputs.items():
        for axis, size in enumerate(group.shape):
            if size < 1:
                message = f"axis {axis} of input {quote(name)} has size {size}; every group needs at least one unit"
                yield Problem(("inputs", name, "shape"), message)
    ops = _by_id(op for layer in network.layers.values() for op in (layer.op, layer.g))
    wrong = {key for key, op in ops.items() if op.problems()}
    for name, layer in network.layers.items():
        where: Where = ("layers", name)
        if id(layer.op) in wrong:
            yield from _fields(layer.op, where)
        if id(layer.g) in wrong:
            yield from _fields(layer.g, (*where, "g"))
        low, high = layer.op.arity
        count = len(layer.sources)
        if count < low or (high is not None and count > high):
            wanted = f"{low}" if low == high else f"at least {low}"
            yield Problem((*where, "from"), f"{layer.op.name} reads {wanted} source{'s' * (low != 1)}, has {count}")
    yield from _integers(network)


def _integers(network: Network) -> Iterator[Problem]:
    integer = network.integer_inputs
    for name, layer in network.layers.items():
        for slot, source in enumerate(layer.sources):
            where = ("layers", name, "from", slot)
            if slot in layer.op.integer:
                if source in network.layers:
                    message = f"{layer.op.name} reads integers, {quote(source)} is a layer and has real values"
                    yield Problem(where, message, "let it read an input")
            elif source in integer:
                message = f"input {quote(source)} holds integers for another layer and cannot be read as real values here"
                yield Problem(where, message, "give the numbers as a second input")


def _shape_problems(network: Network, whole: Network) -> Iterator[Problem]:
    for name, shapes in whole.shapes.items():
        layer = network.layers[name]
        yield from (Problem(("layers", name, "from"), message) for message in shapes.problems)
        if shapes.problems:
            continue
        if any(size < 1 for size in shapes.out):
            yield Problem(("layers", name), f"its shape is {list(shapes.out)}; every group needs at least one unit")
        yield from (Problem(("layers", name, "g"), message) for message in layer.g.shapes([shapes.out]).problems)
        yield from _units(layer, "layers", name, shapes.out)
    for name, group in whole.inputs.items():
        yield from _units(group, "inputs", name, group.shape)
    of, op = network.error.of, network.error.op
    if of in whole.shapes and not whole.shapes[of].problems:
        out = whole.shapes[of].out
        # A scalar cannot be asked for a target shape that drops an axis.
        wanted = op.target_shape(out)
        yield from (Problem(("error", "of"), message) for message in op.shapes([out, wanted]).problems)


def _units(group: Layer | Input, section: str, name: str, shape: tuple[int, ...]) -> Iterator[Problem]:
    if group.units is not None and shape != (len(group.units),):
        message = f"names {len(group.units)} units, {quote(name)} has shape {list(shape)}"
        yield Problem((section, name, "units"), message, "only flat groups have named units" if len(shape) != 1 else "")


def _fields(op: Op, where: Where) -> Iterator[Problem]:
    for problem in op.problems():
        field, _, sentence = problem.partition(": ")
        yield Problem((*where, field), sentence)


def _ill_typed(network: Network) -> Iterator[Problem]:
    if not isinstance(network.name, str):
        yield Problem(("name",), f"must be text, is {quote(network.name)}")
    for section, kind in (("inputs", Input), ("layers", Layer), ("parameters", Parameter)):
        yield from _ill_typed_groups(getattr(network, section), section, kind)
    yield from _ill_typed_op(getattr(network.error, "op", None), ErrorOp, ("error",))
    if not isinstance(getattr(network.error, "of", None), str):
        yield Problem(("error", "of"), "must be the name of a layer")
    yield from _ill_typed_op(network.update, UpdateOp, ("update",))
    data: Any = network.data
    if not isinstance(data, Data) or not _is(Mapping, data.inputs):
        yield Problem(("data",), "must be Data with a mapping of arrays")
    else:
        for key in data.inputs:
            if not isinstance(key, str):
                yield Problem(("data", repr(key)), f"name must be text, is {quote(key)}")
    yield from ill_typed_training(network.training)


def _ill_typed_groups(groups: Any, section: str, kind: type) -> Iterator[Problem]:
    if not isinstance(groups, Mapping):
        yield Problem((section,), f"must be a mapping from names to {kind.__name__}s, is {type(groups).__name__}")
        return
    sound: set[tuple[int, type[Op]]] = set()
    for name, group in groups.items():
        where = (section, name if isinstance(name, str) else repr(name))
        if not isinstance(name, str):
            yield Problem(where, f"name must be text, is {quote(name)}")
        if not isinstance(group, kind):
            yield Problem(where, f"must be a {kind.__name__}, is {type(group).__name__}")
        elif isinstance(group, Layer):
            yield from _ill_typed_layer(group, where, sound)
        elif isinstance(group, Input):
            yield from _tuple_of(group.shape, int, (*where, "shape"))
            yield from _tuple_of(group.units, str, (*where, "units")) if group.units is not None else ()


def _ill_typed_layer(layer: Layer, where: Where, sound: set[tuple[int, type[Op]]]) -> Iterator[Problem]:
    """`sound`: ops that are what they must be, by identity and kind, for thousands of layers may have one op."""
    for op, kind, place in ((layer.op, LayerOp, where), (layer.g, Activation, (*where, "g"))):
        if (id(op), kind) not in sound:
            found = tuple(_ill_typed_op(op, kind, place))
            sound |= set() if found else {(id(op), kind)}
            yield from found
    yield from _tuple_of(layer.sources, str, (*where, "from"))
    if layer.units is not None:
        yield from _tuple_of(layer.units, str, (*where, "units"))
    parameters: Any = layer.parameters
    if not isinstance(parameters, Mapping) or not all(map(_is_text, (*parameters, *parameters.values()))):
        yield Problem(where, "parameters must map roles to names of parameters")


def _tuple_of(value: Any, kind: type, where: Where) -> Iterator[Problem]:
    if not isinstance(value, tuple) or not (set(map(type, value)) <= {kind} or all(_is(kind, entry) for entry in value)):
        yield Problem(where, f"must be a tuple of {kind.__name__}, is {quote(value)}")


def _ill_typed_op(op: Any, kind: type[Op], where: Where) -> Iterator[Problem]:
    if not isinstance(op, kind) or not is_dataclass(op):
        yield Problem((*where, "op"), f"must be one of the {kind.__name__}s, is {quote(op)}")
        return
    for name, hint in hints(type(op)).items():
        if not _is(hint, getattr(op, name)):
            yield Problem((*where, name), f"must be {getattr(hint, '__name__', hint)}, is {quote(getattr(op, name))}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


@cache
def hints(op: type) -> Mapping[str, Any]:
    """The types of its fields, by name."""
    found = get_type_hints(op)
    return {field.name: found[field.name] for field in fields(op)}


def _is(hint: Any, value: Any) -> bool:
    """Whether `value` is what a field annotated `hint` may hold. True is not 1; NumPy's numbers are numbers."""
    if type(value) is hint:
        return True
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin is tuple:
        items = args[:1] * len(value) if isinstance(value, tuple) and args[-1] is Ellipsis else args
        return isinstance(value, tuple) and len(value) == len(items) and all(map(_is, items, value))
    if args:
        return any(_is(arg, value) for arg in args)
    if hint in (None, NoneType):
        return value is None
    if hint is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True

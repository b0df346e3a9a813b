"""Parameters: every role of every op has one of the right shape, with finite values, and none is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, get_args

import numpy as np

from bpcompare.network.network import Network, Problem
from bpcompare.network.parameter import Distribution, Initializer
from bpcompare.ops.op import ParameterShape, PenaltyOp
from bpcompare.text.words import Suggestions, did_you_mean, listed, quote

TURNED = "rows are sources, columns are units; torch keeps them the other way round: transpose = true reads such weights"

Use = tuple[str, str, ParameterShape]
"""A layer, the role a parameter has there, and what it needs to look like."""


def parameter_problems(network: Network, whole: Network) -> tuple[Problem, ...]:
    """Roles without a parameter, parameters without a role, wrong shapes, numbers that are not finite."""
    return tuple(_problems(network, whole))


def array_problem(value: Any) -> str:
    """What keeps `value` from being an array of finite real numbers; empty when nothing does."""
    if not isinstance(value, np.ndarray):
        return f"must be a NumPy array, is {type(value).__name__}"
    if value.dtype.kind not in "fiu":
        return f"must hold real numbers, its dtype is {value.dtype}"
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        at = np.argwhere(~np.isfinite(value))
        place = "".join(f"[{i}]" for i in at[0])
        more = f", and {len(at) - 1} more" if len(at) > 1 else ""
        return f"{'entry ' + place if place else 'it'} is {value[tuple(at[0])]}{more}; numbers must be finite"
    return ""


def _problems(network: Network, whole: Network) -> Iterator[Problem]:
    suggest = Suggestions()
    needs: dict[str, list[Use]] = {}
    used: set[str] = set()
    for name, layer in network.layers.items():
        used.update(layer.parameters.values())
        if name in whole.shapes and not whole.shapes[name].problems:
            yield from _roles(network, name, whole.shapes[name].parameters)
            for role, need in whole.shapes[name].parameters.items():
                if role in layer.parameters:
                    needs.setdefault(layer.parameters[role], []).append((name, role, need))
    for missing in (name for name in needs if name not in network.parameters):
        layer_name, role, _ = needs[missing][0]
        hint = suggest(missing, network.parameters)
        yield Problem(("layers", layer_name, role), f"no parameter is called {quote(missing)}", hint)
    sound: set[int] = set()
    for name, parameter in network.parameters.items():
        if name not in used:
            yield Problem(("parameters", name), f"no layer uses parameter {quote(name)}", suggest(name, used))
        yield from _init(name, parameter.init, needs.get(name, ()), sound)
        if not isinstance(parameter.trainable, bool):
            yield Problem(("parameters", name, "trainable"), f"must be true or false, is {quote(parameter.trainable)}")
        yield from _penalty(name, parameter.penalty)


def _penalty(name: str, penalty: Any) -> Iterator[Problem]:
    where = ("parameters", name, "penalty")
    if penalty is None:
        return
    if not isinstance(penalty, PenaltyOp):
        yield Problem(where, f"must be a penalty such as L2(0.01), is {quote(penalty)}")
        return
    for problem in penalty.problems():
        field, _, sentence = problem.partition(": ")
        yield Problem((*where, field), sentence)


def _roles(network: Network, name: str, wanted: Mapping[str, ParameterShape]) -> Iterator[Problem]:
    layer = network.layers[name]
    for role in layer.parameters:
        if role not in wanted:
            has = f"it has {listed(wanted)}" if wanted else "it has none"
            yield Problem(("layers", name, role), f"{layer.op.name} has no parameter {quote(role)} here", has)
    for role in wanted:
        if role not in layer.parameters:
            yield Problem(("layers", name, role), f"no parameter is named for the {role} of {layer.op.name}")


def _init(name: str, init: Any, uses: Sequence[Use], sound: set[int]) -> Iterator[Problem]:
    """`sound`: initializers that make sense, by identity, for thousands of parameters may be drawn alike."""
    where = ("parameters", name)
    for layer, role, need in uses[1:]:
        first_layer, first_role, first = uses[0]
        if need.shape != first.shape:
            message = (
                f"parameter {quote(name)} is shared by uses of different shape: "
                f"{first_layer}.{first_role} is {list(first.shape)}, {layer}.{role} is {list(need.shape)}"
            )
            yield Problem(("layers", layer, role), message)
    if id(init) in sound:
        return
    if isinstance(init, Initializer):
        wrong = tuple(_initializer(init, where))
        sound |= set() if wrong else {id(init)}
        yield from wrong
        return
    if problem := array_problem(init):
        yield Problem((*where, "value"), f"parameter {quote(name)}: {problem}")
    elif uses and (misfit := shape_problem(name, init.shape, uses[0])):
        yield misfit


def _initializer(init: Initializer, where: tuple[str, ...]) -> Iterator[Problem]:
    kind: Any = init.kind
    if not isinstance(kind, str) or kind not in get_args(Distribution):
        hint = did_you_mean(init.kind, get_args(Distribution))
        yield Problem((*where, "init"), f"no initializer is called {quote(init.kind)}", hint)
    scale: Any = init.scale
    if not isinstance(scale, int | float) or isinstance(scale, bool) or not isfinite(scale):
        yield Problem((*where, "init"), f"scale must be a finite number, is {quote(scale)}")


def shape_problem(name: str, shape: tuple[int, ...], use: Use) -> Problem | None:
    """What is wrong with values of `shape` for parameter `name`, if they do not fit the layer and role that need it."""
    layer, role, need = use
    if shape == need.shape:
        return None
    message = f"parameter {quote(name)} has shape {quote(shape)}, {layer} needs {list(need.shape)} for its {role}"
    transposed = len(shape) == 2 and shape == need.shape[::-1]
    hint = TURNED if transposed else ""
    return Problem(("parameters", name, "value"), message, hint)

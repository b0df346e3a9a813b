"""Why two programs part, where a cause can be named by trying it: what the other program holds is worked out from this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any

import numpy as np

from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call
from bpcompare.own.pair.exchanged import exchanged
from bpcompare.own.pair.factors import factor
from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.pairing import Pairing
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.settings import said
from bpcompare.own.pair.side import Side
from bpcompare.own.pair.trial import SIDES, Trials, called, otherwise, worked_out
from bpcompare.program import Step

ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gelu by erf": ("gelu", {"approximate": "none"}),
    "gelu by tanh": ("gelu", {"approximate": "tanh"}),
    "relu": ("relu", {}),
    "silu": ("silu", {}),
    "tanh": ("tanh", {}),
    "sigmoid": ("sigmoid", {}),
    "softplus": ("softplus", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "relu6": ("relu6", {}),
    "mish": ("mish", {}),
    "leaky relu of slope 0.01": ("leaky_relu", {"negative_slope": 0.01}),
    "leaky relu of slope 0.2": ("leaky_relu", {"negative_slope": 0.2}),
    "hardswish": ("hardswish", {}),
    "hardsigmoid": ("hardsigmoid", {}),
}
"""Functions of single elements that people write for one another."""

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0)
"""What norms add to a variance in one framework or another."""
SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "eps": EPSILONS,
    "approximate": ("none", "tanh"),
    "is_causal": (True, False),
    "training": (True, False),
    "train": (True, False),
    "correction": (0, 1),
    "align_corners": (True, False),
    "count_include_pad": (True, False),
    "reduction": (0, 1, 2),
    "scale": (1.0, None),
}
"""Arguments by name, with what else they may be."""
ALIKE = 1e-8
"""Relative size up to which two factors are the same."""
ATTENTION, ATTENTION_IN = ("scale", "is_causal"), "scaled_dot_product"
"""Settings that attention has where nobody names them."""
PARTS = ("slice", "narrow_copy", "select", "index", "index_select", "take", "lax.slice", "masked_select", "gather", "split")
"""Functions that give a part of what they read."""


def causes(pairing: Pairing, parting: Parting, gradients: Sequence[Held]) -> tuple[str, ...]:
    """At most one cause, in words: the first that is found."""
    trials = Trials(pairing)
    if words := _whole(pairing, gradients):
        return (words,)
    for trial in (settings, activations, left_out, without, exchanged, moved, multiples, narrowed):
        found = next(trial(trials, parting), None)
        if found is not None:
            return (found,)
    return ()


def _whole(pairing: Pairing, gradients: Sequence[Held]) -> str:
    """That the loss and all gradients are a constant times those of the other program."""
    ratio = pairing.second.loss / pairing.first.loss if pairing.first.loss else float("nan")
    others = [held for held in gradients if not held.zero]
    if not others or not all(isclose(held.ratio * ratio, 1.0, rel_tol=ALIKE) for held in others):
        return ""
    return f"loss and gradients of the second are {_times(ratio, pairing, 'those of the first')}"


def _times(ratio: float, pairing: Pairing, what: str) -> str:
    number, words = factor(ratio, pairing)
    return f"{number} times {what}{f': {words}' if words else ''}"


def _both(parting: Parting) -> Iterator[tuple[int, Step]]:
    for which, step in enumerate(parting.steps):
        if step is not None:
            yield which, step


def settings(trials: Trials, parting: Parting) -> Iterator[str]:
    """The same function with another setting: read off where both call it, tried where only one does."""
    a, b = parting.steps
    if a is not None and b is not None and isinstance(a.op, Call) and isinstance(b.op, Call) and a.op.function == b.op.function:
        yield from differing(a, b, trials.pairing)
    for which, step in _both(parting):
        for name, values in SETTINGS.items():
            if not isinstance(step.op, Call) or name not in (*step.op.arguments, *_unnamed(step.op)):
                continue
            now = step.op.arguments.get(name)
            for value in values:
                if value != now and trials.found(1 - which, trials.value(which, step, otherwise(step.op, **{name: value})), 0.0):
                    yield f"{name}: {said(now, name)} in {SIDES[which]}, {said(value, name)} in {SIDES[1 - which]}"


def _unnamed(op: Call) -> tuple[str, ...]:
    return ATTENTION if ATTENTION_IN in op.function else ()


def differing(a: Step, b: Step, pairing: Pairing) -> Iterator[str]:
    """What two calls of the same function are called with otherwise: settings, or a constant number that they read."""
    one, other = a.op, b.op
    assert isinstance(one, Call) and isinstance(other, Call)  # noqa: S101, PT018 — as the caller has seen
    for name in one.arguments:
        x, y = one.arguments[name], other.arguments.get(name)
        if isinstance(x, (bool, int, float, str)) and isinstance(y, (bool, int, float, str)) and x != y:
            yield f"{name}: {said(x, name)} in the first, {said(y, name)} in the second"
    numbers = [_scalars(side, step) for side, step in zip((pairing.first, pairing.second), (a, b), strict=True)]
    if len(numbers[0]) == len(numbers[1]) == 1 and numbers[0] != numbers[1]:
        yield f"a constant: {said(numbers[0][0])} in the first, {said(numbers[1][0])} in the second"


def _scalars(side: Side, step: Step) -> list[float]:
    """The constants of one number that a step reads."""
    found = [side.number(path) for path in step.reads if side.program.values[path].given]
    return [float(x.ravel()[0]) for x in found if x is not None and x.size == 1]


def activations(trials: Trials, parting: Parting) -> Iterator[str]:
    """What each program makes of the value before: one activation here, another there."""
    names: list[str | None] = [None, None]
    for which, step in _both(parting):
        side = trials.sides[which]
        for path in step.reads:
            x = side.number(path)
            if x is None or x.size < 2 or side.program.values[path].given:
                continue
            names[which] = next((name for name, y in _activated(side, x) if trials.found(which, y, side.slack[path])), None)
    if names[0] != names[1] and all(names):
        yield f"{names[0]} in the first, {names[1]} in the second"


def _activated(side: Side, x: Array) -> Iterator[tuple[str, Array | None]]:
    for name, (function, arguments) in ACTIVATIONS.items():
        yield name, worked_out(side, At(called(function, arguments, x.shape), [x]))
    with np.errstate(over="ignore"):
        yield "x σ(1.702 x)", x / (1 + np.exp(-1.702 * x))


def left_out(trials: Trials, parting: Parting) -> Iterator[str]:
    """A step that only one of them has: what comes after it, without it, is in the other."""
    for which, step in _both(parting):
        side = trials.sides[which]
        given = side.number(step.writes)
        for path in step.reads:
            x = side.number(path)
            if x is None or given is None or x.shape != given.shape or side.program.values[path].given:
                continue
            if any(trials.found(1 - which, y, side.slack[path]) for y in trials.onward(which, step.writes, x)):
                mask = "; it multiplies with a mask, as dropout does" if _masks(side, step) else ""
                yield f"{SIDES[1 - which]} leaves out {side.spot(step)}, and goes on with what stands before it{mask}"


def _masks(side: Side, step: Step) -> bool:
    if step.op.called not in ("mul", "where", "native_dropout", "div"):
        return False
    given = [side.number(path) for path in step.reads if side.program.values[path].given]
    return any(x is not None and x.size > 1 and bool((x == 0).any()) and np.unique(x).size == 2 for x in given)


def without(trials: Trials, parting: Parting) -> Iterator[str]:
    """A parameter that only one of them uses, or a matrix that one of them transposes."""
    for which, step in _both(parting):
        side = trials.sides[which]
        for slot, path in enumerate(step.reads):
            x, name = side.number(path), side.parameter_of(path)
            if x is None or not name:
                continue
            for value in (0.0, 1.0):
                y = trials.value(which, step, reads={slot: np.full_like(x, value)})
                if trials.found(1 - which, y, side.slack[step.writes]):
                    yield f"{SIDES[1 - which]} computes it without {name}"
            if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
                y = trials.value(which, step, reads={slot: np.swapaxes(x, -1, -2)})
                if trials.found(1 - which, y, side.slack[step.writes]):
                    yield f"one of them transposes {name}, the other does not"
            if x.ndim > 2:
                y = trials.value(which, step, reads={slot: np.flip(x, tuple(range(2, x.ndim)))})
                if trials.found(1 - which, y, side.slack[step.writes]):
                    yield f"{name} is flipped in one of them: a convolution, where the other is a correlation"


def moved(trials: Trials, parting: Parting) -> Iterator[str]:
    """The same numbers arrive in another order: with the other program's order, this one gives what that one holds."""
    for which, step in _both(parting):
        side, other = trials.sides[which], trials.sides[1 - which]
        partners = (trials.pairing.forward.forward, trials.pairing.forward.backward)[which]
        for slot, path in enumerate(step.reads):
            x = side.number(path)
            for partner in partners.get(path, ()):
                z = other.number(partner)
                if x is None or z is None or z.shape != x.shape or np.array_equal(x, z):
                    continue
                if trials.found(1 - which, trials.value(which, step, reads={slot: z}), side.slack[path]):
                    where = " and ".join(map(str, parting.order)) if parting.order else f"{path} and {partner}"
                    yield f"the same numbers stand in another order, from {where} on: is an axis (channels) first or last there?"


def narrowed(trials: Trials, parting: Parting) -> Iterator[str]:
    """One of them goes on with fewer elements."""
    for which, step in _both(parting):
        side = trials.sides[which]
        for path in step.reads:
            x, y = side.number(path), side.number(step.writes)
            if x is None or y is None or not 0 < y.size < x.size or step.op.called not in PARTS:
                continue
            yield f"{SIDES[which]} goes on with {y.size:,} of these {x.size:,} numbers"


def multiples(trials: Trials, parting: Parting) -> Iterator[str]:
    """A constant factor."""
    a, pairing = parting.steps[0], trials.pairing
    one = None if a is None else pairing.first.print(a.writes)
    hit = None if a is None or one is None else trials.multiple(1, one, pairing.first.slack[a.writes])
    if hit is not None and not isclose(hit[1], 1.0, rel_tol=ALIKE):
        yield f"{SIDES[1]} holds {_times(hit[1], pairing, 'these numbers')}"

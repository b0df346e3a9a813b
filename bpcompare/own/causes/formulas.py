"""What people write in the place of the derivative of a function of single elements: by its result y, or by its input x."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.trial import Edit, function, result, right, seen
from bpcompare.program import Step

Formula = Callable[[Array], Array]

BY_RESULT: Mapping[str, tuple[str, Formula]] = {
    "sigmoid": ("y(1 − y)", lambda y: y * (1 - y)),
    "tanh": ("1 − y²", lambda y: 1 - y * y),
    "exp": ("y", lambda y: y),
    "sqrt": ("1/(2y)", lambda y: 0.5 / y),
    "reciprocal": ("−y²", lambda y: -y * y),
    "rsqrt": ("−y³/2", lambda y: -0.5 * y**3),
}
"""Derivatives that are written by the result y."""
SLIPS: Mapping[str, Mapping[str, Formula]] = {
    "sigmoid": {
        "y": lambda y: y,
        "1 − y": lambda y: 1 - y,
        "y(1 + y)": lambda y: y * (1 + y),
        "y(y − 1)": lambda y: y * (y - 1),
        "1 − y², as of tanh": lambda y: 1 - y * y,
        "y²": lambda y: y * y,
        "y − 1": lambda y: y - 1,
        "y(1 − y²)": lambda y: y * (1 - y * y),
    },
    "tanh": {
        "1 − y": lambda y: 1 - y,
        "1 + y²": lambda y: 1 + y * y,
        "y²": lambda y: y * y,
        "1 + y": lambda y: 1 + y,
        "y(1 − y), as of the logistic function": lambda y: y * (1 - y),
        "(1 − y)²": lambda y: (1 - y) ** 2,
        "y² − 1": lambda y: y * y - 1,
        "1 − |y|": lambda y: 1 - np.abs(y),
    },
    "sqrt": {"1/y": lambda y: 1 / y, "y/2": lambda y: y / 2, "2/y": lambda y: 2 / y, "1/(2y²)": lambda y: 0.5 / y**2},
    "reciprocal": {"−y": lambda y: -y, "y²": lambda y: y * y, "y": lambda y: y, "−1/y²": lambda y: -1 / y**2},
    "rsqrt": {
        "−y²/2": lambda y: -0.5 * y * y,
        "−y/2": lambda y: -0.5 * y,
        "−y³": lambda y: -(y**3),
        "y³/2": lambda y: 0.5 * y**3,
        "1/(2y)": lambda y: 0.5 / y,
    },
    "exp": {"1/y": lambda y: 1 / y},
}
"""What else is written there."""
BY_INPUT: Mapping[str, Formula] = {
    "sigmoid": lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
    "tanh": lambda x: 1 / np.cosh(x) ** 2,
    "sin": np.cos,
    "log": lambda x: 1 / x,
    "square": lambda x: 2 * x,
}
"""Derivatives that are written by the input x."""
SHIFTED: Mapping[str, Mapping[str, Formula]] = {
    "sin": {"sin x": np.sin, "−cos x": lambda x: -np.cos(x)},
    "cos": {"sin x, without its sign": np.sin, "cos x": np.cos},
    "log": {"1/x²": lambda x: 1 / x**2, "x": lambda x: x, "1/|x|": lambda x: 1 / np.abs(x)},
    "erf": {
        "exp(−x²/2)/√(2π), the density of a normal number": lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
        "2/√π exp(−x²/2)": lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x / 2),
        "2/√π exp(x²)": lambda x: 2 / np.sqrt(np.pi) * np.exp(x * x),
        "2/√π exp(−x)": lambda x: 2 / np.sqrt(np.pi) * np.exp(-x),
    },
    "softplus": {"1 − σ(x)": lambda x: 1 / (1 + np.exp(x))},
    "abs": {"1": np.ones_like, "x": lambda x: x},
    "square": {"x": lambda x: x, "x²": lambda x: x * x},
}
"""Others that are written by the input x."""
ALONE = frozenset({*BY_RESULT, *BY_INPUT, *SHIFTED, "silu", "gelu", "relu", "elu", "softplus", "log1p", "expm1", "tan", "atan"})
"""Functions of single elements."""


def formulas(step: Step) -> Iterator[tuple[str, Edit]]:
    """Slips at such a step; {} stands for it."""
    name = function(step)
    for words, by in SLIPS.get(name, {}).items():
        yield f"as if the derivative of {{}} were {words}, with y its result: it is {BY_RESULT[name][0]}", partial(_by_result, by)
    for words, by in SHIFTED.get(name, {}).items():
        yield f"as if the derivative of {{}} were {words}, with x its input", partial(_by_input, by)
    if name in BY_RESULT:
        formula, by = BY_RESULT[name]
        words = f"as if its input were the result y of {{}}, by which the derivative is {formula}"
        yield words, partial(_by_input, by)
    if name in BY_INPUT:
        words = "as if its result were the input of {}: the derivative is taken at the wrong place"
        yield words, partial(_by_result, BY_INPUT[name])
    if name in ("relu", "relu6", "leaky_relu"):
        yield "as if {} were applied to dy, in the place of its derivative", lambda _, at: -np.maximum(-seen(at), 0.0)
    if name in ALONE and "y" not in SLIPS.get(name, {}):
        yield "as if the derivative of {} were its own result: dy is multiplied by that", partial(_by_result, lambda y: y)
    if name in ALONE:
        yield "as if dy were divided by the derivative of {}, not multiplied with it", _over


def _by_result(by: Formula, law: Any, at: Any) -> Array:
    return np.asarray(by(result(law, at)) * seen(at))


def _by_input(by: Formula, _law: Any, at: Any) -> Array:
    return np.asarray(by(np.asarray(at.xs[0])) * seen(at))


def _over(law: Any, at: Any) -> Array:
    return seen(at) ** 2 / right(law, at)

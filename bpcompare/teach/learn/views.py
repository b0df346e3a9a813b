"""What a student's function is given: a node, an edge or a weight, with the names of the textbook.

Written per node, every attribute is a number or a list of numbers; vectorized, a NumPy array with the examples first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.ops import ACTIVATIONS

STEPS = ("delta_output", "delta_hidden", "gradient", "update")
"""The four statements, in the order in which they are worked out."""


class View:
    """The argument of a student's function.

    `delta_output(k)`: k.in_, k.a, k.t, k.g(x), k.g_prime(x); k.examples and k.outputs, how many there are.
    `delta_hidden(j)`: j.in_, j.a, j.g(x), j.g_prime(x), and j.out, pairs (w_jk, Δ_k) of all nodes that j feeds; vectorized, pairs
    (W, Δ) of all layers that it feeds, W with a row for each unit of this layer.
    `gradient(e)`: e.a and e.delta, the a_i and Δ_j of every example (a is 1 for a bias); the answer is ∂E/∂w = −Σ a_i Δ_j.
    Vectorized, e.a is examples × sources, e.delta examples × units, and the answer sources × units.
    `update(p)`: p.w, p.gradient, p.eta; where the spec has them, p.momentum, p.velocity (before the step), p.weight_decay.
    """

    def __init__(self, given: Mapping[str, Any], *, vectorized: bool) -> None:
        for name, value in given.items():
            if name == "g":
                self._activation(value)
            elif name == "out":
                setattr(self, name, [tuple(_value(part, vectorized=vectorized) for part in pair) for pair in value])
            else:
                setattr(self, name, _value(value, vectorized=vectorized))

    def _activation(self, told: Mapping[str, Any]) -> None:
        kind = next(one for one in ACTIVATIONS if one.name == told["name"])
        op = kind(**told["fields"])
        law: Any = LAWS.ops[kind]

        def g(x: Any) -> Any:
            return _same(law.g(op, np.asarray(x, np.float64)) if told["name"] != "identity" else np.asarray(x, np.float64), x)

        def g_prime(x: Any) -> Any:
            slope = law.g_prime(op, np.asarray(x, np.float64)) if told["name"] != "identity" else np.ones(np.shape(x))
            return _same(slope, x)

        self.g = g
        self.g_prime = g_prime

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if not callable(value))
        return f"{type(self).__name__}({', '.join(shown)})"


def _value(value: Any, *, vectorized: bool) -> Any:
    return np.array(value, np.float64) if vectorized and isinstance(value, list) else value


def _same(y: Any, x: Any) -> Any:
    """A number for a number, an array for an array."""
    return y if isinstance(x, np.ndarray) else float(y)

"""The numbers of one step of a record in rows: a row for each unit that nodes read, or that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from bpcompare.network.nodes import Nodes
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.plan import Plan
from bpcompare.proof.balls import Balls


class Columns:
    """Activations, Δ and weights of the nodes of a plan and of what they touch, in float64."""

    def __init__(self, plan: Plan, balls: Balls) -> None:
        self.nodes: Nodes = plan.network.nodes
        self._plan, self._balls = plan, balls
        self._layers = plan.network.layers
        self.given_numbers = balls.values.given
        self.examples = len(balls.values.given["target"])

    @cached_property
    def activations(self) -> Array:
        """(units, examples)."""
        return _rows([self._balls.number(f"{name}.a") for name in self.nodes.columns])

    @cached_property
    def given(self) -> Array:
        """For each unit, whether its activation is data and not recorded."""
        inputs = self._plan.network.inputs
        found = np.zeros(len(self.activations), bool)
        for name, column in self.nodes.columns.items():
            if name in inputs:
                found[column : column + inputs[name].shape[0]] = True
        return found

    @cached_property
    def deltas(self) -> Array:
        """(units, examples); an input has none, and NaN in its place."""
        recorded, inputs = self._balls.values.recorded, self._plan.network.inputs
        parts = [
            np.full(self._balls.values.given[f"{name}.a"].shape, np.nan) if name in inputs else recorded[f"{name}.delta"]
            for name in self.nodes.columns
        ]
        return _rows(parts)

    @cached_property
    def weights(self) -> Array:
        """All weights of layers that have columns, one behind the other."""
        given = self._balls.values.given
        parts = [given[self._layers[name].parameters["weight"]].reshape(-1) for name in self.nodes.weights]
        return np.concatenate(parts).astype(np.float64, copy=False)

    def recorded(self, paths: Sequence[str], shape: tuple[int, ...]) -> Array:
        """What was recorded at these paths, all of one shape, along a new first axis."""
        recorded = self._balls.values.recorded
        x = np.concatenate([recorded[path] for path in paths], axis=0)
        return x.reshape(len(paths), *shape).astype(np.float64, copy=False)

    def ball(self, x: Array, fmt: Format, *, given: bool = False) -> Ball | None:
        """Numbers that were recorded, or given, as a ball; None where a given one is so small that it may count as 0."""
        if not given:
            return Ball(x, fmt, fmt.u, fmt.tiny if fmt.flushes else 0.0)
        if fmt.flushes and bool(((x != 0) & (np.abs(x) < fmt.tiny)).any()):
            return None
        return Ball(x, fmt)


def _rows(parts: Sequence[Array]) -> Array:
    """Arrays (examples, units) as one of (units, examples)."""
    return np.ascontiguousarray(np.concatenate(parts, axis=1).T, dtype=np.float64)

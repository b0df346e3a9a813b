"""The same four equations for many nodes at once, each a layer of one unit: a row of numbers for each unit that they read.

Nodes that need nothing of one another, and read equally many units, are one evaluation of their law. What is computed of each is
what is computed of it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.laws import At, Laws, UpdateAt
from bpcompare.network.nodes import FEWEST, Node, alike
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import total
from bpcompare.ops import Dense, Op
from bpcompare.plan import Batch, Plan

Arrays = Mapping[str, Array]
SMALL = 2**12
"""Parameters of fewer numbers are updated side by side."""


def side_by_side(plan: Plan, laws: Laws) -> bool:
    """Whether there are nodes enough, laws that do not depend on the node, and none that looks along an axis (softmax)."""
    names = plan.network.nodes.names
    if type(laws) is not Laws or len(names) < FEWEST:
        return False
    return all(getattr(laws.of("", g), "side_by_side", False) for g in {type(g): g for g in _activations(plan)}.values())


def _activations(plan: Plan) -> Iterator[Op]:
    return (plan.network.layers[name].g for name in plan.network.nodes.names)


class Nodes:
    """The numbers of one step in rows (units, examples), filled as they are computed."""

    def __init__(self, plan: Plan, batch: Batch, parameters: Arrays, laws: Laws) -> None:
        self._plan, self._parameters, self._laws = plan, parameters, laws
        self._layers, self._nodes = plan.network.layers, plan.network.nodes
        self.by_name: Mapping[str, Node] = self._nodes.by_name
        self._a, self._delta = (np.empty((self._nodes.units, len(batch)), plan.dtype) for _ in range(2))
        for name, x in batch.inputs.items():
            self.activation(name, x)
        weights = [parameters[self._layers[name].parameters["weight"]].reshape(-1) for name in self._nodes.weights]
        self._weights = np.concatenate(weights)

    def forwards(self) -> Sequence[tuple[str, ...]]:
        """All layers, sources first, nodes alike together."""
        return self._nodes.forwards

    def backwards(self) -> Sequence[tuple[str, ...]]:
        """All layers, readers first, nodes alike together."""
        return self._nodes.backwards

    def read(self, name: str) -> bool:
        """Whether this is a node that dense layers alone read."""
        return name in self.by_name and len(self.by_name[name].readers) > 0

    def activation(self, name: str, x: Array) -> None:
        """Keep the activation of a layer that was computed alone."""
        self._keep(self._a, name, x)

    def delta(self, name: str, x: Array) -> None:
        """Keep the Δ of a layer that was computed alone."""
        self._keep(self._delta, name, x)

    def _keep(self, rows: Array, name: str, x: Array) -> None:
        column = self._nodes.columns.get(name)
        if column is not None:
            rows[column : column + x.shape[1]] = x.T

    def forward(self, names: Sequence[str]) -> tuple[Iterator[Array], Iterator[Array]]:
        """in_j = Σ_i w_ij a_i + b_j and a_j = g(in_j)."""
        nodes = [self.by_name[name] for name in names]
        layer = self._layers[names[0]]
        net_in = self._law(layer.op).forward(self._at(nodes))
        a = self._law(layer.g).forward(At(layer.g, [net_in]))
        self._a[[node.column for node in nodes]] = a[:, :, 0]
        return iter(net_in), iter(a)

    def backward(self, names: Sequence[str], net_in: Arrays) -> Iterator[Array]:
        """Δ_j = g'(in_j) Σ_k w_jk Δ_k, as if all units k that read the node were one layer."""
        nodes = [self.by_name[name] for name in names]
        g, readers = self._layers[names[0]].g, np.stack([node.readers for node in nodes])
        w = self._weights[np.stack([node.weights for node in nodes])][:, None, :]
        dense = Dense(readers.shape[1])
        terms = self._law(dense).delta(At(dense, [None], {"weight": w}, dy=_examples_first(self._delta[readers])))
        delta = self._law(g).delta(At(g, [_stacked([net_in[name] for name in names])], dy=total([terms])))
        self._delta[[node.column for node in nodes]] = delta[:, :, 0]
        return iter(delta)

    def gradients(self) -> Iterator[tuple[str, Array]]:
        """+∂E/∂w_ij = −a_i Δ_j of parameters that one node alone uses, without a penalty."""
        network = self._plan.network
        nodes = tuple(self.by_name.values())
        for places in alike((len(node.reads), self._layers[node.name].op) for node in nodes):
            some = [nodes[place] for place in places]
            for role in self._layers[some[0].name].parameters:
                own = [
                    (path, node)
                    for node in some
                    if network.parameters[path := self._layers[node.name].parameters[role]].trainable
                    and len(network.uses[path]) == 1
                    and path not in network.penalties
                ]
                if own:
                    at = self._at([node for _, node in own])
                    at.dy, at.role = self._delta[[node.column for _, node in own]][:, :, None], role
                    yield from zip((path for path, _ in own), -total([self._law(at.op).gradient(at)]), strict=True)

    def updates(self, t: int, gradient: Arrays, slots: Arrays) -> Iterator[tuple[str, Array, Mapping[str, Array]]]:
        """Parameters of one shape after the step, each with its slots by path."""
        rule, paths = self._plan.network.update, self._plan.slot_paths
        law = self._laws.update("", rule)
        names = [name for name in paths if 0 < self._parameters[name].size < SMALL]
        for places in alike(self._parameters[name].shape for name in names):
            some = [names[place] for place in places]
            before = {slot: _stacked([slots[paths[name][slot]] for name in some]) for slot in rule.slots}
            w, g = (_stacked([arrays[name] for name in some]) for arrays in (self._parameters, gradient))
            at = UpdateAt(rule, t, w, g, before)
            after = law.parameter(at)
            held = {slot: law.slot(at.but(name=slot)) for slot in rule.slots}
            for row, name in enumerate(some):
                yield name, after[row], {paths[name][slot]: x[row] for slot, x in held.items()}

    def _law(self, op: Any) -> Any:
        return self._laws.of("", op)

    def _at(self, nodes: Sequence[Node]) -> At[Any]:
        """Where the law of dense layers is asked for all of these nodes."""
        op = self._layers[nodes[0].name].op
        x = _examples_first(self._a[np.stack([node.reads for node in nodes])])
        roles = self._layers[nodes[0].name].parameters
        p = {
            role: _stacked([self._parameters[self._layers[node.name].parameters[role]].reshape(-1, 1) for node in nodes])
            for role in roles
        }
        return At(op, [x], p)


def _stacked(parts: Sequence[Array]) -> Array:
    """Arrays of one shape along a new first axis."""
    return np.concatenate(parts, axis=0).reshape(len(parts), *parts[0].shape)


def _examples_first(x: Array) -> Array:
    """(nodes, units, examples) as (nodes, examples, units), each node as it lies in memory when it stands alone."""
    return np.ascontiguousarray(x.transpose(0, 2, 1))

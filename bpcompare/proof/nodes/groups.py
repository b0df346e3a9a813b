"""What is claimed of nodes that are alike: one evaluation of a law for all of them, with a row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.laws import At, Laws, UpdateAt
from bpcompare.network.nodes import Node, alike
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.sums import NARROW
from bpcompare.numbers.number import Num, Product, total
from bpcompare.ops import Dense
from bpcompare.plan import Plan
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Statement
from bpcompare.proof.nodes.columns import Columns

SMALL = 2**12
"""Parameters of fewer numbers are updated side by side."""


@dataclass(frozen=True, eq=False)
class Group:
    """Claims of one statement about arrays of one shape: the laws' ball for all of them, along a new first axis."""

    statement: Statement
    paths: Sequence[str]
    shape: tuple[int, ...]
    ball: Callable[[], Ball | None]


class Groups:
    """The groups of one step of a record."""

    def __init__(self, plan: Plan, balls: Balls, laws: Laws) -> None:
        self._plan, self._balls, self._laws = plan, balls, laws
        self._layers = plan.network.layers
        self._columns = Columns(plan, balls)
        self._nodes: Sequence[Node] = tuple(plan.network.nodes.by_name.values())
        self._examples = self._columns.examples

    def __iter__(self) -> Iterator[Group]:
        yield from self._sums()
        yield from self._activations()
        yield from self._inductive()
        yield from self._updates()

    def _fmt(self, law: Any) -> Any:
        return self._balls.fmt(rearranged=True) if law.rearranged else self._balls.fmt

    def _asked(self, op: Any) -> Any:
        """The law of `op`, if it may be asked of several layers at once."""
        law = self._laws.of("", op)
        return law if getattr(law, "side_by_side", False) else None

    def _sums(self) -> Iterator[Group]:
        """in_j of nodes that read equally many units, data and recorded ones at the same places; and the gradients."""
        law = self._asked(Dense(1))
        if law is None:
            return
        given = self._columns.given
        keys = [(given[node.reads].tobytes(), self._layers[node.name].op) for node in self._nodes]
        for among in alike(keys):
            first = self._nodes[among[0]]
            n = len(first.reads)
            for some in _parts(among, n * self._examples):
                sums = _Sums([self._nodes[one] for one in some], self._plan, self._columns, law, self._fmt(law))
                yield Group("forward", [f"{node.name}.in" for node in sums.nodes], (self._examples, 1), sums.net_in)
                yield from self._gradients(sums, n)

    def _gradients(self, sums: _Sums, n: int) -> Iterator[Group]:
        network = self._plan.network
        for role, shape in (("weight", (n, 1)), ("bias", (1,))):
            own = [
                (row, path)
                for row, node in enumerate(sums.nodes)
                if (path := self._layers[node.name].parameters.get(role)) is not None
                and network.parameters[path].trainable
                and len(network.uses[path]) == 1
                and path not in network.penalties
            ]
            if own:
                rows = np.array([row for row, _ in own])
                paths = [f"{path}.gradient" for _, path in own]
                yield Group("gradient", paths, shape, lambda role=role, rows=rows: sums.gradient(role, rows))  # type: ignore[misc]

    def _activations(self) -> Iterator[Group]:
        for g, among in self._by_activation(self._nodes):
            law, names = self._asked(g), [self._nodes[one].name for one in among]
            if law is None:
                continue

            def ball(g: Any = g, law: Any = law, names: Sequence[str] = names) -> Ball | None:
                return _number(law.forward(At(g, [self._net_in(names, self._fmt(law))])))

            yield Group("forward", [f"{name}.a" for name in names], (self._examples, 1), ball)

    def _inductive(self) -> Iterator[Group]:
        """Δ of nodes that equally many units read."""
        dense = self._asked(Dense(1))
        nodes = [node for node in self._nodes if len(node.readers)]
        for g, members in self._by_activation(nodes) if dense is not None else ():
            law = self._asked(g)
            if law is None:
                continue
            for among in alike(len(nodes[one].readers) for one in members):
                count = len(nodes[members[among[0]]].readers)
                for some in _parts(members[among], count * self._examples):
                    chosen = [nodes[one] for one in some]

                    def ball(chosen: Sequence[Node] = chosen, g: Any = g, law: Any = law, count: int = count) -> Ball | None:
                        return self._delta(chosen, g, dense, law, count)

                    yield Group("inductive", [f"{node.name}.delta" for node in chosen], (self._examples, 1), ball)

    def _delta(self, nodes: Sequence[Node], g: Any, dense: Any, law: Any, count: int) -> Ball | None:
        """Σ_k w_jk Δ_k as if one layer of all these units read the node, and g'(in_j) of it."""
        fmt, columns = self._fmt(law), self._columns
        places = np.stack([node.weights for node in nodes])
        w = columns.ball(columns.weights[places][:, None, :], fmt, given=True)
        dy = columns.ball(_examples_first(columns.deltas[np.stack([node.readers for node in nodes])]), fmt)
        if w is None or dy is None:
            return None
        a = total([dense.delta(At(Dense(count), [None], {"weight": w}, dy=dy))])
        return _number(law.delta(At(g, [self._net_in([node.name for node in nodes], fmt)], dy=a)))

    def _by_activation(self, nodes: Sequence[Node]) -> Iterator[tuple[Any, Array]]:
        ops = [self._layers[node.name].g for node in nodes]
        for among in alike(ops):
            yield ops[among[0]], among

    def _net_in(self, names: Sequence[str], fmt: Any) -> Num:
        return self._columns.ball(self._columns.recorded([f"{name}.in" for name in names], (self._examples, 1)), fmt)

    def _updates(self) -> Iterator[Group]:
        """What an update rule says of each entry by itself, of parameters of one shape."""
        plan, rule = self._plan, self._plan.network.update
        law = self._laws.update("", rule)
        names = [name for name in plan.slot_paths if 0 < plan.parameters[name].size < SMALL and plan.parameters[name].ndim]
        if getattr(rule, "whole", False):
            return
        for among in alike(plan.parameters[name].shape for name in names):
            for some in _parts(among, plan.parameters[names[among[0]]].size):
                step = _Updates([names[one] for one in some], plan, self._columns, self._balls, law, self._fmt(law))
                for slot in rule.slots:
                    paths = [plan.slot_paths[name][slot] for name in step.names]
                    yield Group("state", paths, step.shape, lambda slot=slot, step=step: step.ball(slot))  # type: ignore[misc]
                yield Group("update", [f"{name}.update" for name in step.names], step.shape, step.ball)


def _parts(among: Array, cost: int) -> Iterator[Array]:
    """So many at a time that what is made of them stays small, and radii are formed as for one."""
    most = max(1, (NARROW - 1) // max(cost, 1))
    return (among[start : start + most] for start in range(0, len(among), most))


def _examples_first(x: Array) -> Array:
    """(nodes, units, examples) as (nodes, examples, units), each node as it lies in memory when alone: so are its bits."""
    return np.ascontiguousarray(x.transpose(0, 2, 1))


def _number(value: Num) -> Ball | None:
    return value if isinstance(value, Ball) else None


class _Sums:
    """Nodes that read equally many units: their sums, and the gradients of these."""

    def __init__(self, nodes: Sequence[Node], plan: Plan, columns: Columns, law: Any, fmt: Any) -> None:
        self.nodes = nodes
        self._plan, self._columns, self._law, self._fmt = plan, columns, law, fmt
        self._op = plan.network.layers[nodes[0].name].op

    def _read(self, rows: Any) -> list[Num]:
        """What they read: one ball, or, where data stand among it, one for each unit."""
        columns = self._columns
        reads = np.stack([node.reads for node in self.nodes])[rows]
        given = columns.given[reads[0]]
        x = _examples_first(columns.activations[reads])
        if given.all() or not given.any():
            return [columns.ball(x, self._fmt, given=bool(given.all()))]
        return [columns.ball(x[..., at : at + 1], self._fmt, given=bool(data)) for at, data in enumerate(given)]

    def _given(self, role: str, rows: Any) -> Ball | None:
        layers, given = self._plan.network.layers, self._columns.given_numbers
        parts = [given[layers[node.name].parameters[role]].reshape(1, -1, 1) for node in self.nodes]
        return self._columns.ball(np.concatenate(parts)[rows].astype(np.float64, copy=False), self._fmt, given=True)

    def _at(self, rows: Any) -> At[Any] | None:
        xs, p = self._read(rows), {"weight": self._given("weight", rows)}
        if "bias" in self._plan.network.layers[self.nodes[0].name].parameters:
            p["bias"] = self._given("bias", rows)
        return None if any(one is None for one in (*xs, *p.values())) else At(self._op, xs, p)

    def net_in(self) -> Ball | None:
        """Their sums."""
        at = self._at(slice(None))
        return None if at is None else _number(self._law.forward(at))

    def gradient(self, role: str, rows: Array) -> Ball | None:
        """+∂E/∂p of some of them."""
        at, columns = self._at(rows), self._columns
        if at is None:
            return None
        own = np.array([node.column for node in self.nodes])[rows]
        at.dy, at.role = columns.ball(columns.deltas[own][:, :, None], self._fmt), role
        found: Num | Product = self._law.gradient(at)
        return _number(-total([found]))


class _Updates:
    """Parameters of one shape, updated by one rule."""

    def __init__(self, names: Sequence[str], plan: Plan, columns: Columns, balls: Balls, law: Any, fmt: Any) -> None:
        self.names = names
        self.shape = plan.parameters[names[0]].shape
        self._plan, self._columns, self._balls, self._law, self._fmt = plan, columns, balls, law, fmt

    def ball(self, slot: str = "") -> Ball | None:
        """The parameters after the step, or one of their slots."""
        rule, slots = self._plan.network.update, self._plan.slot_paths
        w = self._given(self.names)
        gradient = self._columns.recorded([f"{name}.gradient" for name in self.names], self.shape)
        before: Mapping[str, Any] = {
            one: self._given([f"{slots[name][one]}.before" for name in self.names]) for one in rule.slots
        }
        if w is None or any(x is None for x in before.values()):
            return None
        t = self._balls.values.given["t"]
        at = UpdateAt(rule, t, w, self._columns.ball(gradient, self._fmt), before, slot)
        return _number(self._law.slot(at) if slot else self._law.parameter(at))

    def _given(self, paths: Sequence[str]) -> Ball | None:
        given = self._balls.values.given
        x = np.concatenate([given[path].reshape(1, -1) for path in paths]).reshape(len(paths), *self.shape)
        return self._columns.ball(x.astype(np.float64, copy=False), self._fmt, given=True)

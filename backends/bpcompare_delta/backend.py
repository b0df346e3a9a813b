"""Backpropagation as the textbook writes it: forward, base case, induction, gradient, update. NumPy and the laws, no autodiff.

This is the one backend that shares the laws with the certificate, so it is no independent witness; what it shows is the
algorithm, and what it is for is to be read, to be sabotaged, and to run where no framework is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from bpcompare.backend import Backend
from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import At, Sources, UpdateAt
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import total
from bpcompare.ops.op import Op
from bpcompare.plan import Batch, Plan
from bpcompare.plan.back import returned
from bpcompare.plan.record import Provenance, Record, StepRecord
from bpcompare_delta.nodes import Nodes, side_by_side

Arrays = Mapping[str, Array]


class Delta(Backend):
    """The hand-written Δ rule. `laws` may be another table: that is how a saboteur is made."""

    name: ClassVar[str] = "delta"
    voice: ClassVar[str] = "laws"
    table: ClassVar[Mapping[type[Op], Any]] = dict([*LAWS.ops.items(), *LAWS.updates.items()])

    def __init__(self, laws: Laws = LAWS) -> None:
        self.laws = laws

    @classmethod
    def version(cls) -> str:
        """NumPy's: the arithmetic is its."""
        return np.__version__

    def run(self, plan: Plan) -> Record:
        """Every step, one after the other."""
        started = perf_counter()
        steps: list[StepRecord] = []
        parameters, state, slots = plan.parameters, plan.state, plan.slots
        for number, batch in enumerate(plan.batches, 1):
            step = self.step(plan, batch, plan.updates_done + number, parameters, state, slots)
            parameters, state, slots = step.parameters, step.state, step.slots
            steps.append(step)
        provenance = Provenance("delta", "numpy", np.__version__, updater="bpcompare.laws.update")
        return Record(plan.digest, tuple(steps), replace(provenance, seconds=perf_counter() - started))

    def step(self, plan: Plan, batch: Batch, t: int, parameters: Arrays, state: Arrays, slots: Arrays) -> StepRecord:
        """One step: forward pass, Δ, gradients, update; each uses only the results of those before it.

        `t` is the number of the update, from 1. `parameters`, `state` and `slots` are arrays by path, as they are before the
        step.
        """
        with np.errstate(all="ignore"):  # overflow and NaN are the certificate's to report, with their place
            # Whoever writes one of the four methods anew writes it for one layer after the other.
            nodes = (Nodes(plan, batch, parameters, self.laws),) if type(self) is Delta and side_by_side(plan, self.laws) else ()
            net_in, a, error, new_state = self.forward(plan, batch, parameters, state, *nodes)
            back: dict[str, Any] = dict.fromkeys(returned(plan))
            looked_at = (*(nodes or (None,)), back) if type(self).backward is Delta.backward else nodes
            delta = self.backward(plan, batch, parameters, state, net_in, a, *looked_at)
            gradient = self.gradient(plan, batch, parameters, state, a, delta, *nodes)
            updated, new_slots = self.update(plan, t, parameters, gradient, slots, *nodes)
        a = {name: a[name] for name in plan.order}
        owned = _owner(plan)
        return StepRecord(
            error=owned(error),
            net_in={name: owned(net_in[name]) for name in plan.order},
            a={name: owned(x) for name, x in a.items()},
            delta={name: owned(delta[name]) for name in reversed(plan.order)},
            gradient={name: owned(gradient[name]) for name in plan.network.trainable},
            plain=None,
            parameters={name: owned(x) for name, x in updated.items()},
            state={name: owned(x) for name, x in new_state.items()},
            slots={name: owned(x) for name, x in new_slots.items()},
            back={name: owned(x) for name, x in back.items() if x is not None},
        )

    def forward(
        self, plan: Plan, batch: Batch, parameters: Arrays, state: Arrays, nodes: Nodes | None = None
    ) -> tuple[Arrays, Arrays, Any, Arrays]:
        """in_j = Σ_i w_ij a_i and a_j = g(in_j), sources first; then E, penalties and all. `nodes` are many single ones."""
        network = plan.network
        net_in: dict[str, Any] = {}
        a: dict[str, Any] = dict(batch.inputs)
        new_state = dict(state)
        for names in _each(plan.order) if nodes is None else nodes.forwards():
            name = names[0]
            if nodes is not None and name in nodes.by_name:
                for found, rows in zip((net_in, a), nodes.forward(names), strict=True):
                    found.update(zip(names, rows, strict=True))
                continue
            layer = network.layers[name]
            law, at = self._at(plan, name, batch, parameters, state, a)
            net_in[name] = law.forward(at)
            for key, path in plan.state_paths[name].items():
                new_state[path] = law.state(at.but(name=key))
            a[name] = self.laws.of(f"{name}.g", layer.g).forward(At(layer.g, [net_in[name]]))
            if nodes is not None:
                nodes.activation(name, a[name])
        op = network.error.op
        error = self.laws.of("error", op).forward(At(op, [a[network.error.of], batch.target]))
        terms = [law.forward(at) for law, at in (self._penalty(plan, name, parameters) for name in network.penalties)]
        return net_in, a, total([error, *terms]), new_state

    def backward(
        self,
        plan: Plan,
        batch: Batch,
        parameters: Arrays,
        state: Arrays,
        net_in: Arrays,
        a: Arrays,
        nodes: Nodes | None = None,
        back: dict[str, Any] | None = None,
    ) -> Arrays:
        """Δ_j = g'(in_j) Σ_k w_jk Δ_k over all k that j feeds; an output node's sum starts with −∂E/∂a (the base case).

        The sums of the layers that are in `back` are kept there.
        """
        network, error = plan.network, plan.network.error
        delta: dict[str, Any] = {}
        for names in _each(reversed(plan.order)) if nodes is None else nodes.backwards():
            name = names[0]
            if nodes is not None and nodes.read(name):
                delta.update(zip(names, nodes.backward(names, net_in), strict=True))
                continue
            terms = []
            if name == error.of:
                terms.append(self.laws.of("error", error.op).delta(At(error.op, [a[name], batch.target])))
            for consumer, slot in network.consumers[name]:
                law, at = self._at(plan, consumer, batch, parameters, state, a)
                terms.append(law.delta(at.but(dy=delta[consumer], slot=slot)))
            g = network.layers[name].g
            dy = total(terms)
            if back is not None and name in back:
                back[name] = dy
            delta[name] = self.laws.of(f"{name}.g", g).delta(At(g, [net_in[name]], dy=dy))
            if nodes is not None:
                nodes.delta(name, delta[name])
        return delta

    def gradient(
        self, plan: Plan, batch: Batch, parameters: Arrays, state: Arrays, a: Arrays, delta: Arrays, nodes: Nodes | None = None
    ) -> Arrays:
        """−∂E/∂w_ij = a_i Δ_j, added up over every layer that uses the parameter, and its penalty; recorded as +∂E/∂w."""
        network = plan.network
        gradient = {} if nodes is None else dict(nodes.gradients())
        for parameter in network.trainable:
            if parameter in gradient:
                continue
            terms = []
            for name, role in network.uses[parameter]:
                law, at = self._at(plan, name, batch, parameters, state, a)
                terms.append(law.gradient(at.but(dy=delta[name], role=role)))
            if parameter in network.penalties:
                law, at = self._penalty(plan, parameter, parameters)
                terms.append(law.gradient(at.but(role="w")))
            gradient[parameter] = -total(terms)
        return gradient

    def update(
        self, plan: Plan, t: int, parameters: Arrays, gradient: Arrays, slots: Arrays, nodes: Nodes | None = None
    ) -> tuple[Arrays, Arrays]:
        """w_ij ← w_ij + η a_i Δ_j, or as the update rule says; frozen parameters stay."""
        rule = plan.network.update
        updated, new_slots = dict(parameters), dict(slots)
        done = set()
        for name, w, held in nodes.updates(t, gradient, slots) if nodes is not None else ():
            done.add(name)
            updated[name] = w
            new_slots.update(held)
        for parameter, paths in plan.slot_paths.items():
            if parameter in done:
                continue
            law = self.laws.update(parameter, rule)
            before = {slot: slots[path] for slot, path in paths.items()}
            at = UpdateAt(rule, t, parameters[parameter], gradient[parameter], before)
            updated[parameter] = law.parameter(at)
            for slot, path in paths.items():
                new_slots[path] = law.slot(at.but(name=slot))
        return updated, new_slots

    def _penalty(self, plan: Plan, parameter: str, parameters: Arrays) -> tuple[Any, At[Any]]:
        """The law of a parameter's penalty, and where it is asked."""
        op = plan.network.penalties[parameter]
        return self.laws.of(f"{parameter}.penalty", op), At(op, [], {"w": parameters[parameter]})

    def _at(self, plan: Plan, name: str, batch: Batch, parameters: Arrays, state: Arrays, a: Arrays) -> tuple[Any, At[Any]]:
        """The law at layer `name`, and where it is asked: with its sources, parameters by role, draws and state."""
        layer = plan.network.layers[name]
        xs = Sources(layer.sources, plan.network.starts[name], a.__getitem__)
        p = {role: parameters[path] for role, path in layer.parameters.items()}
        c = {key: batch.draws[path] for key, path in plan.draw_paths[name].items()}
        c |= {key: state[path] for key, path in plan.state_paths[name].items()}
        return self.laws.of(name, layer.op), At(layer.op, xs, p, c)


def _each(names: Iterable[str]) -> Iterator[tuple[str]]:
    """One layer at a time."""
    return ((name,) for name in names)


def _owner(plan: Plan) -> Any:
    """Makes arrays the record's own: the plan's dtype, contiguous, no view of anything else."""
    dtype = np.dtype(plan.dtype)
    seen: set[int] = set()

    def owned(x: Any) -> Array:
        if type(x) is np.ndarray and x.base is not None and x.dtype == dtype:
            return x.copy()
        array = np.ascontiguousarray(x, dtype=dtype) if np.ndim(x) else np.array(x, dtype=dtype)
        if array.base is not None or not array.flags.writeable or id(array) in seen:
            array = array.copy()
        seen.add(id(array))
        return array

    return owned

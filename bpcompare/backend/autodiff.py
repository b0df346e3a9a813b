"""What every framework that differentiates by itself shares: the walk through the graph and the order of a step.

Carries numbers between the framework and the Record; makes none. A backend adds a lowering table and four verbs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from bpcompare.backend.backend import Backend
from bpcompare.network.parameter import Array
from bpcompare.ops.op import UpdateOp
from bpcompare.plan import Batch, Plan
from bpcompare.plan.record import Provenance, Record, StepRecord

T = TypeVar("T")
Tap = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Feed(Generic[T]):
    """What a step computes on besides parameters, as framework arrays: inputs by name, target, draws and state by path."""

    inputs: Mapping[str, T]
    target: T
    draws: Mapping[str, T]
    state: Mapping[str, T]


@dataclass(frozen=True)
class Walked(Generic[T]):
    """What one walk computed: E, in and a by layer, the new state by path; +∂E/∂a by layer, where that was looked at."""

    error: T
    net_in: Mapping[str, T]
    a: Mapping[str, T]
    state: Mapping[str, T]
    back: Mapping[str, T] = field(default_factory=dict)


@dataclass(frozen=True)
class Lowered(Generic[T]):
    """What a lowering returns when its op has state: the output, and the new state by name."""

    y: T
    state: Mapping[str, T] = field(default_factory=dict)


Walk = Callable[..., Walked[T]]
"""walk(parameters, feed, tap): `tap(layer, in)` returns the `in` to go on with; the place to watch or to add a probe.

A fourth argument does the same for a.
"""


def trainable(plan: Plan, parameters: Mapping[str, T]) -> dict[str, T]:
    """The parameters that are trained."""
    return {name: parameters[name] for name in plan.network.trainable}


def asked(plan: Plan, parameters: Mapping[str, T], net_in: Mapping[str, T]) -> list[T]:
    """What a step asks the gradient of, one after the other: the parameters that are trained, then every layer's `in`."""
    return [*trainable(plan, parameters).values(), *(net_in[layer] for layer in plan.order)]


def answered(plan: Plan, found: Sequence[T]) -> tuple[dict[str, T], dict[str, T]]:
    """The gradients of what was `asked`, by parameter and by layer."""
    names = plan.network.trainable
    return dict(zip(names, found[: len(names)], strict=True)), dict(zip(plan.order, found[len(names) :], strict=True))


def one_by_one(
    rule: Callable[[T, T, Mapping[str, T]], tuple[T, Mapping[str, T]]],
    parameters: Mapping[str, T],
    gradients: Mapping[str, T],
    slots: Mapping[str, Mapping[str, T]],
) -> tuple[dict[str, T], dict[str, Mapping[str, T]]]:
    """`rule(parameter, gradient, its slots)` for each parameter alone: new parameters and new slots, as `descend` gives them."""
    moved = {name: rule(w, gradients[name], slots[name]) for name, w in parameters.items()}
    return {name: w for name, (w, _) in moved.items()}, {name: state for name, (_, state) in moved.items()}


def _turned(x: Array) -> Array:
    """−x, in its place where that may be: what `numpy` gives is ours."""
    return np.negative(x, out=x) if x.flags.writeable and x.ndim else np.negative(x)


class AutodiffBackend(Backend, Generic[T]):
    """A backend whose framework computes the gradient. Subclasses fill in `table` and the abstract verbs below.

    A lowering is called as `f(op, xs, parameters, extra)`: framework arrays of the sources, parameters by role, and draws and
    state by name. It returns the output, or `Lowered` when the op has state. Errors get xs = (a, target). Penalties get
    the parameter under the role "w", and what they return is added to E. Updates are the business of `descend` (their rows in
    the table are its own).

    `passive`: `differentiate` computes what a user's own call computes, and only looks on. Then a run has no plain gradient
    beside it; that both have the same bits is for the backend's tests.
    """

    passive: ClassVar[bool] = False

    @abstractmethod
    def provenance(self, plan: Plan) -> Provenance:
        """Framework, version, mode and switches of this run; `seconds` is filled in afterwards."""

    @abstractmethod
    def array(self, x: Array) -> T:
        """A framework array of equal dtype, shape and values that shares no memory with `x`."""

    @abstractmethod
    def numpy(self, x: T) -> Array:
        """The reverse: a NumPy array that owns its memory."""

    @abstractmethod
    def differentiate(
        self, plan: Plan, walk: Walk[T], parameters: Mapping[str, T], feed: Feed[T]
    ) -> tuple[Walked[T], Mapping[str, T], Mapping[str, T]]:
        """One recorded step: what `walk` computed, +∂E/∂p by trainable parameter, +∂E/∂in by layer.

        `walk(parameters, feed, tap)` runs the forward pass and goes on with `tap(layer, in)` at every layer. A derivative
        has the shape of what it is taken by; an `in` has the examples first.
        """

    @abstractmethod
    def plain_gradient(self, plan: Plan, walk: Walk[T], parameters: Mapping[str, T], feed: Feed[T]) -> Mapping[str, T]:
        """+∂E/∂p by trainable parameter, as a user of the framework would compute it, without reading any other derivative."""

    def known(self, plan: Plan) -> bool:  # noqa: ARG002 — for those who keep what they compile
        """Whether the plain gradient of the very same compiled code had the same bits in an earlier run: then none is made."""
        return False

    def compared(self, plan: Plan, *, same: bool) -> None:
        """Told whether the plain gradient had the bits of the recorded one."""

    def apart(self, y: T) -> T:
        """`y`, which an op has handed on as it was, as a tensor of its own: where `in` itself is watched, not a value by name."""
        return y

    @abstractmethod
    def descend(
        self,
        update: UpdateOp,
        t: int,
        parameters: Mapping[str, T],
        gradients: Mapping[str, T],
        slots: Mapping[str, Mapping[str, T]],
    ) -> tuple[Mapping[str, T], Mapping[str, Mapping[str, T]]]:
        """The framework's own optimizer, one step: new parameters and new slots (by parameter, then slot name).

        `t` is the number of this update, counted from 1. Only trainable parameters are passed. Nothing is changed in place.
        """

    def run(self, plan: Plan) -> Record:
        """Every step of the plan: forward, gradient, update; in the first step the plain gradient, too, unless it is `passive`.

        One step tells whether watching changed the answer: what is computed is the same in all of them.
        """
        started = perf_counter()
        network = plan.network
        walk = self._walk(plan)
        parameters = {name: self.array(value) for name, value in plan.parameters.items()}
        state = {path: self.array(value) for path, value in plan.state.items()}
        slots: Mapping[str, Mapping[str, T]] = {
            p: {slot: self.array(plan.slots[path]) for slot, path in paths.items()} for p, paths in plan.slot_paths.items()
        }
        steps = []
        for number, batch in enumerate(plan.batches, 1):
            feed = self._feed(batch, state)
            walked, gradients, din = self.differentiate(plan, walk, parameters, feed)
            gradients = dict(gradients)
            unwatched = number == 1 and not self.passive and not self.known(plan)
            plain = dict(self.plain_gradient(plan, walk, parameters, feed)) if unwatched else None
            free = trainable(plan, parameters)
            updated, slots = (
                self.descend(network.update, plan.updates_done + number, free, gradients, slots) if free else ({}, slots)
            )
            parameters, state = {**parameters, **updated}, {**state, **walked.state}
            del free, updated, feed  # from here on nobody needs what the step began with
            steps.append(
                StepRecord(
                    error=self.numpy(walked.error),
                    net_in=self._numpy(walked.net_in),
                    a=self._numpy(walked.a),
                    delta={name: _turned(self.numpy(x)) for name, x in din.items()},
                    gradient=self._taken(gradients),
                    plain=None if plain is None else self._taken(plain),
                    parameters=self._numpy(parameters) if number < len(plan.batches) else self._taken(parameters),
                    state=self._numpy(state),
                    slots={
                        path: self.numpy(slots[p][slot]) for p, paths in plan.slot_paths.items() for slot, path in paths.items()
                    },
                    back={name: _turned(self.numpy(x)) for name, x in walked.back.items()},
                )
            )
        if steps and steps[0].plain is not None:
            self.compared(plan, same=all(np.array_equal(x, steps[0].gradient[name]) for name, x in steps[0].plain.items()))
        provenance = self.provenance(plan)
        seconds = perf_counter() - started
        return Record(plan.digest, tuple(steps), replace(provenance, seconds=seconds))

    def _numpy(self, arrays: Mapping[str, T]) -> Mapping[str, Array]:
        return {name: self.numpy(x) for name, x in arrays.items()}

    def _taken(self, arrays: dict[str, T]) -> Mapping[str, Array]:
        """The same, each taken away as soon as there is its copy: both of all at once would be what needs most memory."""
        return {name: self.numpy(arrays.pop(name)) for name in list(arrays)}

    def _feed(self, batch: Batch, state: Mapping[str, T]) -> Feed[T]:
        return Feed(
            {name: self.array(x) for name, x in batch.inputs.items()},
            self.array(batch.target),
            {path: self.array(x) for path, x in batch.draws.items()},
            state,
        )

    def _walk(self, plan: Plan) -> Walk[T]:
        # What it holds on to has no numbers of the plan: a compiled walk may outlive them.
        layers, penalties, table = plan.network.layers, plan.network.penalties, self.table
        error_op, of = plan.network.error.op, plan.network.error.of
        order, draw_paths, state_paths = plan.order, plan.draw_paths, plan.state_paths

        def walk(parameters: Mapping[str, T], feed: Feed[T], tap: Tap, after: Tap = lambda _, a: a) -> Walked[T]:
            net_in: dict[str, T] = {}
            a: dict[str, T] = dict(feed.inputs)
            state: dict[str, T] = {}
            for name in order:
                layer = layers[name]
                xs = tuple(a[source] for source in layer.sources)
                roles = {role: parameters[p] for role, p in layer.parameters.items()}
                extra = {key: feed.draws[path] for key, path in draw_paths[name].items()}
                extra |= {key: feed.state[path] for key, path in state_paths[name].items()}
                y = table[type(layer.op)](layer.op, xs, roles, extra)
                if isinstance(y, Lowered):
                    state |= {state_paths[name][key]: value for key, value in y.state.items()}
                    y = y.y
                handed_on = any(y is x for x in (*xs, *roles.values(), *extra.values()))
                net_in[name] = tap(name, self.apart(y) if handed_on else y)
                a[name] = after(name, table[type(layer.g)](layer.g, (net_in[name],), {}, {}))
            error = table[type(error_op)](error_op, (a[of], feed.target), {}, {})
            for name, penalty in penalties.items():
                error = error + table[type(penalty)](penalty, (), {"w": parameters[name]}, {})
            return Walked(error, net_in, {name: a[name] for name in order}, state)

        return walk

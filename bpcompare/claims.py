"""The proof as a list: every step of the induction for one network, with what it rests on and how to evaluate it.

Certificate, oracle, diagnosis and exact mode all read this one list. A claim names quantities of one step by path; whoever
evaluates it supplies a lookup from path to number, in the arithmetic of their choice.

Premises that a plan (or the step before) supplies: "x.a" of an input x, "target", "drop.mask", a parameter's id for its value
before the step, "….before" for state and slots before the step, "t" for the number of the update. All others are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bpcompare.arithmetic import Num, total
from bpcompare.laws import Laws
from bpcompare.laws.law import Sources
from bpcompare.ops.op import Op
from bpcompare.plan import Plan

Statement = Literal["forward", "base", "inductive", "gradient", "update", "state"]
Lookup = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """One recorded quantity and the step of the proof it must satisfy.

    `subject` is the layer or parameter it belongs to, `owners` the laws it uses with their ops, `reads()` the paths it rests
    on, `value(lookup, laws)` what the laws make of them.
    """

    path: str
    statement: Statement
    subject: str
    owners: tuple[tuple[str, Op], ...]
    reads: Callable[[], tuple[str, ...]]
    value: Callable[[Lookup, Laws], Num]

    @property
    def premises(self) -> tuple[str, ...]:
        """The paths it rests on, each once. Listed when asked for: at a wide fork they are many."""
        return tuple(dict.fromkeys(self.reads()))


def claims(plan: Plan) -> tuple[Claim, ...]:
    """Every claim of one step of `plan`, each after those it rests on: forward, E, Δ in reverse order, gradients, updates.

    The same list holds for every step. Every layer, trainable parameter, slot and state appears exactly once.
    """
    network = plan.network
    found = []
    for name in plan.order:
        found += [_net_input(plan, name), _activation(plan, name), *_states(plan, name)]
    found.append(_error(plan))
    found += [_delta(plan, name) for name in reversed(plan.order)]
    found += [_gradient(plan, parameter) for parameter in network.trainable]
    for parameter in network.parameters:
        found += _updates(plan, parameter)
    return tuple(found)


def _net_input(plan: Plan, name: str) -> Claim:
    layer = plan.network.layers[name]
    op, sources, roles = layer.op, tuple(f"{s}.a" for s in layer.sources), dict(layer.parameters)
    extra = _extra(plan, name)

    def value(get: Lookup, laws: Laws) -> Num:
        p = {role: get(path) for role, path in roles.items()}
        return laws.of(name, op).forward(op, [get(s) for s in sources], p, {key: get(path) for key, path in extra.items()})

    return Claim(f"{name}.in", "forward", name, ((name, op),), lambda: (*sources, *roles.values(), *extra.values()), value)


def _sources(plan: Plan, name: str, get: Lookup) -> Sources:
    """What a layer reads, looked up when the law asks for it."""
    network = plan.network
    return Sources(network.layers[name].sources, network.starts[name], lambda source: get(f"{source}.a"))


def _extra(plan: Plan, name: str) -> dict[str, str]:
    extra = dict(plan.draw_paths[name])
    return extra | {key: f"{path}.before" for key, path in plan.state_paths[name].items()}


def _activation(plan: Plan, name: str) -> Claim:
    g, owner, premise = plan.network.layers[name].g, f"{name}.g", f"{name}.in"

    def value(get: Lookup, laws: Laws) -> Num:
        return laws.of(owner, g).forward(g, [get(premise)], {}, {})

    return Claim(f"{name}.a", "forward", name, ((owner, g),), lambda: (premise,), value)


def _states(plan: Plan, name: str) -> list[Claim]:
    layer = plan.network.layers[name]
    op, sources, roles = layer.op, tuple(f"{s}.a" for s in layer.sources), dict(layer.parameters)
    extra = _extra(plan, name)

    def claim(key: str, path: str) -> Claim:
        def value(get: Lookup, laws: Laws) -> Num:
            p = {role: get(path) for role, path in roles.items()}
            c = {key: get(path) for key, path in extra.items()}
            return laws.of(name, op).state(op, [get(s) for s in sources], p, c, key)

        return Claim(path, "state", name, ((name, op),), lambda: (*sources, *roles.values(), *extra.values()), value)

    return [claim(key, path) for key, path in plan.state_paths[name].items()]


def _error(plan: Plan) -> Claim:
    error = plan.network.error
    premises = (f"{error.of}.a", "target")

    def value(get: Lookup, laws: Laws) -> Num:
        return laws.of("error", error.op).forward(error.op, [get(path) for path in premises], {}, {})

    return Claim("error", "forward", "error", (("error", error.op),), lambda: premises, value)


def _delta(plan: Plan, name: str) -> Claim:
    network = plan.network
    g, error = network.layers[name].g, network.error
    output = error.of == name
    consumers = network.consumers[name]
    owners: list[tuple[str, Op]] = [(f"{name}.g", g)]
    if output:
        owners.append(("error", error.op))
    owners += [(consumer, network.layers[consumer].op) for consumer, _ in consumers]

    def reads() -> tuple[str, ...]:
        own = (f"{name}.in", f"{name}.a", "target") if output else (f"{name}.in",)
        return own + _read_at(plan, dict.fromkeys(consumer for consumer, _ in consumers))

    def value(get: Lookup, laws: Laws) -> Num:
        terms = []
        if output:
            end = [get(f"{name}.a"), get("target")]
            terms.append(laws.of("error", error.op).delta(error.op, end, {}, None, {}, 0))
        for consumer, slot in consumers:
            layer = network.layers[consumer]
            xs = _sources(plan, consumer, get)
            p = {role: get(path) for role, path in layer.parameters.items()}
            c = {key: get(path) for key, path in _extra(plan, consumer).items()}
            terms.append(laws.of(consumer, layer.op).delta(layer.op, xs, p, get(f"{consumer}.delta"), c, slot))
        return laws.of(f"{name}.g", g).delta(g, [get(f"{name}.in")], {}, total(terms), {}, 0)

    statement: Statement = "base" if output else "inductive"
    return Claim(f"{name}.delta", statement, name, tuple(owners), reads, value)


def _read_at(plan: Plan, layers: Iterable[str]) -> tuple[str, ...]:
    """What the laws of `layers` read on the way back: sources, parameters, draws and state, and Δ."""
    found: list[str] = []
    for name in layers:
        layer = plan.network.layers[name]
        found += [f"{source}.a" for source in layer.sources]
        found += [*layer.parameters.values(), *_extra(plan, name).values(), f"{name}.delta"]
    return tuple(found)


def _gradient(plan: Plan, parameter: str) -> Claim:
    network = plan.network
    uses = network.uses[parameter]
    owners = tuple((name, network.layers[name].op) for name, _ in uses)

    def value(get: Lookup, laws: Laws) -> Num:
        terms = []
        for name, role in uses:
            layer = network.layers[name]
            xs = _sources(plan, name, get)
            p = {r: get(path) for r, path in layer.parameters.items()}
            c = {key: get(path) for key, path in _extra(plan, name).items()}
            terms.append(laws.of(name, layer.op).gradient(layer.op, xs, p, get(f"{name}.delta"), c, role))
        return -total(terms)

    def reads() -> tuple[str, ...]:
        return _read_at(plan, dict.fromkeys(name for name, _ in uses))

    return Claim(f"{parameter}.gradient", "gradient", parameter, owners, reads, value)


def _updates(plan: Plan, parameter: str) -> list[Claim]:
    update = plan.network.update
    path = f"{parameter}.update"
    if not plan.network.parameters[parameter].trainable:
        return [Claim(path, "update", parameter, (), lambda: (parameter,), lambda get, laws: get(parameter))]
    slots = plan.slot_paths[parameter]
    premises = (parameter, f"{parameter}.gradient", *(f"{slot}.before" for slot in slots.values()))

    def before(get: Lookup) -> tuple[int, Num, Num, dict[str, Num]]:
        return get("t"), get(parameter), get(premises[1]), {name: get(f"{slot}.before") for name, slot in slots.items()}

    def slot_claim(name: str, slot: str) -> Claim:
        def value(get: Lookup, laws: Laws) -> Num:
            return laws.update(parameter, update).slot(update, *before(get), name)

        return Claim(slot, "state", parameter, ((parameter, update),), lambda: premises, value)

    def value(get: Lookup, laws: Laws) -> Num:
        return laws.update(parameter, update).parameter(update, *before(get))

    last = Claim(path, "update", parameter, ((parameter, update),), lambda: premises, value)
    return [slot_claim(name, slot) for name, slot in slots.items()] + [last]

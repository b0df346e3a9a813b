"""Steps of training from the formulas by hand: forward example by example, derivatives by complex steps, updates as they stand.

f(x + ih) = f(x) + ih f'(x) + O(h²): with h = 1e-100, the imaginary part is the derivative to the last digits, and nothing is
subtracted. No formula of a derivative is written down here.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from bpcompare.ops.op import LayerOp
from bpcompare.plan import Batch, Plan
from by_hand import FORMULAS
from by_hand.normalization import running

H = 1e-100


def layer(op: LayerOp, xs: Any, p: Any, e: Any, examples: int) -> Any:
    """The op on a batch: example by example, unless it couples them."""
    formula = FORMULAS[type(op)]
    if op.couples_examples:
        return formula(op, xs, p, e)
    return np.stack([formula(op, [x[n] for x in xs], p, {key: x[n] for key, x in e.items()}) for n in range(examples)])


class Walk:
    """One forward pass, which can be gone again with one array changed: only what depends on it is worked out anew."""

    def __init__(self, plan: Plan, batch: Batch, parameters: Mapping[str, Any]) -> None:
        self.plan, self.batch, self.parameters = plan, batch, parameters
        self.net_in: dict[str, Any] = {}
        self.a: dict[str, Any] = {n: x if x.dtype.kind == "i" else x.astype("float64") for n, x in batch.inputs.items()}
        self.error = self._go(plan.order, self.net_in, self.a, parameters)

    def din(self, name: str) -> Any:
        """+∂E/∂in of a layer."""
        return _slopes(self.net_in[name], lambda x: self._again({name}, {name: x}, self.parameters))

    def gradient(self, parameter: str) -> Any:
        """+∂E/∂ a parameter."""
        users = {name for name, x in self.plan.network.layers.items() if parameter in x.parameters.values()}
        return _slopes(self.parameters[parameter], lambda x: self._again(users, {}, {**self.parameters, parameter: x}))

    def _again(self, changed: set[str], net_in: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        layers = self.plan.network.layers
        stale: list[str] = []
        for name in self.plan.order:
            if name in changed or not {*layers[name].sources}.isdisjoint(stale):
                stale.append(name)
        return self._go(stale, net_in, dict(self.a), parameters)

    def _go(self, names: Any, net_in: dict[str, Any], a: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        network, batch, examples = self.plan.network, self.batch, len(self.batch)
        for name in names:
            x = network.layers[name]
            if name not in net_in:
                roles = {role: parameters[p] for role, p in x.parameters.items()}
                draws = {key: batch.draws[path].astype("float64") for key, path in self.plan.draw_paths[name].items()}
                net_in[name] = layer(x.op, [a[s] for s in x.sources], roles, draws, examples)
            a[name] = np.stack([FORMULAS[type(x.g)](x.g, one) for one in net_in[name]])
        op, of = network.error.op, a[network.error.of]
        total = sum(FORMULAS[type(op)](op, of[n], batch.target[n]) for n in range(examples))
        penalties = sum(FORMULAS[type(one)](one, parameters[p]) for p, one in network.penalties.items())
        return op.scale * (total / examples if op.reduce == "mean" else total) + penalties


def _slopes(x: Any, error: Callable[[Any], Any]) -> Any:
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        z = np.array(x, "complex128")
        z[at] += 1j * H
        found[at] = np.imag(error(z)) / H
    return found


@cache
def arrays(plan: Plan) -> dict[str, Any]:
    """What a record of `plan` should hold, by step, kind and name."""
    found: dict[str, Any] = {}
    step = FORMULAS[type(plan.network.update)]
    parameters, state, slots = ({k: x.astype("float64") for k, x in d.items()} for d in (plan.parameters, plan.state, plan.slots))
    for number, batch in enumerate(plan.batches, 1):
        walk = Walk(plan, batch, parameters)
        gradients = {p: walk.gradient(p) for p in plan.network.trainable}
        state |= dict(_moved(plan, walk, state))
        for p, paths in plan.slot_paths.items():
            now = {slot: slots[path] for slot, path in paths.items()}
            w, moved = step(plan.network.update, plan.updates_done + number, parameters[p], gradients[p], now)
            parameters = {**parameters, p: w}
            slots |= {paths[slot]: x for slot, x in moved.items()}
        found[f"{number}.error"] = walk.error
        kinds = {
            "net_in": walk.net_in,
            "a": {name: walk.a[name] for name in plan.order},
            "delta": {name: -walk.din(name) for name in plan.order},
            "gradient": gradients,
            "parameters": parameters,
            "state": state,
            "slots": slots,
        }
        found |= {f"{number}.{kind}.{name}": x for kind, xs in kinds.items() for name, x in xs.items()}
    return found


def _moved(plan: Plan, walk: Walk, state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, paths in plan.state_paths.items():
        if paths:
            x = plan.network.layers[name]
            after = running(x.op, walk.a[x.sources[0]], {key: state[path] for key, path in paths.items()})
            yield from ((paths[key], value) for key, value in after.items())

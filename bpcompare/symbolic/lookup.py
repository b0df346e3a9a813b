"""The quantities of one step as symbols, what the laws say of them, and what differentiation says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import sympy

from bpcompare.claims import Claim
from bpcompare.laws import Laws
from bpcompare.network import Network
from bpcompare.ops import AdamW, Sgd
from bpcompare.plan import Plan
from bpcompare.symbolic.symbols import Cases, Symbols
from bpcompare.values import given_values

_GREEK = {"eta": "η", "epsilon": "ε", "momentum": "μ", "weight_decay": "λ", "beta1": "β₁", "beta2": "β₂"}


def generalized(plan: Plan) -> Plan:
    """`plan` with the hyperparameters of its ops as symbols that stand for any positive number."""
    network = plan.network
    layers = {
        name: replace(layer, op=_general(layer.op, name), g=_general(layer.g, f"{name}.g"))
        for name, layer in network.layers.items()
    }
    error = replace(network.error, op=_general(network.error.op, "error"))
    return replace(plan, network=replace(network, layers=layers, error=error, update=_general(network.update, "")))


def _general(op: Any, owner: str) -> Any:
    changed = {}
    for field in fields(op):
        value = getattr(op, field.name)
        # 1 and 0 are not some number among others: they leave a term out.
        if isinstance(value, float) and value not in (0.0, 1.0):
            symbol = _GREEK.get(field.name, field.name)
            changed[field.name] = sympy.Symbol(f"{symbol}_{owner}" if owner else symbol, positive=value > 0, real=True)
    return replace(op, **changed)


class Lookup:
    """Symbols by path, under one way through the laws' branches. `own` is the layer whose a is g(in); other a are symbols."""

    def __init__(self, plan: Plan, cases: Cases, laws: Laws, own: str) -> None:
        self.plan = plan
        self.network: Network = plan.network
        self.cases = cases
        self.laws = laws
        self.own = own
        self._given = given_values(plan, 1, None)
        self._known: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        """The quantity at `path`."""
        if path not in self._known:
            self._known[path] = self._made(path)
        return self._known[path]

    def _made(self, path: str) -> Any:
        if path == "t":
            return sympy.Symbol("t", positive=True, integer=True)
        if path in self._given:
            x = self._given[path]
            return self._symbols(path, x.shape) if x.dtype.kind == "f" else x
        name, _, kind = path.rpartition(".")
        if kind == "gradient":
            return self._symbols(path, self.plan.parameters[name].shape)
        if kind == "a" and name == self.own:
            g = self.network.layers[name].g
            return self.laws.of(f"{name}.g", g).forward(g, [self(f"{name}.in")], {}, {})
        return self._symbols(path, (len(self.plan.batches[0]), *self.network.shape(name)))

    def _symbols(self, path: str, shape: tuple[int, ...]) -> Symbols:
        found = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            found[index] = sympy.Symbol(f"{path}[{','.join(map(str, index))}]", real=True)
        return Symbols(found, self.cases)

    def law(self, claim: Claim) -> Symbols:
        """What the laws make of the claim's premises."""
        value = claim.value(self, self.laws)
        return value if isinstance(value, Symbols) else Symbols(value, self.cases)

    def truth(self, claim: Claim) -> Any:
        """What differentiating the forward pass gives, with Δ_k = −∂E/∂in_k of the nodes after this one as the hypothesis."""
        if claim.statement in ("base", "inductive"):
            return self._derivative(self._downstream(claim.subject), self(f"{claim.subject}.in"))
        if claim.statement == "gradient":
            found = self._derivative(self._through(dict(self.network.uses[claim.subject])), self(claim.subject))
            return Symbols(-found.x, self.cases)
        return self._written(claim)

    def _downstream(self, name: str) -> Any:
        """−E as far as it depends on this layer: −E itself where it feeds the error, and Σ Δ_k in_k of its consumers."""
        found = self._through({consumer: "" for consumer, _ in self.network.consumers[name]})
        error = self.network.error
        if error.of == name:
            value = self.laws.of("error", error.op).forward(error.op, [self(f"{name}.a"), self("target")], {}, {})
            found -= np.asarray(value.x).item()
        return found

    def _through(self, layers: Mapping[str, str]) -> Any:
        """Σ Δ_k in_k over all nodes k of `layers`: its derivative is Σ Δ_k ∂in_k, for each Δ_k is a number by now."""
        found: Any = sympy.Integer(0)
        for name in layers:
            layer = self.network.layers[name]
            xs = [self(f"{source}.a") for source in layer.sources]
            p = {role: self(path) for role, path in layer.parameters.items()}
            c = {key: self(path) for key, path in self.plan.draw_paths[name].items()}
            c |= {key: self(f"{path}.before") for key, path in self.plan.state_paths[name].items()}
            y = self.laws.of(name, layer.op).forward(layer.op, xs, p, c)
            found += sum((d * one for d, one in zip(self(f"{name}.delta").x.ravel(), y.x.ravel(), strict=True)), sympy.Integer(0))
        return found

    def _derivative(self, of: Any, by: Symbols) -> Symbols:
        found = np.empty(by.shape, dtype=object)
        for index in np.ndindex(*by.shape):
            found[index] = sympy.diff(of, by.x[index])
        return Symbols(found, self.cases)

    def _written(self, claim: Claim) -> Any:
        """The update as its paper writes it: w ← w + η a Δ is w − η g with g = −a Δ."""
        rule: Any = self.network.update
        w, g = self(claim.subject), self(f"{claim.subject}.gradient")
        last = claim.path.rpartition(".")[2]
        slots = {name: self(f"{path}.before") for name, path in self.plan.slot_paths[claim.subject].items()}
        if isinstance(rule, Sgd):
            d = g + rule.weight_decay * w if rule.weight_decay else g
            if not rule.momentum:
                return w - rule.eta * d
            velocity = rule.momentum * slots["velocity"] + d
            if last == "velocity":
                return velocity
            return w - rule.eta * (d + rule.momentum * velocity if rule.nesterov else velocity)
        m = rule.beta1 * slots["m"] + (1 - rule.beta1) * g
        v = rule.beta2 * slots["v"] + (1 - rule.beta2) * (g * g)
        if last in ("m", "v"):
            return m if last == "m" else v
        t = self("t")
        step = (m / (1 - rule.beta1**t)) / (np.sqrt(v / (1 - rule.beta2**t)) + rule.epsilon)
        if isinstance(rule, AdamW) and rule.weight_decay:
            step = step + rule.weight_decay * w
        return w - rule.eta * step

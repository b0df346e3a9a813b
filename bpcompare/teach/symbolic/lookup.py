"""The quantities of one step as symbols, what the laws say of them, and what differentiation says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import sympy

from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import At
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.downstream import downstream
from bpcompare.proof.values import given_values
from bpcompare.teach.symbolic.symbols import Cases, Symbols
from bpcompare.teach.symbolic.written import WRITTEN


def generalized(plan: Plan) -> Plan:
    """`plan` with the hyperparameters of its ops as symbols that stand for any positive number."""
    network = plan.network
    layers = {
        name: replace(layer, op=_general(layer.op, name), g=_general(layer.g, f"{name}.g"))
        for name, layer in network.layers.items()
    }
    error = replace(network.error, op=_general(network.error.op, "error"))
    parameters = {
        name: one if one.penalty is None else replace(one, penalty=_general(one.penalty, name))
        for name, one in network.parameters.items()
    }
    own = replace(network, layers=layers, parameters=parameters, error=error)
    return replace(plan, network=replace(own, update=_general(network.update, "")))


def _general(op: Any, owner: str) -> Any:
    changed = {}
    for field in fields(op):
        value = getattr(op, field.name)
        # 1 and 0 are not some number among others: they leave a term out.
        if isinstance(value, float) and value not in (0.0, 1.0):
            symbol = op.symbols.get(field.name, field.name)
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
        name, kind = Path(path).owner, Path(path).kind
        if kind == "gradient":
            return self._symbols(path, self.plan.parameters[name].shape)
        if kind == "a" and name == self.own:
            g = self.network.layers[name].g
            return self.laws.of(f"{name}.g", g).forward(At(g, [self(f"{name}.in")]))
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
            return self._derivative(self._downstream(f"{claim.subject}.in"), self(f"{claim.subject}.in"))
        if claim.statement == "gradient":
            return Symbols(-self._derivative(self._downstream(claim.subject), self(claim.subject)).x, self.cases)
        return self._written(claim)

    def _downstream(self, path: str) -> Any:
        """Σ Δ_y y − E over what depends on a value: its derivative is its Δ, for each Δ_y is a number by now."""
        found: Any = sympy.Integer(0)
        for delta, y in downstream(self.plan.program, path, self, self.laws):
            deltas = delta.x.ravel() if isinstance(delta, Symbols) else [sympy.Integer(-1)]
            found += sum((d * one for d, one in zip(deltas, np.asarray(y.x).ravel(), strict=True)), sympy.Integer(0))
        return found

    def _derivative(self, of: Any, by: Symbols) -> Symbols:
        found = np.empty(by.shape, dtype=object)
        for index in np.ndindex(*by.shape):
            found[index] = sympy.diff(of, by.x[index])
        return Symbols(found, self.cases)

    def _written(self, claim: Claim) -> Any:
        """The update as its paper writes it: w ← w + η a Δ is w − η g with g = −a Δ.

        Of rules that are not written out here once more, the law is the definition: what is shown is that a planted mistake is
        one.
        """
        rule: Any = self.network.update
        if type(rule) not in WRITTEN:
            return claim.value(self, LAWS)
        w, g = self(claim.subject), self(f"{claim.subject}.gradient")
        slots = {name: self(f"{path}.before") for name, path in self.plan.slot_paths[claim.subject].items()}
        t = self("t") if rule.slots else None
        after, moved = WRITTEN[type(rule)](rule, t, w, g, slots)
        return moved.get(claim.path.rpartition(".")[2], after)

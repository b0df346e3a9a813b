"""What is asked in each step, with correct numbers: so that one slip does not spoil the steps after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from bpcompare.formula import Difference, Expression, Negative, Product, Quantity, Quotient, Sum, arriving
from bpcompare.laws import LAWS
from bpcompare.network import Network
from bpcompare.ops import ERRORS, Sgd
from bpcompare.plan import Plan
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, given_values
from bpcompare.proof.worked import values


@dataclass(frozen=True, eq=False)
class Asked:
    """The questions of one claim: its elements in order (or None: all at once), and what the function is given for each."""

    claim: Claim
    indices: tuple[tuple[int, ...] | None, ...]
    given: tuple[dict[str, Any], ...]


class Sheet:
    """The correct numbers of a plan's first step, and the questions that follow from them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        listed = question(plan).claims
        given = given_values(plan, 1, None)
        run = values(plan, listed, LAWS)[0]
        self.values = StepValues(given, {claim.path: np.asarray(run[claim.path]) for claim in listed})
        self._claims = listed
        self._terms: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        """A quantity by path."""
        return self.values.given[path] if path in self.values.given else self.values.recorded[path]

    def asked(self, step: str, *, vectorized: bool) -> list[Asked]:
        """All questions of one of the four steps."""
        statement, ask = {
            "delta_output": ("base", self._nodes),
            "delta_hidden": ("inductive", self._nodes),
            "gradient": ("gradient", self._edges),
            "update": ("update", self._weights),
        }[step]
        trainable = self.plan.network.trainable
        mine = [claim for claim in self._claims if claim.statement == statement]
        return [ask(claim, vectorized=vectorized) for claim in mine if statement != "update" or claim.subject in trainable]

    def _nodes(self, claim: Claim, *, vectorized: bool) -> Asked:
        name, network = claim.subject, self.plan.network
        g = network.layers[name].g
        common: dict[str, Any] = {"g": {"name": g.name, "fields": asdict(g)}}
        output = network.error.of == name
        if output:
            common |= {"examples": len(self("target")), "outputs": prod(network.shape(name)), "scale": network.error.op.scale}
            common["reduce"] = network.error.op.reduce
        if vectorized:
            given = common | {"in_": self(f"{name}.in").tolist(), "a": self(f"{name}.a").tolist(), "out": self._layers_out(name)}
            return Asked(claim, (None,), (given | ({"t": self("target").tolist()} if output else {}),))
        rows, indices = [], []
        for index in np.ndindex(*self(claim.path).shape):
            here = common | {"in_": float(self(f"{name}.in")[index]), "a": float(self(f"{name}.a")[index])}
            here["out"] = self._out(name, index)
            rows.append(here | ({"t": float(self("target")[index])} if output else {}))
            indices.append(index)
        return Asked(claim, tuple(indices), tuple(rows))

    def _out(self, name: str, index: tuple[int, ...]) -> list[list[float]]:
        """(w_jk, Δ_k) of every node k that this one feeds."""
        if not self.plan.network.consumers[name]:
            return []
        return [[w, delta] for w, delta in _pairs(self._arriving(f"{name}.a").element(index))]

    def _arriving(self, path: str) -> Any:
        if path not in self._terms:
            self._terms[path] = arriving(self.plan.network, path, self.values)
        return self._terms[path]

    def _layers_out(self, name: str) -> list[Any]:
        network = self.plan.network
        found = []
        for consumer, slot in network.consumers[name]:
            start = network.starts[consumer][slot]
            w = self(network.layers[consumer].parameters["weight"])[start : start + network.shape(name)[0]]
            found.append([w.tolist(), self(f"{consumer}.delta").tolist()])
        return found

    def _edges(self, claim: Claim, *, vectorized: bool) -> Asked:
        network, uses = self.plan.network, self.plan.network.uses[claim.subject]
        if vectorized:
            ((name, role),) = uses
            layer = network.layers[name]
            delta = self(f"{name}.delta")
            a = np.concatenate([self(f"{source}.a") for source in layer.sources], axis=-1)
            a = a if role == "weight" else np.ones((len(delta), 1))
            return Asked(claim, (None,), ({"a": a.tolist(), "delta": delta.tolist()},))
        rows, indices = [], []
        for index in np.ndindex(*self(claim.path).shape):
            pairs = list(_pairs(self._arriving(claim.subject).element(index)))
            rows.append({"a": [a for a, _ in pairs], "delta": [delta for _, delta in pairs]})
            indices.append(index)
        return Asked(claim, tuple(indices), tuple(rows))

    def _weights(self, claim: Claim, *, vectorized: bool) -> Asked:
        rule: Any = self.plan.network.update
        common = {"eta": rule.eta}
        arrays = {"w": self(claim.subject), "gradient": self(f"{claim.subject}.gradient")}
        if rule.momentum:
            common["momentum"] = rule.momentum
            arrays["velocity"] = self(f"{claim.subject}.sgd.velocity.before")
        if rule.weight_decay:
            common["weight_decay"] = rule.weight_decay
        if vectorized:
            return Asked(claim, (None,), (common | {key: x.tolist() for key, x in arrays.items()},))
        indices = tuple(np.ndindex(*arrays["w"].shape))
        return Asked(claim, indices, tuple(common | {key: float(x[at]) for key, x in arrays.items()} for at in indices))


def _pairs(x: Expression, factor: float = 1.0) -> Iterator[tuple[float, float]]:
    """The Δ that a formula adds up, each with what it is multiplied by: the formula is Σ of these products, times `factor`."""
    match x:
        case Quantity(kind="delta"):
            yield factor, x.value
        case Sum():
            for term in x.terms:
                yield from _pairs(term, factor)
        case Difference():
            yield from _pairs(x.left, factor)
            yield from _pairs(x.right, -factor)
        case Negative():
            yield from _pairs(x.of, -factor)
        case Quotient():
            yield from _pairs(x.top, factor / x.bottom.value)
        case Product():
            for at, part in enumerate(x.factors):
                others = prod(other.value for other in (*x.factors[:at], *x.factors[at + 1 :]))
                yield from _pairs(part, factor * others)


def unfit(network: Network, steps: Sequence[str], *, vectorized: bool) -> list[str]:
    """Why these steps cannot be an exercise on this network; empty where they can."""
    problems = []
    if not network.error.op.elementwise and "delta_output" in steps:
        fit = ", ".join(error.name for error in ERRORS if error.elementwise)
        problems.append(f"delta_output: the error {network.error.op.name} looks at several outputs at once; {fit} can be asked")
    for name, layer in network.layers.items():
        if not layer.g.elementwise:
            problems.append(f"{name}: {layer.g.name} depends on all nodes of the layer")
        if layer.op.normalizes and "delta_hidden" in steps:
            problems.append(f"{name}: the Δ of {layer.op.name} is not a sum over the nodes that it feeds")
        if vectorized and layer.op.connects != "units":
            problems.append(f"{name}: vectorized exercises have dense layers only, this is {layer.op.name}")
    if "gradient" in steps and any(network.parameters[name].penalty for name in network.trainable):
        problems.append("gradient: with a penalty it is no sum of a Δ alone")
    if "update" in steps and not isinstance(network.update, Sgd):
        problems.append(f"update: {network.update.name} cannot be asked, sgd can")
    if vectorized and any(len(uses) != 1 for uses in network.uses.values()):
        problems.append("vectorized exercises have no shared parameters")
    hidden = [name for name in network.layers if name != network.error.of]
    if "delta_hidden" in steps and not hidden:
        problems.append("delta_hidden: there is no hidden layer")
    return problems

"""What is asked in each step, with correct numbers: so that one slip does not spoil the steps after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from bpcompare.claims import Claim, claims
from bpcompare.formula.pairs import Pairs, delta_pairs, gradient_pairs
from bpcompare.laws import LAWS
from bpcompare.network import Network
from bpcompare.ops import BinaryCrossEntropyWithLogits, Dense, HalfSquared, Huber, MeanSquared, Sgd, Softmax
from bpcompare.ops.op import Op
from bpcompare.plan import Plan
from bpcompare.values import StepValues, given_values
from bpcompare.worked import values

ERRORS = (HalfSquared, MeanSquared, BinaryCrossEntropyWithLogits, Huber)


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
        listed = claims(plan)
        given = given_values(plan, 1, None)
        run = values(plan, listed, LAWS)[0]
        self.values = StepValues(given, {claim.path: np.asarray(run[claim.path]) for claim in listed})
        self._claims = listed

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
        found: list[list[float]] = []
        for consumer, slot in self.plan.network.consumers[name]:
            for pair in delta_pairs(self.plan.network, consumer, slot, index, self) or []:
                found += [[w, delta] for w, delta in zip(*self._both(pair), strict=True)]
        return found

    def _both(self, pair: Pairs) -> tuple[list[float], list[float]]:
        right = self(pair.right)[tuple(pair.right_at.T)]
        left = np.full(len(right), pair.factor) if pair.left is None else self(pair.left)[tuple(pair.left_at.T)]
        return left.tolist(), right.tolist()

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
            pairs = [pair for name, role in uses for pair in gradient_pairs(network, name, role, index, self) or []]
            both = [self._both(pair) for pair in pairs]
            # In a gradient's pairs a stands on the left, and Δ on the right; a bias has a = 1.
            rows.append({"a": [x for left, _ in both for x in left], "delta": [x for _, right in both for x in right]})
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


def unfit(network: Network, steps: Sequence[str], *, vectorized: bool) -> list[str]:
    """Why these steps cannot be an exercise on this network; empty where they can."""
    problems = []
    if not isinstance(network.error.op, ERRORS) and "delta_output" in steps:
        problems.append(
            f"delta_output: the error {network.error.op.name} looks at several outputs at once; {_names(ERRORS)} can be asked"
        )
    for name, layer in network.layers.items():
        if isinstance(layer.g, Softmax):
            problems.append(f"{name}: softmax is no function of one node's in")
        if layer.op.name in ("layer_norm", "batch_norm") and {"delta_hidden", "gradient"} & set(steps):
            problems.append(f"{name}: the Δ rule of {layer.op.name} is no sum over the nodes it feeds")
        if vectorized and not isinstance(layer.op, Dense):
            problems.append(f"{name}: vectorized exercises have dense layers only, this is {layer.op.name}")
    if "update" in steps and not isinstance(network.update, Sgd):
        problems.append(f"update: {network.update.name} cannot be asked, sgd can")
    if vectorized and any(len(uses) != 1 for uses in network.uses.values()):
        problems.append("vectorized exercises have no shared parameters")
    hidden = [name for name in network.layers if name != network.error.of]
    if "delta_hidden" in steps and not hidden:
        problems.append("delta_hidden: there is no hidden layer")
    return problems


def _names(ops: Sequence[type[Op]]) -> str:
    return ", ".join(op.name for op in ops)

"""The step of the proof that was left, and its formula, from the equations of the ops it is about."""

from __future__ import annotations

from bpcompare.network import Network
from bpcompare.ops.op import Activation, Op
from bpcompare.proof.claims import Claim

STATEMENT = {
    "forward": "forward pass",
    "base": "base case: Δ at the output",
    "inductive": "inductive step: Δ from the nodes it feeds",
    "gradient": "gradient, from a and Δ",
    "update": "update",
    "state": "state after the step",
}
"""The statements of the proof in words."""


def rule(network: Network, claim: Claim) -> str:
    """The formula of a claim."""
    if not claim.owners:
        return "a frozen parameter stays as it is"
    if claim.statement in ("base", "inductive"):
        return _delta(network, claim)
    op = claim.owners[0][1]
    penalties = dict.fromkeys(op.equations for _, op in claim.owners if op.role == "penalty")
    if claim.statement == "gradient":
        return ";  with its penalty ".join([_gradient(op), *(about_gradient for _, about_gradient in penalties)])
    if claim.statement == "update":
        return op.in_short
    if claim.statement == "state":
        return op.equations[-1] if op.role == "layer" else "; ".join(op.equations[:-1])
    return ";  with penalties ".join([op.equations[0], *(about_error for about_error, _ in penalties)])


def _delta(network: Network, claim: Claim) -> str:
    g = network.layers[claim.subject].g
    others = [op for _, op in claim.owners[1:]]
    terms = []
    if claim.statement == "base":
        others = others[1:]
        error = network.error.op
        if not others and error.residual and g.elementwise:
            factors = "" if g.unchanged else "g'(in_k) "
            mean = " / examples" if error.reduce == "mean" else ""
            return f"Δ_k = {factors}(t_k − a_k){mean}{_with(g)}"
        terms.append(error.equations[1].partition(" = ")[2] + (", / examples" if error.reduce == "mean" else ""))
    if others and all(op.connects == "units" for op in others):
        if claim.statement == "inductive" and g.elementwise:
            slope = "" if g.unchanged else "g'(in_j) "
            return f"Δ_j = {slope}Σ_k w_jk Δ_k{_with(g)}"
        terms.append("Σ_k w_jk Δ_k")
    else:
        terms += [f"{op.name}: {op.equations[1] if op.role == 'layer' else op.equations[0]}" for op in dict.fromkeys(others)]
    summed = "; plus ".join(terms)
    if g.unchanged:
        return f"Δ = Δ_a = {summed}"
    return f"Δ_in = g'(in) Δ_a{_with(g)};  Δ_a = {summed}"


def _with(g: Activation) -> str:
    return "" if g.unchanged else f"  with {g.equations[1]}"


def _gradient(op: Op) -> str:
    stated = [equation for equation in op.equations if equation.startswith("−∂E/∂")]
    return stated[0] if stated else op.equations[-1]

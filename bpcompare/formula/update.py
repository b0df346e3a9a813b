"""Updates: the parameter and the optimizer's slots after the step, and running statistics."""

from __future__ import annotations

from typing import Any

from bpcompare.claims import Claim
from bpcompare.formula.expression import (
    Constant,
    Difference,
    Expression,
    Product,
    Quotient,
    Square,
    Sum,
    root,
    summed,
    times,
)
from bpcompare.formula.forward import moments
from bpcompare.formula.numbers import Numbers
from bpcompare.ops import AdamW, BatchNorm, Sgd


def update(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    """w after the step."""
    rule: Any = get.network.update
    w, g = get.quantity(claim.subject, index), get.quantity(f"{claim.subject}.gradient", index)
    eta = Constant(rule.eta, "η")
    if not isinstance(rule, Sgd):
        return _adam(claim, index, get, w, g, eta)
    decayed = _decayed(rule, w, g)
    if not rule.momentum:
        return Difference(w, Product((eta, summed(decayed))))
    mu = Constant(rule.momentum, "μ")
    velocity = Sum((Product((mu, get.quantity(_before(claim, "velocity", get), index))), *decayed))
    step = Sum((*decayed, Product((mu, velocity)))) if rule.nesterov else velocity
    return Difference(w, Product((eta, step)))


def state(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    """A slot of the optimizer, or a running statistic, after the step."""
    if claim.subject in get.network.layers:
        return _running(claim, index, get)
    rule: Any = get.network.update
    before = get.quantity(f"{claim.path}.before", index)
    w, g = get.quantity(claim.subject, index), get.quantity(f"{claim.subject}.gradient", index)
    if isinstance(rule, Sgd):
        return Sum((Product((Constant(rule.momentum, "μ"), before)), *_decayed(rule, w, g)))
    return _moment(rule, claim.path.rpartition(".")[2], before, g)


def _before(claim: Claim, slot: str, get: Numbers) -> str:
    return f"{claim.subject}.{get.network.update.name}.{slot}.before"


def _decayed(rule: Sgd, w: Expression, g: Expression) -> list[Expression]:
    return [g, Product((Constant(rule.weight_decay, "λ"), w))] if rule.weight_decay else [g]


def _moment(rule: Any, name: str, before: Expression, g: Expression) -> Expression:
    """β m + (1 − β) g, or with g²."""
    beta, symbol = (rule.beta1, "β₁") if name == "m" else (rule.beta2, "β₂")
    new = g if name == "m" else Square(g)
    return Sum((Product((Constant(beta, symbol), before)), Product((Constant(1 - beta, f"(1 − {symbol})"), new))))


def _adam(claim: Claim, index: Any, get: Numbers, w: Expression, g: Expression, eta: Expression) -> Expression:
    """w − η m̂/(√v̂ + ε), m̂ and v̂ as numbers: their own formulas are those of the slots, divided by 1 − βᵗ."""
    rule: Any = get.network.update
    t = int(get("t"))
    hat = {}
    for name, beta in (("m", rule.beta1), ("v", rule.beta2)):
        moment = _moment(rule, name, get.quantity(_before(claim, name, get), index), g)
        hat[name] = Constant(moment.value / (1 - beta**t), f"{name}̂")
    direction: Expression = Quotient(hat["m"], Sum((root(hat["v"]), Constant(rule.epsilon, "ε"))))
    if isinstance(rule, AdamW) and rule.weight_decay:
        direction = Sum((direction, Product((Constant(rule.weight_decay, "λ"), w))))
    return Difference(w, times(eta, direction))


def _running(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    op = get.network.layers[claim.subject].op
    if not isinstance(op, BatchNorm):
        return None
    mean, variance, part = moments(claim.subject, (0, index[0]), get)
    statistic, symbol = (mean, "μ") if claim.path.endswith("running_mean") else (variance, "σ²")
    if symbol == "σ²" and op.running_variance == "unbiased":
        statistic *= part.size / (part.size - 1)
    before = get.quantity(f"{claim.path}.before", index)
    old = Product((Constant(1 - op.momentum, "(1 − momentum)"), before))
    return Sum((old, Product((Constant(op.momentum, "momentum"), Constant(statistic, symbol)))))

"""The forward pass: in, a and E."""

from __future__ import annotations

from math import exp, log, prod
from typing import Any

import numpy as np

from bpcompare.claims import Claim
from bpcompare.formula.expression import (
    Apply,
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
from bpcompare.formula.numbers import Numbers, shortened
from bpcompare.formula.pairs import forward_pairs
from bpcompare.laws import LAWS
from bpcompare.ops import (
    BatchNorm,
    BinaryCrossEntropyWithLogits,
    HalfSquared,
    Huber,
    Identity,
    LayerNorm,
    MeanSquared,
    Softmax,
    SoftmaxCrossEntropy,
)
from bpcompare.ops.op import ErrorOp, Op

Index = tuple[int, ...]


def forward(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    """in = op(sources), a = g(in), or E."""
    name = claim.subject
    if claim.path == "error":
        return _error(get)
    if claim.path == f"{name}.a":
        return activation(name, index, get)
    layer = get.network.layers[name]
    if isinstance(layer.op, LayerNorm | BatchNorm):
        return _normalized(name, index, get)
    pairs = forward_pairs(get.network, name, index, get)
    if pairs is None:
        return None
    bias: list[Expression] = []
    if "bias" in layer.parameters:
        bias = [get.quantity(layer.parameters["bias"], (index[1],))]
    return summed(get.terms(pairs, bias))


def activation(name: str, index: Index, get: Numbers) -> Expression:
    """g(in), where g is no function of one number: softmax."""
    g, here = get.network.layers[name].g, get.quantity(f"{name}.in", index)
    if isinstance(g, Identity):
        return here
    if not isinstance(g, Softmax):
        return Apply(g.name, here, _function(name, g))
    row = get(f"{name}.in")[index[:-1]]
    top = Constant(float(row.max()), "max")
    e: list[Expression] = [
        Apply("exp", Difference(get.quantity(f"{name}.in", (*index[:-1], k)), top), exp) for k in range(len(row))
    ]
    return Quotient(e[index[-1]], summed(shortened(e)))


def slope(name: str, index: Index, get: Numbers) -> Expression:
    """g'(in), as a number: how it is worked out is the business of g."""
    g = get.network.layers[name].g
    if isinstance(g, Identity):
        return Constant(1.0)
    law: Any = LAWS.of(f"{name}.g", g)
    return Apply("g'", get.quantity(f"{name}.in", index), lambda x: float(law.g_prime(g, np.array([x]))[0]), opaque=True)


def _function(name: str, g: Op) -> Any:
    law: Any = LAWS.of(f"{name}.g", g)
    return lambda x: float(law.g(g, np.array([x]))[0])


def moments(name: str, index: Index, get: Numbers) -> tuple[float, float, Any]:
    """μ and σ² of a normalization at element `index`, and the part of the source that they were taken over."""
    layer = get.network.layers[name]
    x = get(f"{layer.sources[0]}.a")
    part = x[:, index[1]] if isinstance(layer.op, BatchNorm) else x[index[0]]
    return float(part.mean()), float(((part - part.mean()) ** 2).mean()), part


def affine(name: str, index: Index, get: Numbers) -> tuple[Expression, Expression]:
    """γ and β at element `index`."""
    layer = get.network.layers[name]
    at = (index[1],) if isinstance(layer.op, BatchNorm) else tuple(index[1:])
    return get.quantity(layer.parameters["scale"], at), get.quantity(layer.parameters["shift"], at)


def spread(name: str, index: Index, get: Numbers) -> Expression:
    """√(σ² + ε)."""
    op: Any = get.network.layers[name].op
    _, variance, _ = moments(name, index, get)
    return root(Sum((Constant(variance, "σ²"), Constant(op.epsilon, "ε"))))


def _normalized(name: str, index: Index, get: Numbers) -> Expression:
    mean, _, _ = moments(name, index, get)
    gamma, beta = affine(name, index, get)
    centred = Difference(get.quantity(f"{get.network.layers[name].sources[0]}.a", index), Constant(mean, "μ"))
    return Sum((Product((gamma, Quotient(centred, spread(name, index, get)))), beta))


def factor(op: ErrorOp, get: Numbers) -> list[Expression]:
    """What E is multiplied by besides its sum: the loss scale and 1 / examples, as far as they are not 1."""
    found: list[Expression] = [] if op.scale == 1 else [Constant(op.scale, "scale")]
    if isinstance(op, MeanSquared) and (outputs := prod(get(f"{get.network.error.of}.a").shape[1:])) > 1:
        found.append(Constant(1 / outputs, "1/outputs"))
    if op.reduce == "mean" and (examples := len(get("target"))) > 1:
        found.append(Constant(1 / examples, "1/examples"))
    return found


def _error(get: Numbers) -> Expression | None:
    error = get.network.error
    a, t = get(f"{error.of}.a"), get("target")
    classes = isinstance(error.op, SoftmaxCrossEntropy)
    places = np.argwhere(np.ones(a.shape[:-1] if classes else a.shape, bool))
    terms = shortened([_error_term(error.op, tuple(map(int, at)), a, t, get) for at in places])
    half = [Constant(0.5, "½")] if isinstance(error.op, HalfSquared) else []
    return times(*half, *factor(error.op, get), summed(terms))


def _error_term(op: ErrorOp, at: Index, a: Any, t: Any, get: Numbers) -> Expression:
    of = f"{get.network.error.of}.a"
    if isinstance(op, SoftmaxCrossEntropy):
        row = a[at]
        top = row.max()
        lse = Constant(float(top + np.log(np.exp(row - top).sum())), "ln Σ e^a")
        if op.integer_target:
            return Difference(lse, get.quantity(of, (*at, int(t[at]))))
        parts: list[Expression] = [
            times(get.quantity("target", (*at, k)), Difference(lse, get.quantity(of, (*at, k)))) for k in range(len(row))
        ]
        return summed(shortened(parts))
    target, here = get.quantity("target", at), get.quantity(of, at)
    if isinstance(op, BinaryCrossEntropyWithLogits):
        return Difference(Apply("softplus", here, lambda x: max(x, 0.0) + log(1 + exp(-abs(x)))), times(target, here))
    difference = Difference(target, here)
    if isinstance(op, Huber) and abs(difference.value) > op.threshold:
        d, size = Constant(op.threshold, "d"), Apply("abs", difference, abs)
        return times(d, Difference(size, times(Constant(0.5, "½"), d)))
    return times(Constant(0.5, "½"), Square(difference)) if isinstance(op, Huber) else Square(difference)

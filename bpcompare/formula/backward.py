"""The way back: Δ at the output, Δ from the nodes it feeds, and the gradients."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from bpcompare.claims import Claim
from bpcompare.formula.expression import (
    Apply,
    Constant,
    Difference,
    Expression,
    Negative,
    Product,
    Quotient,
    Sum,
    summed,
    times,
)
from bpcompare.formula.forward import affine, factor, moments, slope, spread
from bpcompare.formula.numbers import MOST, Numbers, shortened
from bpcompare.formula.pairs import Pairs, delta_pairs, gradient_pairs
from bpcompare.ops import (
    BatchNorm,
    BinaryCrossEntropyWithLogits,
    Huber,
    LayerNorm,
    MeanSquared,
    Softmax,
    SoftmaxCrossEntropy,
)

Index = tuple[int, ...]


def delta(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    """Δ_in = g'(in) Δ_a, with Δ_a from the error and from every node that this one feeds."""
    name = claim.subject
    arriving = _arriving(name, index, get)
    if not isinstance(get.network.layers[name].g, Softmax):
        return times(slope(name, index, get), arriving)
    a = get(f"{name}.a")[index[:-1]]
    every = [_arriving(name, (*index[:-1], k), get).value for k in range(len(a))]
    mean = Constant(float(sum(x * y for x, y in zip(a, every, strict=True))), "Σ a Δ_a")
    return Product((get.quantity(f"{name}.a", index), Difference(arriving, mean)))


def _arriving(name: str, index: Index, get: Numbers) -> Expression:
    """Δ_a: −∂E/∂a."""
    extra: list[Expression] = [_base(name, index, get)] if get.network.error.of == name else []
    pairs: list[Pairs] = []
    for consumer, slot in get.network.consumers[name]:
        found = delta_pairs(get.network, consumer, slot, index, get)
        if found is None:
            extra.append(_through_norm(consumer, index, get))
        else:
            pairs += found
    return summed(get.terms(pairs, extra, most=max(MOST, len(extra) + 2)))


def _base(name: str, index: Index, get: Numbers) -> Expression:
    """Δ_a from the error: t − a and its relatives, times what E is multiplied by."""
    op = get.network.error.op
    here = get.quantity(f"{name}.a", index)
    two = [Constant(2.0)] if isinstance(op, MeanSquared) else []
    if isinstance(op, SoftmaxCrossEntropy):
        toward = _toward_classes(op, name, index, get)
    elif isinstance(op, BinaryCrossEntropyWithLogits):
        toward = _ordered(get.quantity("target", index), Apply("sigmoid", here, _sigmoid), get)
    else:
        toward = _ordered(get.quantity("target", index), here, get)
        if isinstance(op, Huber) and abs(toward.value) > op.threshold:
            toward = Constant(float(np.copysign(op.threshold, toward.value)), "±d")
    written = times(*two, toward, *(one for one in factor(op, get) if not _examples(one)))
    for one in filter(_examples, factor(op, get)):
        written = Quotient(written, Constant(round(1 / one.value), "examples"))
    return written


def _examples(one: Expression) -> bool:
    return isinstance(one, Constant) and one.symbol == "1/examples"


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def _ordered(t: Expression, a: Expression, get: Numbers) -> Expression:
    """t − a, the textbook's; a − t where Δ is +∂E/∂in."""
    return Difference(a, t) if get.positive else Difference(t, a)


def _toward_classes(op: SoftmaxCrossEntropy, name: str, index: Index, get: Numbers) -> Expression:
    row = get(f"{name}.a")[index[:-1]]
    e = np.exp(row - row.max())
    share: Expression = Constant(float(e[index[-1]] / e.sum()), "softmax(a)")
    if op.integer_target:
        hit = int(get("target")[index[:-1]]) == index[-1]
        return _ordered(Constant(float(hit), "t"), share, get)
    whole = float(get("target")[index[:-1]].sum())
    return _ordered(get.quantity("target", index), times(share, Constant(whole, "Σ t" if whole != 1 else "")), get)


def _through_norm(name: str, index: Index, get: Numbers) -> Expression:
    """(s − mean(s) − x̂ mean(s x̂))/√(σ² + ε) with s = γ Δ."""
    layer = get.network.layers[name]
    mean, variance, part = moments(name, index, get)
    hats = (part - mean) / np.sqrt(variance + layer.op.epsilon)  # type: ignore[attr-defined]
    gammas = get(layer.parameters["scale"])
    deltas = get(f"{name}.delta")
    batch = isinstance(layer.op, BatchNorm)
    s = gammas[index[1]] * deltas[:, index[1]] if batch else gammas * deltas[index[0]]
    hat = hats[(index[0], *index[2:])] if batch else hats[tuple(index[1:])]
    own = Product((affine(name, index, get)[0], get.quantity(f"{name}.delta", index)))
    less = Product((Constant(float(hat), "x̂"), Constant(float((s * hats).mean()), "mean(γ Δ x̂)")))
    return Quotient(Difference(Difference(own, Constant(float(s.mean()), "mean(γ Δ)")), less), spread(name, index, get))


def gradient(claim: Claim, index: Any, get: Numbers) -> Expression | None:
    """∂E/∂p = −Σ a Δ, over examples, positions and every use of the parameter."""
    pairs: list[Pairs] = []
    extra: list[Expression] = []
    for name, role in get.network.uses[claim.subject]:
        if isinstance(get.network.layers[name].op, LayerNorm | BatchNorm):
            extra += _norm_gradient(name, role, index, get)
        else:
            pairs += gradient_pairs(get.network, name, role, index, get) or []
    terms = summed(get.terms(pairs, extra, most=max(MOST, len(extra) + 2)))
    if get.positive:
        return terms
    return terms if terms == Constant(0.0) else Negative(Sum((terms,)) if not isinstance(terms, Sum) else terms)


def _norm_gradient(name: str, role: str, index: Index, get: Numbers) -> list[Expression]:
    layer = get.network.layers[name]
    deltas = get(f"{name}.delta")
    batch = isinstance(layer.op, BatchNorm)
    places = [at for at in np.ndindex(*deltas.shape) if (at[1:2] if batch else at[1:]) == tuple(index)]
    terms: list[Expression] = []
    for at in places:
        here: Expression = get.quantity(f"{name}.delta", at)
        if role == "scale":
            mean, variance, _ = moments(name, at, get)
            x = get(f"{layer.sources[0]}.a")[at]
            hat = (x - mean) / np.sqrt(variance + layer.op.epsilon)  # type: ignore[attr-defined]
            here = Product((Constant(float(hat), "x̂"), here))
        terms.append(here)
    return shortened(terms)

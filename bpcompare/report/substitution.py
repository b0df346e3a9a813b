"""The formula with numbers: for small dense nets, what the backend at fault should have computed from its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.claims import Claim
from bpcompare.laws import LAWS
from bpcompare.network import Network
from bpcompare.ops import Dense, HalfSquared, Identity, Sgd, Softmax
from bpcompare.values import StepValues

MOST = 4
"""Terms of a sum that are written out."""


def substitution(network: Network, claim: Claim, index: tuple[int, ...], values: StepValues, result: float) -> str:
    """`g' * [w*Δ + w*Δ] = result` at element `index`; empty where there are too many terms, or the op has no such form."""
    written = _FORMS[claim.statement](network, claim, index, _Numbers(values)) if claim.owners else ""
    return f"{written} = {result:.7g}" if written else ""


class _Numbers:
    def __init__(self, values: StepValues) -> None:
        self._values = values

    def __call__(self, path: str) -> Any:
        given = self._values.given
        return np.asarray(given[path] if path in given else self._values.recorded[path], np.float64)


def _shown(x: Any) -> str:
    return f"{float(x):.6g}"


def _bracketed(x: Any) -> str:
    return f"({_shown(x)})" if float(x) < 0 or np.signbit(float(x)) else _shown(x)


def _sum(terms: list[tuple[Any, Any]]) -> str:
    return " + ".join(f"{_bracketed(w) if at else _shown(w)}*{_bracketed(x)}" for at, (w, x) in enumerate(terms))


def _forward(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    name = claim.subject
    if name not in network.layers:
        return ""
    layer = network.layers[name]
    if claim.path == f"{name}.a" and not isinstance(layer.g, Identity | Softmax):
        return f"{layer.g.name}({_shown(get(f'{name}.in')[index])})"
    if claim.path != f"{name}.in" or not isinstance(layer.op, Dense):
        return ""
    row, unit = index
    a = np.concatenate([get(f"{source}.a")[row] for source in layer.sources])
    w = get(layer.parameters["weight"])[:, unit]
    if a.size > MOST:
        return ""
    bias = f" + {_bracketed(get(layer.parameters['bias'])[unit])}" if "bias" in layer.parameters else ""
    return _sum(list(zip(w, a, strict=True))) + bias


def _slope(network: Network, name: str, index: tuple[int, ...], get: _Numbers) -> float | None:
    """g'(in) at one node; None where g' is a matrix."""
    g = network.layers[name].g
    if isinstance(g, Softmax):
        return None
    if isinstance(g, Identity):
        return 1.0
    law: Any = LAWS.of(f"{name}.g", g)
    return float(law.g_prime(g, get(f"{name}.in"))[index])


def _base(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    name, error = claim.subject, network.error.op
    slope = _slope(network, name, index, get)
    if slope is None or len(claim.owners) > 2 or not isinstance(error, HalfSquared) or error.scale != 1:
        return ""
    target, a = get("target"), get(f"{name}.a")
    factor = "" if isinstance(network.layers[name].g, Identity) else f"{_shown(slope)} * "
    examples = f" / {len(target)}" if error.reduce == "mean" and len(target) > 1 else ""
    return f"{factor}[{_shown(target[index])} - {_bracketed(a[index])}]{examples}"


def _inductive(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    name = claim.subject
    slope = _slope(network, name, index, get)
    if slope is None or len(network.shape(name)) != 1:
        return ""
    row, unit = index
    terms: list[tuple[Any, Any]] = []
    for consumer, slot in network.consumers[name]:
        layer = network.layers[consumer]
        if not isinstance(layer.op, Dense):
            return ""
        start = sum(network.shape(source)[0] for source in layer.sources[:slot])
        w, delta = get(layer.parameters["weight"])[start + unit], get(f"{consumer}.delta")[row]
        if len(terms) + delta.size > MOST:
            return ""
        terms += zip(w, delta, strict=True)
    factor = "" if isinstance(network.layers[name].g, Identity) else f"{_shown(slope)} * "
    return f"{factor}[{_sum(terms)}]"


def _gradient(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    if len(network.uses[claim.subject]) != 1:
        return ""
    ((name, role),) = network.uses[claim.subject]
    layer = network.layers[name]
    if not isinstance(layer.op, Dense):
        return ""
    delta = get(f"{name}.delta")[:, index[-1]]
    if delta.size > MOST:
        return ""
    if role == "bias":
        return f"-({' + '.join(_bracketed(x) if at else _shown(x) for at, x in enumerate(delta))})"
    a = np.concatenate([get(f"{source}.a") for source in layer.sources], axis=-1)[:, index[0]]
    return f"-[{_sum(list(zip(a, delta, strict=True)))}]"


def _update(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    rule = network.update
    if not isinstance(rule, Sgd) or rule.momentum or rule.weight_decay:
        return ""
    w, gradient = get(claim.subject)[index], get(f"{claim.subject}.gradient")[index]
    return f"{_shown(w)} - {_shown(rule.eta)}*{_bracketed(gradient)}"


def _none(network: Network, claim: Claim, index: tuple[int, ...], get: _Numbers) -> str:
    return ""


_FORMS: dict[str, Callable[[Network, Claim, tuple[int, ...], _Numbers], str]] = {
    "forward": _forward,
    "base": _base,
    "inductive": _inductive,
    "gradient": _gradient,
    "update": _update,
    "state": _none,
}

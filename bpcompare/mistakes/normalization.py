"""Mistakes in batch norm and layer norm: the terms of Δ, ε, the divisor of the variance, the running statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws.law import At
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_layers, examples
from bpcompare.network import Network
from bpcompare.numbers.number import total
from bpcompare.ops import BatchNorm, LayerNorm

EPSILONS = (1e-5, 1e-6, 1e-3, 1e-7, 1e-8, 1e-12, 0.0)
"""Values of ε that are somewhere the default or the habit, the likeliest first."""


def entries(network: Network, name: str) -> int:
    """How many entries of layer `name` a mean runs over."""
    shape = network.shape(name)
    if network.layers[name].op.couples_examples:
        return examples(network) * int(np.prod(shape[1:]))
    last = network.layers[name].op.last  # type: ignore[attr-defined]
    return int(np.prod(shape if last is None else shape[-last:]))


def _centred(law: Any, op: Any, x: Any) -> tuple[Any, float]:
    count = float(np.prod([x.shape[a] for a in law.axes(op, x)]))
    return x - total(x, axis=law.axes(op, x), keepdims=True) / count, count


def _mean(law: Any, op: Any, x: Any) -> Any:
    return total(x, axis=law.axes(op, x), keepdims=True) / float(np.prod([x.shape[a] for a in law.axes(op, x)]))


def _inverse_only(law: Any, at: At[Any]) -> Any:
    op, x = at.op, at.x
    centred, count = _centred(law, op, x)
    variance = total(centred * centred, axis=law.axes(op, x), keepdims=True) / count
    return law.spread(op, at.p["scale"], x) * at.dy * (1.0 / np.sqrt(variance + op.epsilon))


def _without_variance(law: Any, at: At[Any]) -> Any:
    through = _inverse_only(law, at)
    return through - _mean(law, at.op, through)


def _without_mean(law: Any, at: At[Any]) -> Any:
    op, x = at.op, at.x
    centred, _ = _centred(law, op, x)
    inverse = 1.0 / np.sqrt(_mean(law, op, centred * centred) + op.epsilon)
    hat, s = centred * inverse, law.spread(op, at.p["scale"], x) * at.dy
    return (s - hat * _mean(law, op, s * hat)) * inverse


def _normalizes(wrong: Callable[..., Any]) -> Places:
    def make(network: Network, name: str, law: Any) -> Any:
        # One example without positions has nothing to average over: its own mean is itself.
        if entries(network, name) == 1 and network.layers[name].op.couples_examples:
            return None
        return Altered(law, delta=lambda at: wrong(law, at))

    return at_layers(make, BatchNorm, LayerNorm)


def _as_if(law: Any, other: Callable[[Any], Any], *methods: str) -> Any:
    """The right formulas for another op: forward, Δ and gradient alike, as automatic differentiation of a wrong forward gives."""
    spoils = ("scale",) if "gradient" in methods else ()

    def method(name: str) -> Callable[..., Any]:
        return lambda at: getattr(law, name)(at.but(op=other(at.op)))

    return Altered(law, spoils, None, **{name: method(name) for name in methods})


_FORWARD, _ALL = ("forward",), ("forward", "delta", "gradient")
"""What is wrong: the forward pass alone, or Δ and gradient with it, as automatic differentiation of a wrong one gives."""


def _epsilon(value: float | None, methods: tuple[str, ...] = _ALL) -> Places:
    """ε with this value; None: with the first usual one that the op does not have."""

    def make(network: Network, name: str, law: Any) -> Any:
        op: Any = network.layers[name].op
        other = next(one for one in EPSILONS if one != op.epsilon) if value is None else value
        if other == op.epsilon:
            return None
        return _as_if(law, lambda op: replace(op, epsilon=other), *methods)

    return at_layers(make, BatchNorm, LayerNorm)


def _standardizing(
    inverse: Callable[[Any, Any, float], Any],
    weight: Callable[[Any, Any, float], Any],
    methods: tuple[str, ...] = _ALL,
) -> Places:
    """Another 1/σ: inverse(op, Σ(x − μ)², n). Δ and gradient follow it: the term through it is x̂ Σ(s x̂) weight(op, 1/σ, n)."""

    def make(network: Network, name: str, law: Any) -> Any:
        if entries(network, name) == 1:
            return None

        def parts(op: Any, x: Any) -> tuple[Any, Any, float]:
            centred, count = _centred(law, op, x)
            by = inverse(op, total(centred * centred, axis=law.axes(op, x), keepdims=True), count)
            return centred * by, by, count

        def forward(at: At[Any]) -> Any:
            op, x = at.op, at.x
            return law.spread(op, at.p["scale"], x) * parts(op, x)[0] + law.spread(op, at.p["shift"], x)

        def delta(at: At[Any]) -> Any:
            op, x = at.op, at.x
            hat, by, count = parts(op, x)
            s = law.spread(op, at.p["scale"], x) * at.dy
            along = total(s * hat, axis=law.axes(op, x), keepdims=True) * weight(op, by, count)
            return (s - _mean(law, op, s) - hat * along) * by

        def gradient(at: At[Any]) -> Any:
            return law.summed(at.op, parts(at.op, at.x)[0] * at.dy if at.role == "scale" else at.dy)

        wrong: dict[str, Callable[..., Any]] = {"forward": forward, "delta": delta, "gradient": gradient}
        return Altered(law, ("scale",) if "gradient" in methods else (), None, **{name: wrong[name] for name in methods})

    return at_layers(make, BatchNorm, LayerNorm)


def _unbiased(op: Any, squares: Any, count: float) -> Any:
    return 1.0 / np.sqrt(squares / (count - 1.0) + op.epsilon)


def _outside(op: Any, squares: Any, count: float) -> Any:
    return 1.0 / (np.sqrt(squares / count) + op.epsilon)


def _outside_unbiased(op: Any, squares: Any, count: float) -> Any:
    return 1.0 / (np.sqrt(squares / (count - 1.0)) + op.epsilon)


def _over_one_less(_op: Any, _by: Any, count: float) -> Any:
    return 1.0 / (count - 1.0)


def _over_sigma(less: float) -> Callable[[Any, Any, float], Any]:
    """1/(n σ 1/(σ + ε)), for the derivative of 1/(σ + ε)."""
    return lambda op, by, count: 1.0 / ((count - less) * (1.0 - op.epsilon * by))


def _running(change: Callable[[BatchNorm], dict[str, Any]]) -> Places:
    """Running statistics as those of another op, which differs by `change`."""

    def make(network: Network, name: str, law: Any) -> Any:
        op: Any = network.layers[name].op
        if replace(op, **change(op)) == op or entries(network, name) == 1:
            return None
        return _as_if(law, lambda op: replace(op, **change(op)), "state")

    return at_layers(make, BatchNorm)


def _swapped(op: BatchNorm) -> dict[str, Any]:
    return {"momentum": 1.0 - op.momentum}


def _other_divisor(op: BatchNorm) -> dict[str, Any]:
    return {"running_variance": "biased" if op.running_variance == "unbiased" else "unbiased"}


MISTAKES = (
    Mistake(
        "BP216",
        "mean and variance treated as constants",
        "Δ_x = γ Δ / √(σ² + ε)",
        "Δ_x = (γΔ − mean(γΔ) − x̂ mean(γΔ x̂)) / √(σ² + ε)",
        "Mean and variance are computed from the same inputs, so Δ flows through them too. True of batch and of layer norm.",
        _normalizes(_inverse_only),
    ),
    Mistake(
        "BP217",
        "normalization without its variance term",
        "Δ_x = (γΔ − mean(γΔ)) / √(σ² + ε)",
        "Δ_x = (γΔ − mean(γΔ) − x̂ mean(γΔ x̂)) / √(σ² + ε)",
        "The last term comes through the variance. The mean of Δ_x is zero without it as well, so the mean does not tell.",
        _normalizes(_without_variance),
    ),
    Mistake(
        "BP221",
        "normalization without its mean term",
        "Δ_x = (γΔ − x̂ mean(γΔ x̂)) / √(σ² + ε)",
        "Δ_x = (γΔ − mean(γΔ) − x̂ mean(γΔ x̂)) / √(σ² + ε)",
        "The middle term comes through the mean: every input moves it by 1/n. Without it the Δ_x no longer add up to zero.",
        _normalizes(_without_mean),
    ),
    Mistake(
        "BP503",
        "normalized by the unbiased variance",
        "x̂ = (x − μ)/√(Σ(x − μ)²/(n − 1) + ε)",
        "x̂ = (x − μ)/√(Σ(x − μ)²/n + ε)",
        "Batch norm and layer norm normalize by the biased variance; only batch norm's running statistic may be the "
        "unbiased one. torch.var and numpy.var have different defaults: n − 1 and n.",
        _standardizing(_unbiased, _over_one_less, _FORWARD),
        others=(_standardizing(_unbiased, _over_one_less),),
    ),
    Mistake(
        "BP505",
        "another ε in the normalization",
        "x̂ = (x − μ)/√(σ² + ε') with another ε'",
        "x̂ = (x − μ)/√(σ² + ε) with the ε of the spec",
        "Defaults differ: 1e-5 in torch, 1e-6 in Flax, 1e-3 in Keras. A port that does not pass ε on takes the other "
        "default, and where the variance is small the two nets are far apart.",
        _epsilon(None, _FORWARD),
        family=True,
        others=tuple(Form(f"ε = {value:g}", _epsilon(value)) for value in EPSILONS),
    ),
    Mistake(
        "BP506",
        "batch norm's old and new weight swapped",
        "running ← momentum · running + (1 − momentum) · batch",
        "running ← (1 − momentum) · running + momentum · batch",
        "In torch, momentum is the weight of the new batch (0.1); in Flax, Keras and TensorFlow it is the weight of the "
        "old value (0.99). A number that is handed over as it is means the opposite: pass 1 − momentum.",
        _running(_swapped),
        others=(Form("and the other variance, too", _running(lambda op: _swapped(op) | _other_divisor(op))),),
    ),
    Mistake(
        "BP507",
        "running variance with the other divisor",
        "Σ(x − μ)²/n for the unbiased running variance, Σ(x − μ)²/(n − 1) for the biased one",
        "the divisor that the spec names in `running_variance`",
        "torch keeps the unbiased variance (n − 1) as running statistic, Flax and Keras the biased one (n). What "
        "normalizes the batch is the biased one everywhere.",
        _running(_other_divisor),
    ),
    Mistake(
        "BP508",
        "normalization's ε outside the root",
        "x̂ = (x − μ)/(σ + ε)",
        "x̂ = (x − μ)/√(σ² + ε)",
        "ε belongs to the variance. Added to the standard deviation, as in some tutorials, it does much less "
        "where σ is large and much more where it is small.",
        _standardizing(_outside, _over_sigma(0.0), _FORWARD),
        others=(
            _standardizing(_outside, _over_sigma(0.0)),
            Form("with the unbiased σ, as in the Annotated Transformer", _standardizing(_outside_unbiased, _over_sigma(1.0))),
        ),
    ),
)

"""Mistakes in the forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.arithmetic import total
from bpcompare.laws.activation import GeluErfLaw, GeluTanhLaw
from bpcompare.mistakes.mistake import Altered, Mistake, at_activations, at_layers, examples
from bpcompare.network import Network
from bpcompare.ops import BatchNorm, Conv2d, Dense, Dropout, GeluErf, GeluTanh


def _without_bias(network: Network, name: str, law: Any) -> Any:
    if not network.layers[name].op.bias:  # type: ignore[attr-defined]
        return None
    return Altered(law, forward=lambda op, xs, p, c: law.forward(op, xs, {**p, "bias": np.zeros(p["bias"].shape)}, c))


def _other_gelu(network: Network, name: str, law: Any) -> Any:
    other = GeluTanhLaw() if isinstance(network.layers[name].g, GeluErf) else GeluErfLaw()
    return Altered(law, forward=other.forward)


def _other_variance(network: Network, name: str, law: Any) -> Any:
    shape = network.shape(name)
    if examples(network) == 1 and len(shape) == 1:
        return None

    def forward(op: BatchNorm, xs: Any, p: Any, c: Any) -> Any:
        x, axes = xs[0], law.axes(xs[0])
        count = float(np.prod([x.shape[a] for a in axes]))
        centred = x - total(x, axis=axes, keepdims=True) / count
        variance = total(centred * centred, axis=axes, keepdims=True) / (count - 1.0)
        return law.spread(p["scale"], x) * (centred / np.sqrt(variance + op.epsilon)) + law.spread(p["shift"], x)

    return Altered(law, forward=forward)


def _not_rescaled(network: Network, name: str, law: Any) -> Any:
    return Altered(law, forward=lambda op, xs, p, c: xs[0] * c["mask"])


MISTAKES = (
    Mistake(
        "BP501",
        "bias left out of the net input",
        "in_j = Σ_i w_ij a_i",
        "in_j = Σ_i w_ij a_i + b_j",
        "The spec's layer has a bias.",
        at_layers(_without_bias, Dense, Conv2d),
    ),
    Mistake(
        "BP502",
        "the other gelu",
        "the tanh approximation for the erf form, or the reverse",
        "the form that the spec names",
        "The two differ by up to 5e-4. torch's F.gelu is the erf form unless told otherwise, jax.nn.gelu the tanh form.",
        at_activations(_other_gelu, GeluErf, GeluTanh),
    ),
    Mistake(
        "BP503",
        "normalized by the unbiased variance",
        "x̂ = (x − μ)/√(Σ(x − μ)²/(n − 1) + ε)",
        "x̂ = (x − μ)/√(Σ(x − μ)²/n + ε)",
        "Batch norm normalizes by the biased variance; only the running statistic may be the unbiased one.",
        at_layers(_other_variance, BatchNorm),
    ),
    Mistake(
        "BP504",
        "dropout without rescaling",
        "a · mask",
        "a · mask / (1 − rate)",
        "Dividing by 1 − rate keeps the expected activation, so that nothing has to change when dropout is off.",
        at_layers(_not_rescaled, Dropout),
    ),
)

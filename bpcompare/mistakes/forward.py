"""Mistakes in the forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.mistakes.mistake import Altered, Mistake, at_layers
from bpcompare.network import Network
from bpcompare.ops import Conv2d, Dense, Dropout


def _without_bias(network: Network, name: str, law: Any) -> Any:
    if not network.layers[name].op.bias:  # type: ignore[attr-defined]
        return None
    return Altered(law, forward=lambda at: law.forward(at.but(p={**at.p, "bias": np.zeros(at.p["bias"].shape)})))


def _not_rescaled(_network: Network, _name: str, law: Any) -> Any:
    return Altered(law, forward=lambda at: at.x * at.c["mask"])


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
        "BP504",
        "dropout without rescaling",
        "a · mask",
        "a · mask / (1 − rate)",
        "Dividing by 1 − rate keeps the expected activation, so that nothing has to change when dropout is off.",
        at_layers(_not_rescaled, Dropout),
    ),
)

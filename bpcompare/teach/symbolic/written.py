"""Update rules as their papers write them: what `prove` holds the laws against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bpcompare.ops import Adam, AdamW, Op, Sgd


def sgd(op: Sgd, _t: Any, w: Any, g: Any, slots: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Sutskever et al. (2013): w ← w + η a Δ is w − η g with g = −a Δ; with a velocity, and Nesterov's look ahead."""
    d = g + op.weight_decay * w if op.weight_decay else g
    if not op.momentum:
        return w - op.eta * d, {}
    velocity = op.momentum * slots["velocity"] + d
    return w - op.eta * (d + op.momentum * velocity if op.nesterov else velocity), {"velocity": velocity}


def adam(op: Adam, t: Any, w: Any, g: Any, slots: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Kingma and Ba's algorithm 1, the decay in the gradient: update `t` of w with g = +∂E/∂w and the moments before."""
    step, moments = _direction(op, t, g + op.weight_decay * w if op.weight_decay else g, slots)
    return w - op.eta * step, moments


def adamw(op: AdamW, t: Any, w: Any, g: Any, slots: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Loshchilov and Hutter's, the decay beside the step: update `t` of w with g = +∂E/∂w and the moments before."""
    step, moments = _direction(op, t, g, slots)
    return w - op.eta * (step + op.weight_decay * w if op.weight_decay else step), moments


def _direction(op: Adam, t: Any, g: Any, slots: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """m̂ / (√v̂ + ε), and the moments."""
    m = op.beta1 * slots["m"] + (1 - op.beta1) * g
    v = op.beta2 * slots["v"] + (1 - op.beta2) * (g * g)
    return (m / (1 - op.beta1**t)) / (np.sqrt(v / (1 - op.beta2**t)) + op.epsilon), {"m": m, "v": v}


Written = Callable[[Any, Any, Any, Any, Mapping[str, Any]], tuple[Any, Mapping[str, Any]]]
"""From the rule, the number of the step, w, g = +∂E/∂w and the slots before: the new w, and the new slots."""

WRITTEN: Mapping[type[Op], Written] = {Sgd: sgd, Adam: adam, AdamW: adamw}
"""Of any other rule the law is the definition: what is shown is that a planted mistake is one."""

"""Update rules in Paddle tensors.

Not `paddle.optimizer`: its optimizers keep their state under private names, and their learning rate in float32.
"""

from collections.abc import Callable, Mapping
from typing import Any

import paddle
from paddle import Tensor

from bpcompare.ops import Adagrad, Adam, AdamW, Op, RmsProp, Sgd

Slots = Mapping[str, Tensor]


def sgd(op: Sgd, t: int, w: Tensor, g: Tensor, slots: Slots) -> tuple[Tensor, Slots]:
    """One step down, with decay added to the gradient before momentum sees it."""
    d = g + op.weight_decay * w if op.weight_decay else g
    if not op.momentum:
        return w - op.eta * d, {}
    velocity = op.momentum * slots["velocity"] + d
    step = d + op.momentum * velocity if op.nesterov else velocity
    return w - op.eta * step, {"velocity": velocity}


def adam(op: Adam, t: int, w: Tensor, g: Tensor, slots: Slots) -> tuple[Tensor, Slots]:
    """Algorithm 1 of Kingma and Ba."""
    d = g + op.weight_decay * w if op.weight_decay else g
    step, moved = _direction(op, t, d, slots)
    return w - op.eta * step, moved


def adamw(op: AdamW, t: int, w: Tensor, g: Tensor, slots: Slots) -> tuple[Tensor, Slots]:
    """Adam, with decay beside its step."""
    step, moved = _direction(op, t, g, slots)
    return w - op.eta * (step + op.weight_decay * w), moved


def _direction(op: Adam, t: int, g: Tensor, slots: Slots) -> tuple[Tensor, Slots]:
    m = op.beta1 * slots["m"] + (1 - op.beta1) * g
    v = op.beta2 * slots["v"] + (1 - op.beta2) * g**2
    return (m / (1 - op.beta1**t)) / (paddle.sqrt(v / (1 - op.beta2**t)) + op.epsilon), {"m": m, "v": v}


TABLE: dict[type[Op], Callable[..., Any]] = {Sgd: sgd, Adam: adam, AdamW: adamw}
GAPS: dict[type[Op], str] = {
    RmsProp: "this plugin was written before the rule",
    Adagrad: "this plugin was written before the rule",
}

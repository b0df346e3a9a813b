"""Update rules by TensorFlow's own training kernels, whose state goes in and comes out as it is.

Not `tf.keras.optimizers` (Keras 3.15): they keep the learning rate, and cast β₁ and β₂, to float32 even for float64 weights;
their momentum carries −η with it; and their Adam's ε is that of another formula (see `_adam`).
"""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import tensorflow as tf

from bpcompare.ops import Adagrad, Adam, AdamW, Op, RmsProp, Sgd

Slots = Mapping[str, tf.Tensor]


def sgd(op: Sgd, t: int, w: tf.Tensor, g: tf.Tensor, slots: Slots) -> tuple[tf.Tensor, Slots]:
    """Gradient descent, with decay added to the gradient before momentum sees it."""
    var, d = tf.Variable(w), g + op.weight_decay * w if op.weight_decay else g
    if not op.momentum:
        tf.raw_ops.ResourceApplyGradientDescent(var=var.handle, alpha=_like(w, op.eta), delta=d)
        return tf.identity(var), {}
    velocity = tf.Variable(slots["velocity"])
    tf.raw_ops.ResourceApplyMomentum(
        var=var.handle,
        accum=velocity.handle,
        lr=_like(w, op.eta),
        grad=d,
        momentum=_like(w, op.momentum),
        use_nesterov=op.nesterov,
    )
    return tf.identity(var), {"velocity": tf.identity(velocity)}


def adam(op: Adam, t: int, w: tf.Tensor, g: tf.Tensor, slots: Slots) -> tuple[tf.Tensor, Slots]:
    """Adam, with decay added to the gradient before the moments see it."""
    return _adam(op, t, tf.Variable(w), g + op.weight_decay * w if op.weight_decay else g, slots)


def adamw(op: AdamW, t: int, w: tf.Tensor, g: tf.Tensor, slots: Slots) -> tuple[tf.Tensor, Slots]:
    """Decay, then Adam, which does not look at the parameter."""
    return _adam(op, t, tf.Variable(w - op.eta * op.weight_decay * w), g, slots)


def _adam(op: Adam, t: int, var: tf.Variable, g: tf.Tensor, slots: Slots) -> tuple[tf.Tensor, Slots]:
    """The kernel divides by √v + ε̂, not by √v̂ + ε; with ε̂ = ε √(1 − β₂ᵗ) that is the same rule (Kingma and Ba, section 2)."""
    m, v = tf.Variable(slots["m"]), tf.Variable(slots["v"])
    tf.raw_ops.ResourceApplyAdam(
        var=var.handle,
        m=m.handle,
        v=v.handle,
        beta1_power=_like(g, op.beta1**t),
        beta2_power=_like(g, op.beta2**t),
        lr=_like(g, op.eta),
        beta1=_like(g, op.beta1),
        beta2=_like(g, op.beta2),
        epsilon=_like(g, op.epsilon * sqrt(1 - op.beta2**t)),
        grad=g,
    )
    return tf.identity(var), {"m": tf.identity(m), "v": tf.identity(v)}


def _like(x: tf.Tensor, value: float) -> tf.Tensor:
    return tf.constant(value, x.dtype)


TABLE: dict[type[Op], Callable[..., Any]] = {Sgd: sgd, Adam: adam, AdamW: adamw}
GAPS: dict[type[Op], str] = {
    RmsProp: "this plugin was written before the rule",
    Adagrad: "this plugin was written before the rule",
}
KERNELS: dict[type[Op], str] = {
    Sgd: "tf.raw_ops.ResourceApplyGradientDescent or ResourceApplyMomentum",
    Adam: "tf.raw_ops.ResourceApplyAdam",
    AdamW: "tf.raw_ops.ResourceApplyAdam after decay",
}
"""Who applies the update, in words for the provenance."""

"""Update rules by hand. Numbers: (rule, t, g, slots before, slots after, p after), where p was 1."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bpcompare import ops


def rooted(op: Any, squares: Any) -> Any:
    """√(s + ε), or √s + ε."""
    return np.sqrt(squares + op.epsilon) if op.epsilon_inside else np.sqrt(squares) + op.epsilon


def sgd(op: ops.Sgd, t: int, w: Any, g: Any, slots: Any) -> Any:
    """d, or the velocity, or Nesterov's."""
    d = g + op.weight_decay * w
    if not op.momentum:
        return w - op.eta * d, {}
    v = op.momentum * slots["velocity"] + d
    return w - op.eta * (d + op.momentum * v if op.nesterov else v), {"velocity": v}


def adam(op: ops.Adam, t: int, w: Any, g: Any, slots: Any) -> Any:
    """Both moments, and m̂ over √v̂ + ε; the decay in the gradient, or beside the step."""
    d = g if isinstance(op, ops.AdamW) else g + op.weight_decay * w
    m = op.beta1 * slots["m"] + (1 - op.beta1) * d
    v = op.beta2 * slots["v"] + (1 - op.beta2) * d * d
    step = m / (1 - op.beta1**t) / (np.sqrt(v / (1 - op.beta2**t)) + op.epsilon)
    return w - op.eta * (step + (op.weight_decay * w if isinstance(op, ops.AdamW) else 0)), {"m": m, "v": v}


def rmsprop(op: ops.RmsProp, t: int, w: Any, g: Any, slots: Any) -> Any:
    """d over the root of the mean of squares, or of the variance."""
    d = g + op.weight_decay * w
    after = {"v": op.rho * slots["v"] + (1 - op.rho) * d**2}
    spread = after["v"]
    if op.centered:
        after["m"] = op.rho * slots["m"] + (1 - op.rho) * d
        spread = spread - after["m"] ** 2
    step = d / rooted(op, spread)
    if op.momentum:
        step = after["velocity"] = op.momentum * slots["velocity"] + step
    return w - op.eta * step, after


def adagrad(op: ops.Adagrad, t: int, w: Any, g: Any, slots: Any) -> Any:
    """d over the root of the sum of squares."""
    d = g + op.weight_decay * w
    total = slots["sum"] + d**2
    return w - op.eta * d / rooted(op, total), {"sum": total}


FORMULAS = {ops.Sgd: sgd, ops.Adam: adam, ops.AdamW: adam, ops.RmsProp: rmsprop, ops.Adagrad: adagrad}


class Torch(NamedTuple):
    """How somebody writes a rule in torch: the class, what it is given besides η and λ, and how it calls the slots."""

    optimizer: str
    options: Callable[[Any], dict[str, Any]]
    keys: Mapping[str, str]


def moments(op: ops.Adam) -> dict[str, Any]:
    """Of Adam and AdamW."""
    return {"betas": (op.beta1, op.beta2), "eps": op.epsilon}


MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq"}
TORCH = {
    ops.Sgd: Torch("SGD", lambda op: {"momentum": op.momentum, "nesterov": op.nesterov}, {"velocity": "momentum_buffer"}),
    ops.Adam: Torch("Adam", moments, MOMENTS),
    ops.AdamW: Torch("AdamW", moments, MOMENTS),
    ops.RmsProp: Torch(
        "RMSprop",
        lambda op: {"alpha": op.rho, "eps": op.epsilon, "momentum": op.momentum, "centered": op.centered},
        {"v": "square_avg", "m": "grad_avg", "velocity": "momentum_buffer"},
    ),
    ops.Adagrad: Torch("Adagrad", lambda op: {"eps": op.epsilon}, {"sum": "sum"}),
}

NUMBERS = (
    (ops.Sgd(0.1), 1, 0.5, {}, {}, 0.95),
    (ops.Sgd(0.1, weight_decay=0.1), 1, 0.5, {}, {}, 0.94),
    (ops.Sgd(0.1, 0.5), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.85),
    (ops.Sgd(0.1, 0.5, weight_decay=0.1), 1, 0.5, {"velocity": 2}, {"velocity": 1.6}, 0.84),
    (ops.Sgd(0.1, 0.5, True), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.875),
    (ops.Adam(0.1, 0.5, 0.75, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.92),
    (ops.AdamW(0.1, 0.5, 0.75, 0.5, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.87),
    # d = 1.5 + ½ · 1 = 2: the numbers of Adam above
    (ops.Adam(0.1, 0.5, 0.75, 0.5, 0.5), 2, 1.5, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.92),
    # v = ¾ · 4 + ¼ · 4 = 4; 1 − 0.1 · 2 / (2 + ½); with ε = 12 inside, 1 − 0.1 · 2 / 4
    (ops.RmsProp(0.1, 0.75, False, 0.5), 1, 2.0, {"v": 4}, {"v": 4}, 0.92),
    (ops.RmsProp(0.1, 0.75, True, 12.0), 1, 2.0, {"v": 4}, {"v": 4}, 0.95),
    (ops.RmsProp(0.1, 0.75, False, 0.5, weight_decay=0.5), 1, 1.5, {"v": 4}, {"v": 4}, 0.92),
    # velocity = ½ · 3 + 2 / (2 + ½)
    (ops.RmsProp(0.1, 0.75, False, 0.5, 0.5), 1, 2.0, {"v": 4, "velocity": 3}, {"v": 4, "velocity": 2.3}, 0.77),
    # m = ½ · 0 + ½ · 2 = 1, v = ½ · 6 + ½ · 4 = 5: √(5 − 1) = 2; 2 / (2 + ½) = 0.8; with ε = 12 inside, 2 / 4
    (ops.RmsProp(0.1, 0.5, False, 0.5, centered=True), 1, 2.0, {"v": 6, "m": 0}, {"v": 5, "m": 1}, 0.92),
    (
        ops.RmsProp(0.1, 0.5, True, 12.0, 0.5, centered=True),
        *(1, 2.0, {"v": 6, "m": 0, "velocity": 3}, {"v": 5, "m": 1, "velocity": 2}, 0.8),
    ),
    # sum = 5 + 4 = 9; 1 − 0.1 · 2 / (3 + 1); with ε = 7 inside, 1 − 0.1 · 2 / 4
    (ops.Adagrad(0.1, 1.0, False), 1, 2.0, {"sum": 5}, {"sum": 9}, 0.95),
    (ops.Adagrad(0.1, 7.0, True), 3, 2.0, {"sum": 5}, {"sum": 9}, 0.95),
    (ops.Adagrad(0.1, 0.0, True, 5.0, weight_decay=0.5), 1, 1.5, {"sum": 12}, {"sum": 16}, 0.95),
)

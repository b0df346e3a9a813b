"""Mistakes in the induction: how Δ goes through activations and from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bpcompare.laws import Laws, elementary
from bpcompare.laws.convolution import border, padded_size
from bpcompare.laws.dense import rows_of
from bpcompare.laws.kernel import correlation
from bpcompare.laws.law import At
from bpcompare.laws.pooling import returned
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_activations, at_layers
from bpcompare.network import Network
from bpcompare.numbers.number import Product, hyperparameter, positive, total
from bpcompare.ops import (
    ACTIVATIONS,
    AvgPool2d,
    Conv2d,
    Dense,
    Dropout,
    Elu,
    Hardtanh,
    LeakyRelu,
    MaxPool2d,
    Relu,
    Relu6,
    Scale,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from bpcompare.ops.op import Op
from bpcompare.plan.path import Path


def _prime(
    wrong: Callable[[Any, At[Any]], Any], *ops: type[Op], where: Callable[[Network, str], bool] = lambda _network, _name: True
) -> Places:
    """Δ_in = wrong(law, at) Δ, at the activations `ops` of the layers that `where` admits."""

    def make(network: Network, name: str, law: Any) -> Any:
        if not where(network, name):
            return None
        return Altered(law, delta=lambda at: wrong(law, at) * at.dy)

    return at_activations(make, *ops)


def _through(delta: Callable[..., Any], *ops: type[Op]) -> Places:
    """Layers `ops` with another Δ: delta(law, at)."""
    return at_layers(lambda _network, _name, law: Altered(law, delta=lambda at: delta(law, at)), *ops)


def _rectified(delta: Callable[..., Any]) -> Places:
    """Activations with a corner at 0, with another Δ: delta(law, at)."""

    def make(_network: Network, _name: str, law: Any) -> Any:
        return Altered(law, delta=lambda at: delta(law, at))

    return at_activations(make, Relu, LeakyRelu, Elu)


_NAMED = tuple(g for g in ACTIVATIONS if g.elementwise and not g.unchanged)


def _one(_law: Any, _at: At[Any]) -> float:
    return 1.0


def _is_output(network: Network, name: str) -> bool:
    return network.error.of == name


def _is_hidden(network: Network, name: str) -> bool:
    return network.error.of != name


def _prime_of_a(law: Any, at: At[Any]) -> Any:
    return law.g_prime(at.op, law.g(at.op, at.x))


def _in_taken_for_a(_law: Any, at: At[Any]) -> Any:
    return _PRIME_BY_A[type(at.op)](at.x)


_PRIME_BY_A: Mapping[type[Op], Callable[[Any], Any]] = {Sigmoid: lambda a: a * (1.0 - a), Tanh: lambda a: 1.0 - a * a}
"""g' as it is written by a = g(in)."""


def _after_update(network: Network, name: str, law: Any) -> Any:
    rule: Any = network.update
    weight = network.layers[name].parameters["weight"]
    if not rule.textbook or not network.parameters[weight].trainable or len(network.uses[weight]) > 1:
        return None

    def delta(at: At[Any]) -> Any:
        after = at.p["weight"] + hyperparameter(rule.eta, at.dy) * total([law.gradient(at.but(role="weight"))])
        return law.delta(at.but(p={**at.p, "weight": after}))

    return Altered(law, delta=delta)


def _updated_premise(network: Network, path: str) -> str:
    role = Path(path).kind
    return f"{path}.update" if path in network.parameters and role != "bias" else path


def _transposed(network: Network, name: str, law: Any) -> Any:
    layer = network.layers[name]
    units = network.shape(name)[-1]
    widths = [network.shape(source)[-1] for source in layer.sources]
    # Only where the shapes fit can the transposed weight be taken unnoticed; a 1 × 1 weight is its own transpose.
    if units == 1 or any(width != units for width in widths):
        return None
    if not any(source in network.layers for source in layer.sources):  # no Δ goes back to inputs
        return None

    def delta(at: At[Any]) -> Any:
        return Product(at.dy, at.p["weight"][rows_of(at.xs, at.slot)])

    return Altered(law, delta=delta)


def _dropped(which: int) -> Places:
    """At every fork, one of the consumers sends no Δ back."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        slots: dict[str, set[int]] = {}
        for name in network.order:
            consumers = network.consumers[name]
            if len(consumers) + (network.error.of == name) > 1:
                consumer, slot = consumers[which]
                slots.setdefault(consumer, set()).add(slot)
        return {name: _silent(laws.of(name, network.layers[name].op), mute) for name, mute in slots.items()}

    return places


def _silent(law: Any, mute: set[int]) -> Any:
    def delta(at: At[Any]) -> Any:
        return np.zeros(at.xs[at.slot].shape) if at.slot in mute else law.delta(at)

    return Altered(law, delta=delta)


def _slope_forgotten(_network: Network, _name: str, law: Any) -> Any:
    return Altered(law, delta=lambda at: np.where(positive(at.x), at.dy, 0.0))


def _diagonal_softmax(_network: Network, _name: str, law: Any) -> Any:
    def delta(at: At[Any]) -> Any:
        a = law.forward(at)
        return a * (1.0 - a) * at.dy

    return Altered(law, delta=delta)


def _not_flipped(_law: Any, at: At[Conv2d]) -> Any:
    op = at.op
    turned = np.flip(at.p["weight"], axis=(2, 3))
    return correlation.returned(at.dy, turned, padded_size(at), op.stride, op.dilation, op.groups, border(op))


def _kernel_matters(network: Network, name: str, law: Any) -> Any:
    area = network.parameter_shape(network.layers[name].parameters["weight"])[2:]
    return Altered(law, delta=lambda at: _not_flipped(law, at)) if max(area) > 1 else None


def _to_all(_law: Any, at: At[MaxPool2d]) -> Any:
    area = at.op.kernel[0] * at.op.kernel[1]
    return returned(np.broadcast_to(np.expand_dims(at.dy, -1), (*at.dy.shape, area)), at.op, at.x.shape[2:])


def _shared_out(law: Any, at: At[MaxPool2d]) -> Any:
    return _to_all(law, at.but(dy=at.dy / float(at.op.kernel[0] * at.op.kernel[1])))


MISTAKES = (
    Mistake(
        "BP201",
        "g' forgotten at the output",
        "Δ_k = t_k − a_k",
        "Δ_k = g'(in_k)(t_k − a_k)",
        "t − a is −∂E/∂a. To reach in, it must go through the activation. (Softmax or sigmoid with cross-entropy is the one "
        "pair where g' cancels.)",
        _prime(_one, *_NAMED, where=_is_output),
    ),
    Mistake(
        "BP202",
        "g' forgotten at a hidden layer",
        "Δ_j = Σ_k w_jk Δ_k",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k",
        "The sum over consumers is −∂E/∂a_j. Δ_j is −∂E/∂in_j: one factor g'(in_j) more.",
        _prime(_one, *_NAMED, where=_is_hidden),
    ),
    Mistake(
        "BP203",
        "g' taken at a instead of in",
        "Δ_j = g'(a_j) Σ_k w_jk Δ_k",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k",
        "g' belongs to the point where g was evaluated: the net input. For the sigmoid g'(in) = a (1 − a) is a formula in "
        "a, and that is where the two get mixed up.",
        _prime(_prime_of_a, *(g for g in _NAMED if g not in (Relu, LeakyRelu, Relu6, Hardtanh))),
    ),
    Mistake(
        "BP204",
        "weights taken after their update",
        "Δ_j = g'(in_j) Σ_k w'_jk Δ_k with w' = w + η a Δ",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k with the w of the forward pass",
        "Every Δ must be computed before any weight changes. A loop that updates a layer once its Δ is known spoils the Δ of "
        "the layer before.",
        at_layers(_after_update, Dense),
        premise=_updated_premise,
    ),
    Mistake(
        "BP205",
        "weight matrix transposed",
        "Δ_j = g'(in_j) Σ_k w_kj Δ_k",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k",
        "Forward multiplies by w (in × out), backward by its transpose. In a square layer the shapes do not tell.",
        at_layers(_transposed, Dense),
    ),
    Mistake(
        "BP206",
        "a branch's Δ is dropped at a fork",
        "Δ_j = g'(in_j) w_jk Δ_k for one consumer k",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k over all k that j feeds",
        "Where an activation feeds two layers (a skip connection), the Δ of both add up. Assigning instead of adding keeps one.",
        _dropped(-1),
        others=(_dropped(0),),
    ),
    Mistake(
        "BP207",
        "formula in a applied to in",
        "g' = in (1 − in), or 1 − in²",
        "g' = a (1 − a), or 1 − a², with a = g(in)",
        "The short forms of sigmoid' and tanh' are in terms of the activation, not of the net input.",
        _prime(_in_taken_for_a, Sigmoid, Tanh),
    ),
    Mistake(
        "BP208",
        "slope for negative inputs forgotten",
        "Δ_in = 0 where in < 0",
        "Δ_in = slope · Δ_a where in < 0",
        "leaky_relu lets a part of Δ through on its negative side; relu does not.",
        at_activations(_slope_forgotten, LeakyRelu),
    ),
    Mistake(
        "BP210",
        "softmax differentiated element by element",
        "Δ_in = a (1 − a) Δ_a",
        "Δ_in = a (Δ_a − Σ_k a_k Δ_k)",
        "Every output of softmax depends on every input. The diagonal of its Jacobian is only a part.",
        at_activations(_diagonal_softmax, Softmax),
    ),
    Mistake(
        "BP211",
        "silu differentiated as if x were constant",
        "g' = x σ(x)(1 − σ(x))",
        "g' = σ(x) + x σ(x)(1 − σ(x))",
        "The product rule has two terms.",
        _prime(lambda _law, at: at.x * elementary.sigmoid(at.x) * (1.0 - elementary.sigmoid(at.x)), Silu),
    ),
    Mistake(
        "BP212",
        "elu's derivative off by α",
        "g' = α (e^x − 1) where x < 0",
        "g' = α e^x = g + α where x < 0",
        "The derivative of α (e^x − 1) has no −1 in it.",
        _prime(
            lambda _law, at: np.where(
                positive(at.x), 1.0, hyperparameter(at.op.alpha, at.x) * np.expm1(np.where(positive(at.x), 0.0, at.x))
            ),
            Elu,
        ),
    ),
    Mistake(
        "BP213",
        "convolution kernel not flipped",
        "Δ = correlation of Δ with w",
        "Δ = full correlation of Δ with the flipped w",
        "Forward looks at x[y + u] with weight w[u]; backward, position y receives from y − u: the kernel runs the other way.",
        at_layers(_kernel_matters, Conv2d),
    ),
    Mistake(
        "BP214",
        "max-pool sends Δ to the whole window",
        "every member of the window receives Δ",
        "the member that was the maximum receives Δ, the others nothing",
        "Only the winner had an influence on the output.",
        _through(_to_all, MaxPool2d),
        others=(_through(_shared_out, MaxPool2d),),
    ),
    Mistake(
        "BP215",
        "average-pool's division forgotten",
        "every member of the window receives Δ",
        "every member receives Δ / window size",
        "The average divides forward, so it divides backward.",
        _through(_to_all, AvgPool2d),
    ),
    Mistake(
        "BP218",
        "dropout's mask forgotten on the way back",
        "Δ_x = Δ / (1 − rate)",
        "Δ_x = Δ · mask / (1 − rate)",
        "What was dropped had no influence and receives nothing: the mask of the forward pass, not a new one, and not none.",
        _through(lambda _law, at: at.dy / (1.0 - hyperparameter(at.op.rate, at.dy)), Dropout),
    ),
    Mistake(
        "BP219",
        "dropout's rescaling forgotten on the way back",
        "Δ_x = Δ · mask",
        "Δ_x = Δ · mask / (1 − rate)",
        "The factor 1/(1 − rate) of the forward pass is part of the function.",
        _through(lambda _law, at: at.dy * at.c["mask"], Dropout),
    ),
    Mistake(
        "BP220",
        "factor forgotten on the way back",
        "Δ_x = Δ",
        "Δ_x = factor · Δ",
        "What scales forward scales backward.",
        at_layers(
            lambda network, name, law: None if network.layers[name].op == Scale(1.0) else Altered(law, delta=lambda at: at.dy),
            Scale,
        ),
    ),
    Mistake(
        "BP222",
        "relu applied to Δ instead of relu' of in",
        "Δ_j = relu(Σ_k w_jk Δ_k)",
        "Δ_j = Σ_k w_jk Δ_k where in_j > 0, else 0",
        "On the way back it counts on which side of 0 the net input was, not which sign Δ has: Δ may be negative where the "
        "unit was on, and must be 0 where it was off. True of leaky_relu and elu as well.",
        _rectified(lambda law, at: law.g(at.op, at.dy)),
        others=(
            Form("relu of +∂E/∂a", _rectified(lambda law, at: -law.g(at.op, -at.dy))),
            Form("relu' of in, and relu of Δ", _rectified(lambda law, at: law.g_prime(at.op, at.x) * law.g(at.op, at.dy))),
            Form(
                "relu' of in, and relu of +∂E/∂a", _rectified(lambda law, at: -(law.g_prime(at.op, at.x) * law.g(at.op, -at.dy)))
            ),
        ),
    ),
)

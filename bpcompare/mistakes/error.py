"""Mistakes in E and in the base case of the induction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import Laws, elementary
from bpcompare.laws.error import one_hot
from bpcompare.laws.law import At
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_error, examples
from bpcompare.network import Network
from bpcompare.numbers.number import total
from bpcompare.ops import ERRORS, BinaryCrossEntropyWithLogits, HalfSquared, Huber, MeanSquared, SoftmaxCrossEntropy
from bpcompare.ops.op import Op


def _times(factor: Callable[[Network], float | None], *ops: type[Op]) -> Places:
    """Δ times a factor that depends on the network; None or 1: the mistake makes no difference there."""

    def make(network: Network, law: Any) -> Any:
        by = factor(network)
        if by is None or by == 1:
            return None
        return Altered(law, delta=lambda at: law.delta(at) * float(by))

    return at_error(make, *ops)


def _outputs(network: Network) -> float:
    return float(prod(network.shape(network.error.of)))


def _last_example(network: Network, law: Any) -> Any:
    if examples(network) == 1:
        return None

    def delta(at: At[Any]) -> Any:
        right = law.delta(at)
        last = np.zeros(right.shape, bool)
        last[-1] = True
        return np.where(last, right, 0.0)

    return Altered(law, delta=delta)


def _softmax_twice(_network: Network, law: Any) -> Any:
    def delta(at: At[SoftmaxCrossEntropy]) -> Any:
        a, t = at.xs
        target = one_hot(t, a) if at.op.integer_target else t
        return (target - elementary.softmax(elementary.softmax(a))) * law.factor(at.op, a)

    return Altered(law, delta=delta)


def _logits_for_probabilities(_network: Network, law: Any) -> Any:
    def delta(at: At[SoftmaxCrossEntropy]) -> Any:
        a, t = at.xs
        return ((one_hot(t, a) if at.op.integer_target else t) - a) * law.factor(at.op, a)

    return Altered(law, delta=delta)


def _unlimited(_network: Network, law: Any) -> Any:
    return Altered(law, delta=lambda at: (at.xs[1] - at.x) * law.factor(at.op, at.x))


def _slope_again(*, jacobian: bool = False) -> Places:
    """(t − p) times the derivative of the sigmoid or softmax that cross-entropy has cancelled already."""

    def make(network: Network, law: Any) -> Any:
        softmax = not network.error.op.elementwise
        if jacobian and not softmax:
            return None

        def delta(at: At[Any]) -> Any:
            right = law.delta(at)
            s = elementary.softmax(at.x) if softmax else elementary.sigmoid(at.x)
            return s * (right - total(s * right, axis=-1, keepdims=True)) if jacobian else right * (s * (1.0 - s))

        return Altered(law, delta=delta)

    return at_error(make, SoftmaxCrossEntropy, BinaryCrossEntropyWithLogits)


def _square(*, averaged: bool, error_only: bool = False) -> Places:
    """Every output against every target of the batch; `averaged`: the mean is over all B² of them. Δ follows E, or is right."""

    def make(network: Network, law: Any) -> Any:
        if network.shape(network.error.of) != (1,) or examples(network) == 1:
            return None

        def over(op: Any, a: Any) -> Any:
            return law.factor(op, a) / (float(a.shape[0]) if averaged else 1.0)

        def forward(at: At[Any]) -> Any:
            a, t = at.xs
            return total(law.terms(at.op, a, t.T)) * over(at.op, a)

        def delta(at: At[Any]) -> Any:
            a, t = at.xs
            pairs = law.toward(at.op, a, t.T)
            return total(pairs, axis=1, keepdims=True) * over(at.op, a)

        return Altered(law, forward=forward) if error_only else Altered(law, forward=forward, delta=delta)

    return at_error(make, HalfSquared, MeanSquared, Huber, BinaryCrossEntropyWithLogits)


def _broadcast(network: Network, laws: Laws) -> Mapping[str, Any]:
    return _square(averaged=network.error.op.reduce == "mean", error_only=True)(network, laws)


MISTAKES = (
    Mistake(
        "BP101",
        "the ½ of the squared error is missing",
        "Δ_k = 2 g'(in_k)(t_k − a_k)",
        "Δ_k = g'(in_k)(t_k − a_k), from E = ½ Σ (t − a)²",
        "The ½ is there so that the 2 of the derivative cancels. Whoever differentiates Σ (t − a)² keeps the 2, and every "
        "Δ and every gradient is exactly twice as large. Decide on one E and use it on both sides.",
        _times(lambda _network: 2.0, HalfSquared),
    ),
    Mistake(
        "BP102",
        "summed over examples where the spec says mean",
        "Δ = −∂(Σ over examples)/∂in",
        "Δ = −∂(1/B Σ over examples)/∂in",
        'With reduce = "mean" every Δ carries 1/B. Without it all gradients are B times too large, which looks like a learning '
        "rate that is B times too large.",
        _times(lambda network: examples(network) if network.error.op.reduce == "mean" else None, *ERRORS),
    ),
    Mistake(
        "BP103",
        "averaged over examples where the spec says sum",
        "Δ = −∂(1/B Σ over examples)/∂in",
        "Δ = −∂(Σ over examples)/∂in",
        'With reduce = "sum" no Δ carries 1/B. Most frameworks\' losses average by default; ask them for reduction="sum".',
        _times(lambda network: 1.0 / examples(network) if network.error.op.reduce == "sum" else None, *ERRORS),
    ),
    Mistake(
        "BP104",
        "the mean over outputs is missing",
        "Δ_k = 2 (t_k − a_k)",
        "Δ_k = 2 (t_k − a_k)/K for K outputs",
        "mean_squared averages over the K outputs of an example too (as torch.nn.MSELoss does with its default reduction).",
        _times(_outputs, MeanSquared),
    ),
    Mistake(
        "BP105",
        "also divided by the number of outputs",
        "Δ_k = (t_k − a_k)/K for K outputs",
        "Δ_k = t_k − a_k: the sum over outputs is a sum",
        "torch.nn.MSELoss(reduction='mean') and numpy.mean divide by examples times outputs. The spec's error sums over outputs.",
        _times(lambda network: 1.0 / _outputs(network), HalfSquared, Huber),
    ),
    Mistake(
        "BP106",
        "wrong sign: +∂E/∂in where Δ = −∂E/∂in",
        "Δ_k = g'(in_k)(a_k − t_k)",
        "Δ_k = g'(in_k)(t_k − a_k)",
        "The textbook's Δ points downhill. Many texts use δ = +∂E/∂in and then subtract; mixing the two climbs.",
        _times(lambda _network: -1.0, *ERRORS),
    ),
    Mistake(
        "BP107",
        "only the last example of the batch counts",
        "Δ = 0 for every example but the last",
        "every example has its Δ",
        "Typical of a loop that overwrites Δ instead of keeping one row for each example.",
        at_error(_last_example, *ERRORS),
    ),
    Mistake(
        "BP108",
        "softmax applied twice",
        "Δ = t − softmax(softmax(a))",
        "Δ = t − softmax(a)",
        "Softmax cross-entropy takes logits. If the network ends in a softmax already, the error applies it once more.",
        at_error(_softmax_twice, SoftmaxCrossEntropy),
    ),
    Mistake(
        "BP109",
        "logits taken for probabilities",
        "Δ = t − a",
        "Δ = t − softmax(a)",
        "t − a is right for a layer that ends in softmax, with cross-entropy of probabilities. Here a are logits.",
        at_error(_logits_for_probabilities, SoftmaxCrossEntropy),
    ),
    Mistake(
        "BP110",
        "the scale of the error is forgotten",
        "Δ = −∂E/∂in without `scale`",
        "Δ = −scale ∂E/∂in",
        "The error's scale multiplies E, so it multiplies every Δ and every gradient as well.",
        _times(lambda network: 1.0 / network.error.op.scale, *ERRORS),
    ),
    Mistake(
        "BP111",
        "huber's Δ is not limited",
        "Δ = t − a everywhere",
        "Δ = t − a, limited to ± threshold",
        "Beyond the threshold the error grows linearly, so its derivative is constant.",
        at_error(_unlimited, Huber),
    ),
    Mistake(
        "BP112",
        "g' where cross-entropy cancels it",
        "Δ_k = (t_k − p_k) p_k (1 − p_k)",
        "Δ_k = t_k − p_k, with p = softmax or sigmoid of the logits",
        "−∂E/∂p of cross-entropy has p (1 − p) in the denominator, and the derivative of sigmoid or softmax has it as a "
        "factor: in Δ they cancel. Whoever has learnt that Δ carries g' (it does with squared errors) multiplies it in "
        "once more, and the units that are most wrong learn least.",
        _slope_again(),
        others=(Form("with softmax's whole Jacobian", _slope_again(jacobian=True)),),
    ),
    Mistake(
        "BP509",
        "(n, 1) − (n,) broadcast to (n, n) in the error",
        "E from a_i − t_j for all pairs i, j of examples",
        "E from a_i − t_i, example by example",
        "Outputs of shape (n, 1) and targets of shape (n,) do not subtract example by example: they are broadcast to n × n "
        "differences, and every output is pulled to the mean of all targets. Nothing fails; the net learns the mean. Give "
        "both the same shape.",
        _broadcast,
        others=(
            Form("averaged over all pairs", _square(averaged=True)),
            Form("added up over the targets", _square(averaged=False)),
        ),
    ),
)

"""Mistakes in weight decay: where it enters the step, and with which factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bpcompare.laws.law import UpdateAt
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.network import Network
from bpcompare.numbers.number import hyperparameter
from bpcompare.ops import UPDATES, AdamW


def _coupled(network: Network, _name: str, law: Any) -> Any:
    op: Any = network.update
    if not op.weight_decay:
        return None
    undecayed = replace(op, weight_decay=0.0)

    def decayed(p: Any, g: Any) -> Any:
        return g + hyperparameter(op.weight_decay, p) * p

    return Altered(
        law,
        parameter=lambda at: law.parameter(at.but(op=undecayed, g=decayed(at.w, at.g))),
        slot=lambda at: law.slot(at.but(op=undecayed, g=decayed(at.w, at.g))),
    )


def _decoupled(network: Network, _name: str, law: Any) -> Any:
    op: Any = network.update
    # Without a slot that it goes through, λ w comes out the same on both ways.
    if not op.coupled or not op.slots:
        return None

    def parameter(at: UpdateAt[Any]) -> Any:
        return law.parameter(at.but(op=replace(at.op, weight_decay=0.0))) - hyperparameter(at.op.eta, at.w) * (
            hyperparameter(at.op.weight_decay, at.w) * at.w
        )

    return Altered(law, parameter=parameter, slot=lambda at: law.slot(at.but(op=replace(at.op, weight_decay=0.0))))


def _undecayed(network: Network, _name: str, law: Any) -> Any:
    if not _has_decay(network, network.update):
        return None

    def without(at: UpdateAt[Any]) -> UpdateAt[Any]:
        return at.but(op=replace(at.op, weight_decay=0.0))

    return Altered(law, parameter=lambda at: law.parameter(without(at)), slot=lambda at: law.slot(without(at)))


def _apart(law: Any, at: UpdateAt[Any]) -> tuple[Any, Any]:
    """The parameter after the step without decay, and λ."""
    return law.parameter(at.but(op=replace(at.op, weight_decay=0.0))), hyperparameter(at.op.weight_decay, at.w)


def _not_times_eta(law: Any, at: UpdateAt[Any]) -> Any:
    after, decay = _apart(law, at)
    return after - decay * at.w


def _after_step(law: Any, at: UpdateAt[Any]) -> Any:
    after, decay = _apart(law, at)
    return after - hyperparameter(at.op.eta, at.w) * (decay * after)


def _after_step_not_times_eta(law: Any, at: UpdateAt[Any]) -> Any:
    after, decay = _apart(law, at)
    return after - decay * after


def _has_decay(_network: Network, op: Any) -> bool:
    return bool(getattr(op, "weight_decay", 0))


def _of_coupled(wrong: Callable[..., Any]) -> Places:
    """The same where decay is coupled: then the slots hold none."""

    def make(network: Network, _name: str, law: Any) -> Any:
        if not network.update.coupled:
            return None
        return Altered(
            law,
            parameter=lambda at: wrong(law, at),
            slot=lambda at: law.slot(at.but(op=replace(at.op, weight_decay=0.0))),
        )

    return at_updates(make, *UPDATES)


MISTAKES = (
    Mistake(
        "BP405",
        "decay coupled where it is decoupled",
        "g ← g + λ w before the moments (Adam with L2)",
        "w ← w − η (m̂/(√v̂ + ε) + λ w): AdamW",
        "In AdamW the decay goes straight to the parameter and is not divided by √v̂. torch.optim.Adam(weight_decay=…) does.",
        at_updates(_coupled, AdamW),
    ),
    Mistake(
        "BP406",
        "decay decoupled where it is coupled",
        "velocity without λ w; w ← w − η (velocity + λ w). In adam: w ← w − η (m̂/(√v̂ + ε) + λ w), which is AdamW",
        "velocity ← μ velocity + g + λ w; m, v and sums from g + λ w, too",
        "In sgd with momentum the decay is part of the gradient and goes through the velocity. In adam, rmsprop and adagrad it "
        "is a penalty ½ λ w² in E as well, goes through the moments, and is divided by the root: weights with large gradients "
        "decay less. Where all weights should decay alike, the spec must say adamw.",
        at_updates(_decoupled, *UPDATES),
    ),
    Mistake(
        "BP407",
        "weight decay forgotten",
        "λ = 0",
        "λ w is part of the step",
        "The update rule of the spec decays weights.",
        at_updates(_undecayed, *UPDATES),
    ),
    Mistake(
        "BP417",
        "weight decay not multiplied by η",
        "w ← w − η m̂/(√v̂ + ε) − λ w",
        "w ← w − η (m̂/(√v̂ + ε) + λ w)",
        "The paper on decoupled decay multiplies λ w by a schedule that leaves η out; torch, optax and most others "
        "multiply by η. A λ of one convention is 1/η times too strong or too weak in the other.",
        stepping(_not_times_eta, AdamW, needs=lambda network, op: _has_decay(network, op) and op.eta != 1),
        others=(Form("where decay is part of the gradient", _of_coupled(_not_times_eta)),),
    ),
    Mistake(
        "BP418",
        "decay after the step",
        "w ← w − η m̂/(√v̂ + ε), then w ← w − η λ w",
        "w ← w − η (m̂/(√v̂ + ε) + λ w), both from the w before the step",
        "Two assignments one after the other: the second already sees the moved w. It is off by η² λ times the step.",
        stepping(_after_step, AdamW, needs=_has_decay),
        others=(
            Form("and not multiplied by η", stepping(_after_step_not_times_eta, AdamW, needs=_has_decay)),
            Form("where decay is part of the gradient", _of_coupled(_after_step)),
            Form("where decay is part of the gradient, and not multiplied by η", _of_coupled(_after_step_not_times_eta)),
        ),
    ),
)

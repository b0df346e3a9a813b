"""Mistakes in weight decay: where it enters the step, and with which factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bpcompare.arithmetic import hyperparameter
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.network import Network
from bpcompare.ops import AdamW, Sgd


def _coupled(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, AdamW) or not op.weight_decay:
        return None
    undecayed = replace(op, weight_decay=0.0)

    def decayed(p: Any, g: Any) -> Any:
        return g + hyperparameter(op.weight_decay, p) * p

    return Altered(
        law,
        parameter=lambda op, t, p, g, slots: law.parameter(undecayed, t, p, decayed(p, g), slots),
        slot=lambda op, t, p, g, slots, name: law.slot(undecayed, t, p, decayed(p, g), slots, name),
    )


def _decoupled(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, Sgd) or not op.weight_decay or not op.momentum:
        return None
    undecayed = replace(op, weight_decay=0.0)

    def parameter(op: Sgd, t: int, p: Any, g: Any, slots: Any) -> Any:
        return law.parameter(undecayed, t, p, g, slots) - hyperparameter(op.eta, p) * (hyperparameter(op.weight_decay, p) * p)

    return Altered(law, parameter=parameter, slot=lambda op, *rest: law.slot(undecayed, *rest))


def _undecayed(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, Sgd | AdamW) or not op.weight_decay:
        return None
    undecayed = replace(op, weight_decay=0.0)
    return Altered(
        law, parameter=lambda op, *rest: law.parameter(undecayed, *rest), slot=lambda op, *rest: law.slot(undecayed, *rest)
    )


def _apart(op: Any, law: Any, t: int, p: Any, g: Any, slots: Any) -> tuple[Any, Any]:
    """The parameter after the step without decay, and λ."""
    return law.parameter(replace(op, weight_decay=0.0), t, p, g, slots), hyperparameter(op.weight_decay, p)


def _not_times_eta(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    after, decay = _apart(op, law, t, p, g, slots)
    return after - decay * p


def _after_step(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    after, decay = _apart(op, law, t, p, g, slots)
    return after - hyperparameter(op.eta, p) * (decay * after)


def _after_step_not_times_eta(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    after, decay = _apart(op, law, t, p, g, slots)
    return after - decay * after


def _has_decay(network: Network, op: Any) -> bool:
    return bool(op.weight_decay)


def _of_sgd(wrong: Callable[..., Any]) -> Places:
    """The same of sgd, where the velocity then holds no decay."""

    def make(network: Network, name: str, law: Any) -> Any:
        if not _has_decay(network, network.update):
            return None
        return Altered(
            law,
            parameter=lambda *args: wrong(law, *args),
            slot=lambda op, *rest: law.slot(replace(op, weight_decay=0.0), *rest),
        )

    return at_updates(make, Sgd)


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
        "velocity without λ w; w ← w − η (velocity + λ w)",
        "velocity ← μ velocity + g + λ w",
        "In sgd with momentum the decay is part of the gradient and goes through the velocity.",
        at_updates(_decoupled, Sgd),
    ),
    Mistake(
        "BP407",
        "weight decay forgotten",
        "λ = 0",
        "λ w is part of the step",
        "The update rule of the spec decays weights.",
        at_updates(_undecayed, Sgd, AdamW),
    ),
    Mistake(
        "BP417",
        "weight decay not multiplied by η",
        "w ← w − η m̂/(√v̂ + ε) − λ w",
        "w ← w − η (m̂/(√v̂ + ε) + λ w)",
        "The paper on decoupled decay multiplies λ w by a schedule that leaves η out; torch, optax and most others "
        "multiply by η. A λ of one convention is 1/η times too strong or too weak in the other.",
        stepping(_not_times_eta, AdamW, needs=lambda network, op: _has_decay(network, op) and op.eta != 1),
        others=(Form("in sgd, beside the velocity", _of_sgd(_not_times_eta)),),
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
            Form("in sgd", _of_sgd(_after_step)),
            Form("in sgd, and not multiplied by η", _of_sgd(_after_step_not_times_eta)),
        ),
    ),
)

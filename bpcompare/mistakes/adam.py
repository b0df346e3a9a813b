"""Mistakes in Adam: its moments, their correction, its ε."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.network import Network
from bpcompare.numbers.number import hyperparameter, total
from bpcompare.ops import Adam, AdamW


def hats(law: Any, at: UpdateAt[Adam], step: int | None) -> tuple[Any, Any]:
    """Both moments, corrected for step `step`, or not at all."""
    m, v = (law.slot(at.but(name=name)) for name in ("m", "v"))
    if step is None:
        return m, v
    first, second = (hyperparameter(1.0 - hyperparameter(beta, at.w) ** step, at.w) for beta in (at.op.beta1, at.op.beta2))
    return m / first, v / second


def stepped(op: Adam, p: Any, direction: Any) -> Any:
    """The parameter after a step in `direction`, with the decay of AdamW beside it."""
    decay = [hyperparameter(op.weight_decay, p) * p] if op.decoupled else []
    return p - hyperparameter(op.eta, p) * total([direction, *decay])


def _corrected_at(shift: int) -> Callable[..., Any]:
    def wrong(law: Any, at: UpdateAt[Adam]) -> Any:
        m, v = hats(law, at, max(at.t + shift, 1))
        return stepped(at.op, at.w, m / (np.sqrt(v) + hyperparameter(at.op.epsilon, at.w)))

    return wrong


def _uncorrected(law: Any, at: UpdateAt[Adam]) -> Any:
    m, v = hats(law, at, None)
    return stepped(at.op, at.w, m / (np.sqrt(v) + hyperparameter(at.op.epsilon, at.w)))


def _inside(law: Any, at: UpdateAt[Adam]) -> Any:
    m, v = hats(law, at, at.t)
    return stepped(at.op, at.w, m / np.sqrt(v + hyperparameter(at.op.epsilon, at.w)))


def old_moments(_law: Any, at: UpdateAt[Adam]) -> Any:
    """A step from the moments before they are updated."""
    first, second = (hyperparameter(1.0 - hyperparameter(beta, at.w) ** at.t, at.w) for beta in (at.op.beta1, at.op.beta2))
    m, v = at.slots["m"] / first, at.slots["v"] / second
    return stepped(at.op, at.w, m / (np.sqrt(v) + hyperparameter(at.op.epsilon, at.w)))


def _swapped_betas(network: Network, _name: str, law: Any) -> Any:
    op: Any = network.update
    if op.beta1 == op.beta2:
        return None
    swapped = replace(op, beta1=op.beta2, beta2=op.beta1)

    def parameter(at: UpdateAt[Adam]) -> Any:
        return law.parameter(at.but(op=swapped))

    def slot(at: UpdateAt[Adam]) -> Any:
        return law.slot(at.but(op=swapped))

    return Altered(law, parameter=parameter, slot=slot)


EPSILONS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 1e-12, 1e-10, 0.0)
"""Values of ε that are somewhere the default or the habit, the likeliest first."""


def _epsilon(value: float | None) -> Places:
    """ε with this value; None: with the first usual one that the rule does not have."""

    def make(network: Network, _name: str, law: Any) -> Any:
        op: Any = network.update
        other = next(one for one in EPSILONS if one != op.epsilon) if value is None else value
        if other == op.epsilon:
            return None
        return Altered(law, parameter=lambda at: law.parameter(at.but(op=replace(at.op, epsilon=other))))

    return at_updates(make, Adam, AdamW)


def _undivided(value: float | None) -> Places:
    """ε-hat: ε beside the root of the uncorrected v, so that it is not divided by √(1 − β₂ᵗ); None: the rule's own ε."""

    def wrong(law: Any, at: UpdateAt[Adam]) -> Any:
        m, v = hats(law, at, at.t)
        epsilon = (at.op.epsilon if value is None else value) / sqrt(1.0 - at.op.beta2**at.t)
        return stepped(at.op, at.w, m / (np.sqrt(v) + hyperparameter(epsilon, at.w)))

    return stepping(wrong, Adam, AdamW, needs=lambda _network, op: value != op.epsilon)


MISTAKES = (
    Mistake(
        "BP401",
        "Adam's bias correction off by one",
        "m̂ = m/(1 − β₁ᵗ⁻¹), v̂ = v/(1 − β₂ᵗ⁻¹), or with t + 1",
        "m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ), t counted from 1",
        "The first update has t = 1. A counter that is increased after the update, or twice, is off by one.",
        stepping(_corrected_at(1), Adam, AdamW),
        others=(stepping(_corrected_at(-1), Adam, AdamW),),
    ),
    Mistake(
        "BP402",
        "Adam without bias correction",
        "w ← w − η m/(√v + ε)",
        "w ← w − η m̂/(√v̂ + ε)",
        "Both moments start at zero and are too small at first; m̂ and v̂ put that right.",
        stepping(_uncorrected, Adam, AdamW),
    ),
    Mistake(
        "BP403",
        "Adam's ε inside the root",
        "w ← w − η m̂/√(v̂ + ε)",
        "w ← w − η m̂/(√v̂ + ε)",
        "√(v̂ + 1e-8) stops at 1e-4 where √v̂ + 1e-8 stops at 1e-8. optax calls the inner one eps_root.",
        stepping(_inside, Adam, AdamW),
    ),
    Mistake(
        "BP413",
        "β₁ and β₂ swapped",
        "m with β₂, v with β₁",
        "m with β₁ (0.9), v with β₂ (0.999)",
        "The first moment forgets quickly, the second slowly.",
        at_updates(_swapped_betas, Adam, AdamW),
    ),
    Mistake(
        "BP415",
        "Adam with another ε",
        "w ← w − η m̂/(√v̂ + ε') with another ε'",
        "w ← w − η m̂/(√v̂ + ε) with the ε of the spec",
        "Defaults differ: 1e-8 in torch, optax and Adam's paper, 1e-7 in Keras and TensorFlow, 1e-6 or 1e-12 in some "
        "papers' code. It counts where gradients are small.",
        _epsilon(None),
        family=True,
        others=tuple(Form(f"ε = {value:g}", _epsilon(value)) for value in EPSILONS),
    ),
    Mistake(
        "BP416",
        "Adam's ε not divided by √(1 − β₂ᵗ)",
        "w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)",
        "w ← w − η m̂/(√v̂ + ε)",
        "Adam's paper gives a faster order of computation in which ε is “ε-hat”: it stands beside √v before the "
        "correction. TensorFlow and Keras compute that. In the first step ε counts 1/√(1 − β₂), some 32 times, as much; later "
        "the two come together.",
        _undivided(None),
        others=tuple(Form(f"ε-hat = {value:g}", _undivided(value)) for value in EPSILONS),
    ),
)

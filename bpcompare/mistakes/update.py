"""Mistakes in update rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.arithmetic import hyperparameter, total
from bpcompare.mistakes.mistake import Altered, Mistake, Places, at_updates
from bpcompare.network import Network
from bpcompare.ops import UPDATES, Adam, AdamW, Sgd
from bpcompare.ops.op import Op


def _parameter(wrong: Callable[..., Any], *ops: type[Op], needs: Callable[[Network, Any], bool] = lambda n, op: True) -> Places:
    """Another new parameter: wrong(law, op, t, p, g, slots)."""

    def make(network: Network, name: str, law: Any) -> Any:
        if not needs(network, network.update):
            return None
        return Altered(law, parameter=lambda *args: wrong(law, *args))

    return at_updates(make, *ops)


def _hats(law: Any, op: Adam, t: int, p: Any, g: Any, slots: Any, at: int | None) -> tuple[Any, Any]:
    """Both moments, corrected for step `at`, or not at all."""
    m, v = (law.slot(op, t, p, g, slots, name) for name in ("m", "v"))
    if at is None:
        return m, v
    first, second = (hyperparameter(1.0 - hyperparameter(beta, p) ** at, p) for beta in (op.beta1, op.beta2))
    return m / first, v / second


def _stepped(op: Adam, p: Any, direction: Any) -> Any:
    decay = [hyperparameter(op.weight_decay, p) * p] if isinstance(op, AdamW) else []
    return p - hyperparameter(op.eta, p) * total([direction, *decay])


def _corrected_at(shift: int) -> Callable[..., Any]:
    def wrong(law: Any, op: Adam, t: int, p: Any, g: Any, slots: Any) -> Any:
        m, v = _hats(law, op, t, p, g, slots, max(t + shift, 1))
        return _stepped(op, p, m / (np.sqrt(v) + hyperparameter(op.epsilon, p)))

    return wrong


def _uncorrected(law: Any, op: Adam, t: int, p: Any, g: Any, slots: Any) -> Any:
    m, v = _hats(law, op, t, p, g, slots, None)
    return _stepped(op, p, m / (np.sqrt(v) + hyperparameter(op.epsilon, p)))


def _inside(law: Any, op: Adam, t: int, p: Any, g: Any, slots: Any) -> Any:
    m, v = _hats(law, op, t, p, g, slots, t)
    return _stepped(op, p, m / np.sqrt(v + hyperparameter(op.epsilon, p)))


def _old_moments(law: Any, op: Adam, t: int, p: Any, g: Any, slots: Any) -> Any:
    first, second = (hyperparameter(1.0 - hyperparameter(beta, p) ** t, p) for beta in (op.beta1, op.beta2))
    m, v = slots["m"] / first, slots["v"] / second
    return _stepped(op, p, m / (np.sqrt(v) + hyperparameter(op.epsilon, p)))


def _swapped_betas(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, Adam) or op.beta1 == op.beta2:
        return None
    swapped = replace(op, beta1=op.beta2, beta2=op.beta1)

    def parameter(op: Adam, t: int, p: Any, g: Any, slots: Any) -> Any:
        return law.parameter(swapped, t, p, g, slots)

    def slot(op: Adam, t: int, p: Any, g: Any, slots: Any, name: str) -> Any:
        return law.slot(swapped, t, p, g, slots, name)

    return Altered(law, parameter=parameter, slot=slot)


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


def _before_step(law: Any, op: Sgd, t: int, p: Any, g: Any, slots: Any) -> Any:
    return p - hyperparameter(op.eta, p) * slots["velocity"]


def _plain_momentum(law: Any, op: Sgd, t: int, p: Any, g: Any, slots: Any) -> Any:
    return law.parameter(replace(op, nesterov=False), t, p, g, slots)


def _dampened(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, Sgd) or not op.momentum:
        return None

    def slot(op: Sgd, t: int, p: Any, g: Any, slots: Any, name: str) -> Any:
        mu = hyperparameter(op.momentum, p)
        return total([mu * slots["velocity"], *((1.0 - mu) * term for term in law.decayed(op, p, g))])

    def parameter(op: Sgd, t: int, p: Any, g: Any, slots: Any) -> Any:
        step = slot(op, t, p, g, slots, "velocity")
        if op.nesterov:
            step = total([*law.decayed(op, p, g), hyperparameter(op.momentum, p) * step])
        return p - hyperparameter(op.eta, p) * step

    return Altered(law, slot=slot, parameter=parameter)


def _eta_in_velocity(network: Network, name: str, law: Any) -> Any:
    op = network.update
    if not isinstance(op, Sgd) or not op.momentum or op.nesterov:
        return None

    def slot(op: Sgd, t: int, p: Any, g: Any, slots: Any, name: str) -> Any:
        eta, mu = hyperparameter(op.eta, p), hyperparameter(op.momentum, p)
        return total([mu * slots["velocity"], *(eta * term for term in law.decayed(op, p, g))])

    return Altered(law, slot=slot, parameter=lambda op, t, p, g, slots: p - slot(op, t, p, g, slots, "velocity"))


def _eta_twice(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    return law.parameter(replace(op, eta=op.eta * op.eta), t, p, g, slots)


def _ascent(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    return p + (p - law.parameter(op, t, p, g, slots))


def _unchanged(law: Any, op: Any, t: int, p: Any, g: Any, slots: Any) -> Any:
    return p


def _bias_unchanged(network: Network, name: str, law: Any) -> Any:
    if not any(role == "bias" for _, role in network.uses[name]):
        return None
    return Altered(law, parameter=lambda *args: _unchanged(law, *args))


def _has_momentum(network: Network, op: Any) -> bool:
    return bool(op.momentum)


MISTAKES = (
    Mistake(
        "BP401",
        "Adam's bias correction off by one",
        "m̂ = m/(1 − β₁ᵗ⁻¹), v̂ = v/(1 − β₂ᵗ⁻¹), or with t + 1",
        "m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ), t counted from 1",
        "The first update has t = 1. A counter that is increased after the update, or twice, is off by one.",
        _parameter(_corrected_at(1), Adam, AdamW),
        others=(_parameter(_corrected_at(-1), Adam, AdamW),),
    ),
    Mistake(
        "BP402",
        "Adam without bias correction",
        "w ← w − η m/(√v + ε)",
        "w ← w − η m̂/(√v̂ + ε)",
        "Both moments start at zero and are too small at first; m̂ and v̂ put that right.",
        _parameter(_uncorrected, Adam, AdamW),
    ),
    Mistake(
        "BP403",
        "Adam's ε inside the root",
        "w ← w − η m̂/√(v̂ + ε)",
        "w ← w − η m̂/(√v̂ + ε)",
        "√(v̂ + 1e-8) stops at 1e-4 where √v̂ + 1e-8 stops at 1e-8. optax calls the inner one eps_root.",
        _parameter(_inside, Adam, AdamW),
    ),
    Mistake(
        "BP404",
        "step taken before the moments are updated",
        "w ← w − η · (the velocity or moments of the step before)",
        "first velocity ← μ velocity + g (or m, v), then w",
        "The new gradient must be in the velocity (in m and v) before the parameter moves.",
        _parameter(_before_step, Sgd, needs=_has_momentum),
        others=(_parameter(_old_moments, Adam, AdamW),),
    ),
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
        "BP408",
        "learning rate applied twice",
        "w ← w − η² …",
        "w ← w − η …",
        "η belongs in the update, not in Δ or the gradient as well.",
        _parameter(_eta_twice, *UPDATES, needs=lambda network, op: op.eta != 1),
    ),
    Mistake(
        "BP409",
        "step uphill",
        "w ← w + η ∂E/∂w",
        "w ← w − η ∂E/∂w = w + η a Δ",
        "+ belongs to a Δ, − to the gradient.",
        _parameter(_ascent, *UPDATES),
    ),
    Mistake(
        "BP410",
        "Nesterov's momentum taken for plain momentum",
        "w ← w − η velocity",
        "w ← w − η (d + μ velocity)",
        "Nesterov looks one step ahead: the new velocity is applied once more.",
        _parameter(_plain_momentum, Sgd, needs=lambda network, op: op.nesterov),
    ),
    Mistake(
        "BP411",
        "gradient dampened in the velocity",
        "velocity ← μ velocity + (1 − μ) g",
        "velocity ← μ velocity + g",
        "An exponential average is not the momentum of this rule: steps are (1 − μ) times as long. torch calls it dampening.",
        at_updates(_dampened, Sgd),
    ),
    Mistake(
        "BP412",
        "learning rate inside the velocity",
        "velocity ← μ velocity + η g,  w ← w − velocity",
        "velocity ← μ velocity + g,  w ← w − η velocity",
        "Equal while η is constant and the velocity starts at zero, but the optimizer state is another one, and a schedule for η "
        "tells them apart.",
        at_updates(_eta_in_velocity, Sgd),
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
        "BP414",
        "bias not updated",
        "b ← b",
        "b ← b − η ∂E/∂b",
        "The bias is a parameter like the weights, unless the spec freezes it.",
        at_updates(_bias_unchanged, *UPDATES),
    ),
)

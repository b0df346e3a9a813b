"""Mistakes in momentum, and in Nesterov's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bpcompare.laws.law import UpdateAt
from bpcompare.mistakes.adam import old_moments
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.mistakes.rooted import old_squares
from bpcompare.network import Network
from bpcompare.numbers.number import hyperparameter, total
from bpcompare.ops import Adagrad, Adam, AdamW, RmsProp, Sgd


def _before_step(_law: Any, at: UpdateAt[Sgd]) -> Any:
    return at.w - hyperparameter(at.op.eta, at.w) * at.slots["velocity"]


def _plain_momentum(law: Any, at: UpdateAt[Sgd]) -> Any:
    return law.parameter(at.but(op=replace(at.op, nesterov=False)))


def _dampened(network: Network, _name: str, law: Any) -> Any:
    op: Any = network.update
    if not op.momentum:
        return None

    def slot(at: UpdateAt[Sgd]) -> Any:
        mu = hyperparameter(at.op.momentum, at.w)
        return total([mu * at.slots["velocity"], *((1.0 - mu) * term for term in law.decayed(at.op, at.w, at.g))])

    def parameter(at: UpdateAt[Sgd]) -> Any:
        step = slot(at)
        if at.op.nesterov:
            step = total([*law.decayed(at.op, at.w, at.g), hyperparameter(at.op.momentum, at.w) * step])
        return at.w - hyperparameter(at.op.eta, at.w) * step

    return Altered(law, slot=slot, parameter=parameter)


def _reading(
    velocity: Callable[[Any, Any, Any, Any], Any],
    change: Callable[[Any, Any, Any, Any, Any], Any],
    *,
    nesterov: bool,
) -> Places:
    """Momentum read otherwise: velocity(v, d, μ, η) is the new one, change(new, v, d, μ, η) is what is added to the parameter."""

    def make(network: Network, _name: str, law: Any) -> Any:
        op: Any = network.update
        if not op.momentum or op.nesterov != nesterov:
            return None

        def numbers(at: UpdateAt[Sgd]) -> tuple[Any, Any, Any, Any]:
            d = total(law.decayed(at.op, at.w, at.g))
            return at.slots["velocity"], d, hyperparameter(at.op.momentum, at.w), hyperparameter(at.op.eta, at.w)

        def slot(at: UpdateAt[Sgd]) -> Any:
            return velocity(*numbers(at))

        def parameter(at: UpdateAt[Sgd]) -> Any:
            given = numbers(at)
            return at.w + change(velocity(*given), *given)

        return Altered(law, slot=slot, parameter=parameter)

    return at_updates(make, Sgd)


def _right(v: Any, d: Any, mu: Any, eta: Any) -> Any:
    return mu * v + d


def _with_eta(v: Any, d: Any, mu: Any, eta: Any) -> Any:
    return mu * v + eta * d


def _down(v: Any, d: Any, mu: Any, eta: Any) -> Any:
    return mu * v - eta * d


def _negative(v: Any, d: Any, mu: Any, eta: Any) -> Any:
    return mu * v - d


def _has_momentum(_network: Network, op: Any) -> bool:
    return bool(op.momentum)


_NESTEROV = (
    ("η inside the velocity", _with_eta, lambda new, v, d, mu, eta: -(eta * d + mu * new)),
    ("velocity ← μ velocity − η d, w ← w + velocity: Sutskever's, from a gradient at w", _down, lambda new, v, d, mu, eta: new),
    ("η inside the velocity, w ← w − velocity", _with_eta, lambda new, v, d, mu, eta: -new),
    ("with the old velocity: w ← w − η (d + μ velocity)", _right, lambda new, v, d, mu, eta: -(eta * (d + mu * v))),
    ("the new velocity twice: w ← w − η (1 + μ) velocity", _right, lambda new, v, d, mu, eta: -(eta * (new + mu * new))),
    ("the look-ahead alone: w ← w − η μ velocity", _right, lambda new, v, d, mu, eta: -(eta * (mu * new))),
    ("gradient and velocity: w ← w − η (d + velocity)", _right, lambda new, v, d, mu, eta: -(eta * (d + new))),
)
"""Ways in which a step of Nesterov's is written, mixed up: words, the new velocity, what is added to the parameter."""

MISTAKES = (
    Mistake(
        "BP404",
        "step taken before the moments are updated",
        "w ← w − η · (the velocity or moments of the step before)",
        "first velocity ← μ velocity + g (or m, v, sum), then w",
        "The new gradient must be in the velocity (in m, v, the sum) before the parameter moves.",
        stepping(_before_step, Sgd, needs=_has_momentum),
        others=(stepping(old_moments, Adam, AdamW), stepping(old_squares, RmsProp, Adagrad)),
    ),
    Mistake(
        "BP410",
        "Nesterov's momentum taken for plain momentum",
        "w ← w − η velocity",
        "w ← w − η (d + μ velocity)",
        "Nesterov looks one step ahead: the new velocity is applied once more.",
        stepping(_plain_momentum, Sgd, needs=lambda _network, op: op.nesterov),
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
        "Equal while η is constant and the velocity starts at zero, but the optimizer state is another one, and a schedule "
        "for η tells them apart.",
        _reading(_with_eta, lambda new, v, d, mu, eta: -new, nesterov=False),
        others=(
            Form(
                "velocity ← μ velocity − η g, w ← w + velocity", _reading(_down, lambda new, v, d, mu, eta: new, nesterov=False)
            ),
        ),
    ),
    Mistake(
        "BP419",
        "Nesterov's momentum read otherwise",
        "velocity ← μ velocity − η d,  w ← w + μ velocity − η d (Keras), or another of its forms",
        "velocity ← μ velocity + d,  w ← w − η (d + μ velocity), with the new velocity",
        "Nesterov's method is written in many ways: with η inside the velocity (Keras), with the velocity pointing "
        "downhill, as a step w + velocity from a gradient at the point w + μ velocity (Sutskever). They agree only if "
        "gradient, velocity and parameter all belong to the same way. Mixed, the step is another one.",
        _reading(_down, lambda new, v, d, mu, eta: mu * new - eta * d, nesterov=True),
        others=tuple(Form(words, _reading(velocity, change, nesterov=True)) for words, velocity, change in _NESTEROV),
    ),
    Mistake(
        "BP420",
        "plain momentum taken for Nesterov's",
        "w ← w − η (d + μ velocity)",
        "w ← w − η velocity",
        "The spec says nothing of Nesterov: the velocity is applied once, not once more.",
        _reading(_right, lambda new, v, d, mu, eta: -(eta * (d + mu * new)), nesterov=False),
    ),
    Mistake(
        "BP423",
        "velocity with the sign of the step",
        "velocity ← μ velocity − g,  w ← w + η velocity",
        "velocity ← μ velocity + g,  w ← w − η velocity",
        "The same weights, as long as the velocity starts at zero; but the velocity that is kept points the other way, and "
        "an optimizer state that is handed over is turned around.",
        _reading(_negative, lambda new, v, d, mu, eta: eta * new, nesterov=False),
        others=(
            Form(
                "Nesterov: w ← w + η (μ velocity − d)",
                _reading(_negative, lambda new, v, d, mu, eta: eta * (mu * new - d), nesterov=True),
            ),
        ),
    ),
)

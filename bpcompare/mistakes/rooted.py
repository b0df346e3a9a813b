"""Mistakes in the rules that divide by the root of a mean or a sum of squares: rmsprop and adagrad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import decayed, rooted
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.network import Network
from bpcompare.numbers.number import hyperparameter, positive, total
from bpcompare.ops import Adagrad, RmsProp

Gathered = Callable[[Any, UpdateAt[Any], Any], Any]
"""gathered(law, at, d): the mean or the sum of squares after the step, made otherwise."""


def _moved(at: UpdateAt[Any], s: Any, velocity: Any = None) -> Any:
    """What is multiplied by η: d divided by the root of s, or the velocity that it goes into."""
    direction = decayed(at) / rooted(at, s)
    return direction if velocity is None else total([hyperparameter(at.op.momentum, at.w) * velocity, direction])


def _gathering(gathered: Gathered, *ops: type[Any]) -> Places:
    """The squares gathered otherwise; all that follows from them is right."""

    def make(network: Network, _name: str, law: Any) -> Any:
        (squares,) = network.update.squares

        def slot(at: UpdateAt[Any]) -> Any:
            if at.name == squares:
                return gathered(law, at, decayed(at))
            return step(at) if at.name == "velocity" else law.slot(at)

        def step(at: UpdateAt[Any]) -> Any:
            s = slot(at.but(name=squares))
            if mean := network.update.squares[squares]:
                m = law.slot(at.but(name=mean))
                s = s - m * m
            return _moved(at, s, at.slots.get("velocity"))

        def parameter(at: UpdateAt[Any]) -> Any:
            return at.w - hyperparameter(at.op.eta, at.w) * step(at)

        return Altered(law, slot=slot, parameter=parameter)

    return at_updates(make, *ops)


def _first_power(_law: Any, at: UpdateAt[Any], d: Any) -> Any:
    """|d| in the place of d²."""
    size = np.where(positive(d), d, -d)
    if at.name == "sum":
        return total([at.slots["sum"], size])
    rho = hyperparameter(at.op.rho, at.w)
    return total([rho * at.slots["v"], hyperparameter(1.0 - rho, at.w) * size])


def _with_sign(_law: Any, at: UpdateAt[Any], d: Any) -> Any:
    if at.name == "sum":
        return total([at.slots["sum"], d])
    rho = hyperparameter(at.op.rho, at.w)
    return total([rho * at.slots["v"], hyperparameter(1.0 - rho, at.w) * d])


def _forgetting(rho: float) -> Gathered:
    """A mean that forgets, in the place of the sum."""

    def gathered(_law: Any, at: UpdateAt[Adagrad], d: Any) -> Any:
        kept = hyperparameter(rho, at.w)
        return total([kept * at.slots["sum"], hyperparameter(1.0 - kept, at.w) * (d * d)])

    return gathered


def _all_kept(_law: Any, at: UpdateAt[RmsProp], d: Any) -> Any:
    return total([at.slots["v"], d * d])


def _undiminished(_law: Any, at: UpdateAt[RmsProp], d: Any) -> Any:
    return total([hyperparameter(at.op.rho, at.w) * at.slots["v"], d * d])


def _turned(_law: Any, at: UpdateAt[RmsProp], d: Any) -> Any:
    rho = hyperparameter(at.op.rho, at.w)
    return total([hyperparameter(1.0 - rho, at.w) * at.slots["v"], rho * (d * d)])


def _read_otherwise(changed: Callable[[Any], Any]) -> Callable[[Network, str, Any], Any]:
    """The step by the rule that `changed` makes of it, and by the slots of the right one; None: it makes none."""

    def make(network: Network, _name: str, law: Any) -> Any:
        if changed(network.update) is None:
            return None

        def slot(at: UpdateAt[Any]) -> Any:
            return law.slot(at.but(op=changed(at.op)) if at.name == "velocity" else at)

        return Altered(law, slot=slot, parameter=lambda at: law.parameter(at.but(op=changed(at.op))))

    return make


def _other_side(op: Any) -> Any:
    return replace(op, epsilon_inside=not op.epsilon_inside) if op.epsilon else None


def _uncentered(op: RmsProp) -> Any:
    return replace(op, centered=False) if op.centered else None


def old_squares(_law: Any, at: UpdateAt[Any]) -> Any:
    """A step from the squares, the mean and the velocity before they are updated."""
    if "velocity" in at.slots:
        return at.w - hyperparameter(at.op.eta, at.w) * at.slots["velocity"]
    (squares,) = at.op.squares
    s = at.slots[squares]
    if mean := at.op.squares[squares]:
        s = s - at.slots[mean] * at.slots[mean]
    return at.w - hyperparameter(at.op.eta, at.w) * _moved(at, s)


def _inside_velocity(sign: float) -> Places:
    """velocity ← μ velocity ± η d/√(s + ε), which is then added or subtracted as it is."""

    def make(network: Network, _name: str, law: Any) -> Any:
        rule: Any = network.update
        if not rule.momentum or (sign > 0 and rule.eta == 1):
            return None

        def slot(at: UpdateAt[RmsProp]) -> Any:
            if at.name != "velocity":
                return law.slot(at)
            direction = hyperparameter(at.op.eta, at.w) * law.direction(at)
            return total([hyperparameter(at.op.momentum, at.w) * at.slots["velocity"], direction if sign > 0 else -direction])

        def parameter(at: UpdateAt[RmsProp]) -> Any:
            velocity = slot(at.but(name="velocity"))
            return at.w - velocity if sign > 0 else at.w + velocity

        return Altered(law, slot=slot, parameter=parameter)

    return at_updates(make, RmsProp)


def _unvaried(law: Any, at: UpdateAt[RmsProp]) -> Any:
    """Momentum on the gradient, divided by the root afterwards."""
    s = law.slot(at.but(name="v"))
    if at.op.centered:
        m = law.slot(at.but(name="m"))
        s = s - m * m
    velocity = total([hyperparameter(at.op.momentum, at.w) * at.slots["velocity"], decayed(at)])
    return at.w - hyperparameter(at.op.eta, at.w) * (velocity / rooted(at, s))


MISTAKES = (
    Mistake(
        "BP424",
        "ε on the other side of the root",
        "w ← w − η g/(√v + ε) where the spec says inside, or w ← w − η g/√(v + ε) where it says outside",
        "epsilon_inside = true: √(v + ε); false: √v + ε",
        "√(v + 1e-8) is at least 1e-4, √v + 1e-8 is at least 1e-8, so the largest steps differ by a factor of 10,000. optax and "
        "TensorFlow put ε of rmsprop inside the root, torch and Keras outside; adagrad has it outside in its paper and in torch, "
        "and inside in optax. A port must move the ε, or square it.",
        at_updates(_read_otherwise(_other_side), RmsProp, Adagrad),
    ),
    Mistake(
        "BP425",
        "mean of the gradient not subtracted",
        "w ← w − η g/√(v + ε)",
        "w ← w − η g/√(v − m² + ε): centered",
        "Centered rmsprop divides by an estimate of the deviation, so the square of the mean must leave the mean of squares. "
        "Where gradients keep their sign, the steps of the other rule are much shorter.",
        at_updates(_read_otherwise(_uncentered), RmsProp),
    ),
    Mistake(
        "BP426",
        "g gathered instead of g²",
        "v ← ρ v + (1 − ρ) |g|, or sum ← sum + |g|",
        "v ← ρ v + (1 − ρ) g², sum ← sum + g²",
        "The root is taken of squares, so that the quotient has no unit: a loss that is scaled by 100 gives the same steps. "
        "Without the square the steps depend on the scale of the loss, and, with the sign of g, the root may be of a negative "
        "number.",
        _gathering(_first_power, RmsProp, Adagrad),
        others=(Form("with its sign", _gathering(_with_sign, RmsProp, Adagrad)),),
    ),
    Mistake(
        "BP427",
        "rmsprop taken for adagrad",
        "sum ← ρ sum + (1 − ρ) g², with ρ = 0.9 or another",
        "sum ← sum + g²",
        "Adagrad never forgets: its steps become shorter with every gradient, as its proof of convergence needs it. rmsprop was "
        "made in order to change that, and is another rule.",
        _gathering(_forgetting(0.9), Adagrad),
        family=True,
        others=tuple(Form(f"ρ = {rho:g}", _gathering(_forgetting(rho), Adagrad)) for rho in (0.9, 0.99, 0.999, 0.95, 0.5)),
    ),
    Mistake(
        "BP428",
        "mean of squares gathered otherwise",
        "v ← v + g² (adagrad), v ← ρ v + g², or v ← (1 − ρ) v + ρ g²",
        "v ← ρ v + (1 − ρ) g²",
        "ρ is the share of what was there before, 1 − ρ that of the new square; the two together are 1, or v is no mean. With "
        "the two exchanged the rule forgets at once, without them it is adagrad.",
        _gathering(_all_kept, RmsProp),
        others=(
            Form("v ← ρ v + g²", _gathering(_undiminished, RmsProp)),
            Form("ρ and 1 − ρ exchanged", _gathering(_turned, RmsProp)),
        ),
    ),
    Mistake(
        "BP429",
        "momentum of rmsprop read otherwise",
        "velocity ← μ velocity − η g/√(v + ε),  w ← w + velocity",
        "velocity ← μ velocity + g/√(v + ε),  w ← w − η velocity",
        "optax, TensorFlow and Keras multiply by η before they add up, torch after. While η is constant and the velocity starts "
        "at zero, the weights are the same; but the velocity is another one, and cannot be handed over from one to the other. "
        "The velocity is made of scaled gradients: divided by the root only afterwards, it gives another step.",
        _inside_velocity(-1.0),
        others=(
            Form("velocity ← μ velocity + η g/√(v + ε), w ← w − velocity", _inside_velocity(1.0)),
            Form(
                "w ← w − η (μ velocity + g)/√(v + ε)",
                stepping(_unvaried, RmsProp, needs=lambda _network, op: op.momentum > 0),
            ),
        ),
    ),
)

"""Mistakes in penalties: in E, or in what they add to the gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, examples
from bpcompare.network import Network


def _at_penalties(make: Callable[[Network, Any], Any], *, frozen: bool = False) -> Places:
    """Places at the penalty of every parameter: make(network, right law) is the wrong law, or None. `frozen`: of those, too."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        found = {
            f"{name}.penalty": make(network, laws.of(f"{name}.penalty", op))
            for name, op in network.penalties.items()
            if frozen or network.parameters[name].trainable
        }
        return {owner: law for owner, law in found.items() if law is not None}

    return places


def _times(factor: Callable[[Network], float], *, in_error: bool = False) -> Places:
    """The gradient of the penalty times a factor; E as well, or E is right."""

    def make(network: Network, law: Any) -> Any:
        by = factor(network)
        if by == 1:
            return None
        found: dict[str, Any] = {"gradient": lambda at: law.gradient(at) * by}
        found |= {"forward": lambda at: law.forward(at) * by} if in_error else {}
        return Altered(law, ["w"], None, **found)

    return _at_penalties(make, frozen=in_error)


def _twice(_network: Network) -> float:
    return 2.0


def _averaged(network: Network) -> float:
    return 1.0 / examples(network)


def _no_gradient(_network: Network, law: Any) -> Any:
    return Altered(law, ["w"], gradient=lambda at: np.zeros(at.p[at.role].shape))


def _not_in_error(_network: Network, law: Any) -> Any:
    return Altered(law, forward=lambda _: np.zeros(()))


def _nowhere(_network: Network, law: Any) -> Any:
    return Altered(law, ["w"], gradient=lambda at: np.zeros(at.p[at.role].shape), forward=lambda _: np.zeros(()))


MISTAKES = (
    Mistake(
        "BP310",
        "penalty forgotten in the gradient",
        "∂E/∂w = −a Δ, while E has ½ λ Σ w²",
        "∂E/∂w = −a Δ + λ w",
        "What is added to E must be differentiated, too. Frameworks do that by themselves; in a backward pass by hand λ w is "
        "a line of its own. Without it the printed E holds a penalty that nothing makes small.",
        _at_penalties(_no_gradient),
    ),
    Mistake(
        "BP311",
        "λ Σ w² taken for ½ λ Σ w²",
        "∂E/∂w = −a Δ + 2 λ w",
        "∂E/∂w = −a Δ + λ w, from E = … + ½ λ Σ w²",
        "The ½ is there so that the 2 of the derivative cancels, as in the squared error. Frameworks disagree about "
        "it: regularizers.L2(λ) of Keras is λ Σ w², weight_decay of an optimizer is λ w in the gradient, which is ½ λ Σ w². A λ "
        "of one convention counts twice or half in the other.",
        _times(_twice),
        others=(Form("in E as well", _times(_twice, in_error=True)),),
    ),
    Mistake(
        "BP312",
        "penalty averaged over examples",
        "∂E/∂w = −a Δ + λ w / B",
        "∂E/∂w = −a Δ + λ w: the penalty is no sum over examples",
        "Some courses write 1/B (Σ over examples + ½ λ Σ w²). Here `reduce` is about examples, and the penalty stands beside it. "
        "With 1/B inside, λ means less the more examples a batch has.",
        _times(_averaged),
        others=(Form("in E as well", _times(_averaged, in_error=True)),),
    ),
    Mistake(
        "BP511",
        "penalty left out of E",
        "E = Σ over examples alone, while the gradient has λ w",
        "E = Σ over examples + ½ λ Σ w²",
        "So it is where weight_decay of an optimizer stands for the penalty: the gradient has its part, the printed loss has "
        "not. Training is right, and E is not what the gradient is the gradient of.",
        _at_penalties(_not_in_error, frozen=True),
        others=(Form("and of the gradient", _at_penalties(_nowhere, frozen=True)),),
    ),
)

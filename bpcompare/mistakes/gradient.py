"""Mistakes in the gradient of a parameter, made from right Δ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.laws.law import At
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_layers, examples
from bpcompare.network import Network
from bpcompare.numbers.number import Product, total
from bpcompare.ops import LAYERS, Conv2d, Dense, Embedding
from bpcompare.ops.op import Op


def _gradient(wrong: Callable[..., Any], *ops: type[Op], batch: int = 1, role: str | None = None) -> Places:
    """Layers `ops` with another gradient: wrong(law, at); needs at least `batch` examples."""

    def make(network: Network, name: str, law: Any) -> Any:
        roles = network.layers[name].parameters
        free = [key for key, path in roles.items() if network.parameters[path].trainable and role in (None, key)]
        if examples(network) < batch or not free:
            return None

        def gradient(at: At[Any]) -> Any:
            if role not in (None, at.role):
                return law.gradient(at)
            return wrong(law, at)

        return Altered(law, spoils=free, gradient=gradient)

    return at_layers(make, *ops)


def _times(number: Any, factor: float) -> Any:
    return Product(number.x * factor, number.w) if isinstance(number, Product) else number * factor


def _averaged_again(law: Any, at: At[Any]) -> Any:
    return _times(law.gradient(at), 1.0 / at.dy.shape[0])


def _last_example(law: Any, at: At[Any]) -> Any:
    return law.gradient(at.but(xs=[x[-1:] for x in at.xs], dy=at.dy[-1:], c={key: x[-1:] for key, x in at.c.items()}))


def _negative(law: Any, at: At[Any]) -> Any:
    return _times(law.gradient(at), -1.0)


def _zeros(_law: Any, at: At[Any]) -> Any:
    return np.zeros(at.p[at.role].shape)


def _row_sums(*, mean: bool = False, across: bool = False) -> Callable[..., Any]:
    """The gradient of the bias taken from that of the weight: its rows added up (or averaged), or its columns (`across`)."""

    def wrong(law: Any, at: At[Any]) -> Any:
        w = total([law.gradient(at.but(role="weight"))])
        axes = tuple(range(1, w.ndim)) if (at.op.connects == "channels") != across else (0,)
        number = float(prod(w.shape[axis] for axis in axes))
        return total(w, axis=axes) / number if mean else total(w, axis=axes)

    return wrong


def _last_wins(law: Any, at: At[Embedding]) -> Any:
    rows = at.x.reshape(-1)
    last = {int(row): place for place, row in enumerate(rows)}
    keep = np.zeros(rows.size, bool)
    keep[list(last.values())] = True
    mask = keep.reshape(*at.x.shape, *(1,) * (at.dy.ndim - at.x.ndim))
    return law.gradient(at.but(dy=np.where(np.broadcast_to(mask, at.dy.shape), at.dy, 0.0)))


def _one_use(network: Network, laws: Laws) -> Mapping[str, Any]:
    """Of the layers that share a parameter, only the last contributes to its gradient."""
    mute: dict[str, set[str]] = {}
    for parameter in network.trainable:
        for name, role in network.uses[parameter][:-1]:
            mute.setdefault(name, set()).add(role)

    def silent(law: Any, roles: set[str]) -> Any:
        def gradient(at: At[Any]) -> Any:
            return np.zeros(at.p[at.role].shape) if at.role in roles else law.gradient(at)

        return Altered(law, spoils=roles, gradient=gradient)

    return {name: silent(laws.of(name, network.layers[name].op), roles) for name, roles in mute.items()}


MISTAKES = (
    Mistake(
        "BP301",
        "gradient averaged over examples once more",
        "∂E/∂w = 1/B Σ −a Δ",
        "∂E/∂w = Σ −a Δ: the 1/B of a mean is in Δ already",
        "Δ carries the reduction over examples. Dividing the sum of a Δ by B again makes every gradient B times too small.",
        _gradient(_averaged_again, *LAYERS, batch=2),
    ),
    Mistake(
        "BP302",
        "only the last example's gradient is kept",
        "∂E/∂w = −a Δ of the last example",
        "∂E/∂w = Σ over examples of −a Δ",
        "A loop over examples that assigns instead of adding.",
        _gradient(_last_example, Dense, Conv2d, batch=2),
    ),
    Mistake(
        "BP303",
        "bias gradient missing",
        "∂E/∂b = 0",
        "∂E/∂b = Σ over examples of −Δ",
        "The bias is a weight whose source is always 1. It gets a gradient like every other.",
        _gradient(_zeros, Dense, Conv2d, role="bias"),
    ),
    Mistake(
        "BP304",
        "gradient with the sign of Δ",
        "∂E/∂w = +a Δ",
        "∂E/∂w = −a Δ",
        "a Δ is minus the gradient: what is added to w. An optimizer subtracts, so it must be given −a Δ.",
        _gradient(_negative, *LAYERS),
    ),
    Mistake(
        "BP305",
        "repeated indices overwrite each other",
        "∂E/∂w[i] = −Δ of the last place that read row i",
        "∂E/∂w[i] = Σ over all places that read row i",
        "grad[index] += delta adds once for an index that occurs twice, in NumPy and elsewhere. np.add.at accumulates.",
        _gradient(_last_wins, Embedding),
    ),
    Mistake(
        "BP306",
        "one use of a shared parameter counts",
        "∂E/∂w from one layer",
        "∂E/∂w = Σ over every layer that uses w",
        "A shared parameter has one gradient: the sum over its uses. The last layer computed must not overwrite the others.",
        _one_use,
    ),
    Mistake(
        "BP307",
        "bias gradient taken from the weight gradient",
        "∂E/∂b_j = Σ_i ∂E/∂w_ij: a row sum of the weight gradient",
        "∂E/∂b_j = Σ over examples of −Δ_j",
        "The bias gradient is Δ summed over examples; a does not occur in it. Summed weight gradients hold Σ_i a_i as a "
        "factor, and are right by luck only where the activations of a layer add up to 1, as shares and one-hot inputs do.",
        _gradient(_row_sums(), Dense, Conv2d, role="bias"),
        others=(
            Form("their mean", _gradient(_row_sums(mean=True), Dense, Conv2d, role="bias")),
            Form("summed over the units", _gradient(_row_sums(across=True), Dense, Conv2d, role="bias")),
        ),
    ),
)

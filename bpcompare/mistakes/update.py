"""Mistakes in update rules of any kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_updates, stepping
from bpcompare.network import Network
from bpcompare.numbers.number import positive
from bpcompare.ops import UPDATES


def _eta_twice(law: Any, at: UpdateAt[Any]) -> Any:
    return law.parameter(at.but(op=replace(at.op, eta=at.op.eta * at.op.eta)))


def _ascent(law: Any, at: UpdateAt[Any]) -> Any:
    return at.w + (at.w - law.parameter(at))


def _bias_unchanged(network: Network, name: str, law: Any) -> Any:
    if not any(role == "bias" for _, role in network.uses[name]):
        return None
    return Altered(law, parameter=lambda at: at.w)


def _lazy(*, slots: bool, parameter: bool) -> Places:
    """Rows of an embedding whose gradient is 0 keep their slots, or stay where they are, or both."""

    def make(network: Network, name: str, law: Any) -> Any:
        rule: Any = network.update
        embedded = all(network.layers[layer].op.below is not None for layer, _ in network.uses[name])
        # Of a rule that rests, a row with gradient 0 stays where it is, too; with a penalty no row that is not 0 has gradient 0.
        if not embedded or rule.rests or name in network.penalties:
            return None

        def read(g: Any) -> Any:
            row = (positive(g) | positive(-g)).any(axis=tuple(range(1, g.ndim)), keepdims=True)
            return np.broadcast_to(row, g.shape)

        def slot(at: UpdateAt[Any]) -> Any:
            after = law.slot(at)
            return np.where(read(at.g), after, at.slots[at.name]) if slots else after

        def moved(at: UpdateAt[Any]) -> Any:
            after = law.parameter(at)
            return np.where(read(at.g), after, at.w) if parameter else after

        return Altered(law, slot=slot, parameter=moved)

    return at_updates(make, *UPDATES)


MISTAKES = (
    Mistake(
        "BP408",
        "learning rate applied twice",
        "w ← w − η² …",
        "w ← w − η …",
        "η belongs in the update, not in Δ or the gradient as well.",
        stepping(_eta_twice, *UPDATES, needs=lambda _network, op: op.eta != 1),
    ),
    Mistake(
        "BP409",
        "step uphill",
        "w ← w + η ∂E/∂w",
        "w ← w − η ∂E/∂w = w + η a Δ",
        "+ belongs to a Δ, − to the gradient.",
        stepping(_ascent, *UPDATES),
    ),
    Mistake(
        "BP414",
        "bias not updated",
        "b ← b",
        "b ← b − η ∂E/∂b",
        "The bias is a parameter like the weights, unless the spec freezes it.",
        at_updates(_bias_unchanged, *UPDATES),
    ),
    Mistake(
        "BP421",
        "lazy rows of an embedding",
        "rows that the batch does not read keep w and velocity (or m, v)",
        "every row is updated: velocity ← μ velocity, and w moves on with it",
        "Sparse updates touch only the rows of the batch. By the rule, a row with gradient 0 still has its velocity or moments "
        "decayed, still moves by them, and still has its weight decayed. torch calls its lazy variant SparseAdam.",
        _lazy(slots=True, parameter=True),
        others=(
            Form("velocity or moments only", _lazy(slots=True, parameter=False)),
            Form("w only", _lazy(slots=False, parameter=True)),
        ),
    ),
)

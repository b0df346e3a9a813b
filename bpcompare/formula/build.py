"""The formula of one element of one claim, traced from its law."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from bpcompare.formula.expression import Expression
from bpcompare.formula.named import spelled
from bpcompare.formula.numbers import Numbers
from bpcompare.formula.traced import Traced, negated
from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import At
from bpcompare.network import Network
from bpcompare.ops.op import Op
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import Question
from bpcompare.proof.values import StepValues
from bpcompare.proof.walk import Walk

MOST = 4
"""Terms of a sum that are written out; of a longer one the largest, and the rest added up."""
EVERY = 2**62

_SPELLED: WeakKeyDictionary[Network, Question] = WeakKeyDictionary()


def formula(
    network: Network, claim: Claim, index: tuple[int, ...], values: StepValues, *, positive: bool = False
) -> Expression | None:
    """The right-hand side of a claim at element `index`, over `values`; None for a frozen parameter, which has none.

    `positive`: with the sign of the frameworks, so that Δ is read as +∂E/∂in.
    """
    if not claim.owners:
        return None
    found = _traced(network, claim.path, values, positive).element(tuple(int(i) for i in index))
    # −∂E/∂w is Σ a Δ; with Δ as +∂E/∂in the same sum is the gradient.
    return negated(found) if positive and claim.statement == "gradient" else found


@lru_cache(maxsize=64)
def _traced(network: Network, path: str, values: StepValues, positive: bool) -> Traced:
    """A claim on formulas. Kept, for a page asks for one element after the other; a few, for each keeps its step's numbers."""
    get = Numbers(network, values, MOST, positive=positive)
    with np.errstate(all="ignore"):
        found: Traced = _question(network).by_path[path].value(get, _Turned() if positive else LAWS)
    return found


def arriving(network: Network, path: str, values: StepValues) -> Traced:
    """−∂E of a value or parameter as the sum over what reads it, every term written out."""
    walk = Walk(_question(network).program, Numbers(network, values, EVERY), LAWS)
    found: Traced = walk.back(path)
    return found


def written(network: Network, path: str, values: StepValues) -> Traced:
    """The number of a value from what it is computed from, every term written out."""
    program = _question(network).program
    found: Traced = Walk(program, Numbers(network, values, EVERY), LAWS).forward(program.writers[path])
    return found


def _question(network: Network) -> Question:
    if network not in _SPELLED:
        _SPELLED[network] = Question(spelled(network.program))
    return _SPELLED[network]


class _Turned(Laws):
    """The laws with the base case, and penalties, as +∂E: what they make of Δ of that sign has that sign."""

    def __init__(self) -> None:
        super().__init__(LAWS.ops, LAWS.updates)

    def of(self, owner: str, op: Op) -> Any:
        """The law of `op`, those of the error and of penalties turned round."""
        law = super().of(owner, op)
        return _Turn(law) if op.role in ("error", "penalty") else law


class _Turn:
    def __init__(self, law: Any) -> None:
        self._law = law

    def forward(self, at: At[Any]) -> Any:
        """What E is the sum of."""
        return self._law.forward(at)

    def delta(self, at: At[Any]) -> Any:
        """+∂E/∂a."""
        return -self._law.delta(at)

    def gradient(self, at: At[Any]) -> Any:
        """The penalty's part of +∂E/∂w."""
        return -self._law.gradient(at)

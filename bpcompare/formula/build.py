"""The formula of one element of one claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpcompare.claims import Claim
from bpcompare.formula.backward import delta, gradient
from bpcompare.formula.expression import Expression
from bpcompare.formula.forward import forward
from bpcompare.formula.numbers import Numbers
from bpcompare.formula.update import state, update
from bpcompare.network import Network
from bpcompare.values import StepValues


def formula(
    network: Network, claim: Claim, index: tuple[int, ...], values: StepValues, *, positive: bool = False
) -> Expression | None:
    """The right-hand side of a claim at element `index`, over `values`; None for a frozen parameter, which has none.

    `positive`: with the sign of the frameworks, so that Δ is read as +∂E/∂in.
    """
    if not claim.owners:
        return None
    return _FORMS[claim.statement](claim, index, Numbers(network, values, positive=positive))


_FORMS: dict[str, Callable[[Claim, Sequence[int], Numbers], Expression | None]] = {
    "forward": forward,
    "base": delta,
    "inductive": delta,
    "gradient": gradient,
    "update": update,
    "state": state,
}

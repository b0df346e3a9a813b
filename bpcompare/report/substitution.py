"""The formula with numbers in a line: what the step should give, from the numbers that a backend recorded before it."""

from __future__ import annotations

from bpcompare.formula import Quantity, formula, in_numbers
from bpcompare.network import Network
from bpcompare.proof.claims import Claim
from bpcompare.proof.values import StepValues


def substitution(network: Network, claim: Claim, index: tuple[int, ...], values: StepValues, result: float) -> str:
    """The formula of a claim with numbers in it, `g' * [w*Δ + w*Δ] = result`, at element `index` of its array.

    The numbers are those of `values`, with few digits; `result` has seven. "" where the claim only copies a number.
    """
    it = formula(network, claim, index, values)
    return "" if it is None or isinstance(it, Quantity) else f"{in_numbers(it)} = {result:.7g}"

"""The formula with numbers in a line: what the step should give, from the numbers that a backend recorded before it."""

from __future__ import annotations

from bpcompare.claims import Claim
from bpcompare.formula import Quantity, formula, in_numbers
from bpcompare.network import Network
from bpcompare.values import StepValues


def substitution(network: Network, claim: Claim, index: tuple[int, ...], values: StepValues, result: float) -> str:
    """`g' * [w*Δ + w*Δ] = result` at element `index`; empty where a number is merely handed on."""
    it = formula(network, claim, index, values)
    return "" if it is None or isinstance(it, Quantity) else f"{in_numbers(it)} = {result:.7g}"

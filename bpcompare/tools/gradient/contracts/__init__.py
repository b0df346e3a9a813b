"""Contracts of a backward: what one proof on some inputs does not see."""

from bpcompare.tools.gradient.contracts.options import Batch, Options, Shapes
from bpcompare.tools.gradient.contracts.outcome import CONTRACTS, Outcome
from bpcompare.tools.gradient.contracts.trying import contracts, over_formats

__all__ = ["CONTRACTS", "Batch", "Options", "Outcome", "Shapes", "contracts", "over_formats"]

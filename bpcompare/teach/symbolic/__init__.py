"""The proof on symbols: the same claims and laws, shown for all weights and all data. Needs SymPy."""

from bpcompare.teach.symbolic.prove import MissingSympyError, Proof, TooLargeError, prove
from bpcompare.teach.symbolic.text import proof_text

__all__ = ["MissingSympyError", "Proof", "TooLargeError", "proof_text", "prove"]

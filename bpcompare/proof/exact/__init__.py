"""Exact mode: numbers drawn so that nothing can round; every backend must then record the same bits.

One step, on its own draw of dyadic numbers (k·2ⁿ) with many significant bits. The law is evaluated in arithmetic that proves
every partial sum representable; what a backend records must equal it in every bit (+0 and −0 are equal). The result depends
neither on a rounding radius nor on the order of summation nor on the hardware.
"""

from bpcompare.proof.exact.draw import ALIVE, draw
from bpcompare.proof.exact.exactly import Exactly, evaluate
from bpcompare.proof.exact.examine import examine
from bpcompare.proof.exact.reference import unproved
from bpcompare.proof.exact.sight import Sight, narrowed, sight

__all__ = ["ALIVE", "Exactly", "Sight", "draw", "evaluate", "examine", "narrowed", "sight", "unproved"]

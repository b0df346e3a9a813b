"""Exact mode: numbers drawn so that nothing can round, and then bit for bit the same from everyone.

One step, on its own draw of dyadic numbers, long enough to need the bits of their format. The law is evaluated in arithmetic
that proves every partial sum representable; what a backend records must equal it in every bit (+0 and −0 are equal). No ball,
no order, no hardware.
"""

from bpcompare.exact.draw import ALIVE, draw
from bpcompare.exact.exactly import Exactly, evaluate
from bpcompare.exact.examine import examine
from bpcompare.exact.reference import unproved
from bpcompare.exact.sight import Sight, narrowed, sight

__all__ = ["ALIVE", "Exactly", "Sight", "draw", "evaluate", "examine", "narrowed", "sight", "unproved"]

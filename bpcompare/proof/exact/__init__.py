"""Exact mode: numbers drawn so that nothing can round; every backend must then record the same bits.

One step, on its own draw of dyadic numbers (k·2ⁿ) with many significant bits. The law is evaluated in arithmetic that proves
every partial sum representable; what a backend records must equal it in every bit (+0 and −0 are equal). The result depends
neither on a rounding radius nor on the order of summation nor on the hardware.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpcompare.proof.exact.exactly import Exactly, evaluate
from bpcompare.proof.exact.examine import examine
from bpcompare.proof.exact.reference import unproved
from bpcompare.proof.exact.sight import Sight, narrowed, sight

if TYPE_CHECKING:
    from bpcompare.network import Dtype, Network
    from bpcompare.plan import Plan

__all__ = ["Exactly", "Sight", "draw", "evaluate", "examine", "narrowed", "sight", "unproved"]


def draw(network: Network, dtype: Dtype | None = None, steps: int | None = None, seed: int | None = None) -> Plan:
    """The plan of an exact run: see `drawing`, which is imported when one is drawn."""
    from bpcompare.proof.exact.drawing import draw as drawn

    return drawn(network, dtype, steps, seed)

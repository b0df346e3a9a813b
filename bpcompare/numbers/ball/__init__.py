"""An array with a rounding radius: every value that IEEE evaluation in a given precision, in any order, can give."""

from bpcompare.numbers.ball.array import Ball
from bpcompare.numbers.ball.format import Format

__all__ = ["Ball", "Format"]

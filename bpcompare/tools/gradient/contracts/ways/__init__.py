"""The way back through the code under test, in the arrays of its own framework."""

from bpcompare.tools.gradient.contracts.ways.finding import way_of
from bpcompare.tools.gradient.contracts.ways.way import Pullback, Way

__all__ = ["Pullback", "Way", "way_of"]

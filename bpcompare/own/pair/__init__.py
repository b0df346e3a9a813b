"""Are two programs the same? Values in pairs, gradients held against each other, and the place where they part."""

from bpcompare.own.pair.compared import Compared, compare
from bpcompare.own.pair.parameters import MapError
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.side import Spot

__all__ = ["Compared", "MapError", "Parting", "Spot", "compare"]

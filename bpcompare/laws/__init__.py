"""The law of each op: forward and Δ, once, for every arithmetic. `LAWS` is the table; each file has the rows of its family."""

from bpcompare.laws import activation, convolution, dense, embedding, error, normalization, pooling, shape, update
from bpcompare.laws.law import Law, Laws, UpdateLaw

_FAMILIES = (dense, convolution, pooling, normalization, embedding, shape, activation, error)

LAWS = Laws({op: law for family in _FAMILIES for op, law in family.TABLE.items()}, update.TABLE)

__all__ = ["LAWS", "Law", "Laws", "UpdateLaw"]

"""The law of each op: forward and Δ, once, for every arithmetic. `LAWS` is the table; each file has the rows of its family."""

from importlib import import_module

from bpcompare.laws.later import Later
from bpcompare.laws.law import At, Law, Laws, UpdateAt, UpdateLaw
from bpcompare.ops import FAMILIES

_TABLES = {family: import_module(f"bpcompare.laws.{family}").TABLE for family in FAMILIES}
_UPDATES = _TABLES.pop("update")

LAWS = Laws(
    {op: law for table in _TABLES.values() for op, law in table.items()},
    _UPDATES,
    Later("bpcompare.laws.calls", "CALLS"),  # of own code alone, and as long as all others
    Later("bpcompare.laws.rules", "RULES"),
)

__all__ = ["LAWS", "At", "Law", "Laws", "UpdateAt", "UpdateLaw"]

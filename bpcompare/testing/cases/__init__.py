"""What every backend is tried on: small networks, at least one for each op, each field of it, and each difficulty."""

from functools import cache

from bpcompare.ops import Op
from bpcompare.testing.cases import layers, rules, vectors
from bpcompare.testing.cases.case import Case

__all__ = ["Case", "cases", "covered"]


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    return tuple(case for families in (vectors, layers, rules) for family in families.FAMILIES for case in family())


def covered() -> frozenset[type[Op]]:
    """The ops that some case is about."""
    return frozenset(case.about for case in cases())

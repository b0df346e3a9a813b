"""JAX's own forms of functions, of complex numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

from bpcompare.laws.calls import lax
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.complex_functions import reciprocal
from bpcompare.laws.calls.complex_numbers import PREFIX, each, multiplied, pair, paired, parts, product_of
from bpcompare.laws.kernel import Node

rows = Rows()

LINEAR = ("broadcast_in_dim", "slice", "pad", "scatter-add", "scatter-sub", "cumsum", "select_n", "stack", "unstack")

for _name in LINEAR:
    _law = lax.rows.table[f"lax.{_name}"]
    _traits = {"moves_back": True} if _law.moves_back else {"moves": _law.moves}
    rows.law(f"{PREFIX}lax.{_name}", rearranged=_law.rearranged, **_traits)(each(_law))

_gathered = each(lax.rows.table["lax.gather"])


@rows.law(f"{PREFIX}lax.gather", moves=True)
def _gather(a: Arguments) -> Any:
    """Entries by their places. Raises LookupError for a number of the caller's where there is no such place."""
    if float(a.get("fill", 0.0)) != 0.0 and (a.index < 0).any():
        raise LookupError("a number that is put where there is no entry")
    return _gathered(a)


rows.law(f"{PREFIX}real", moves_back=True)(lambda a: pair(a.self)[0])
rows.law(f"{PREFIX}imag", moves_back=True)(lambda a: pair(a.self)[1])


@rows.law(f"{PREFIX}lax.dot_general", rearranged=True)
def _dot_general(a: Arguments) -> Node:
    """Of two of them, or of one and real numbers."""
    times = partial(lax.contracted, numbers=a.dimension_numbers, shape=a.shape[:-1])
    return product_of(parts(a, "x0"), parts(a, "x1"), times)


@rows.law(f"{PREFIX}lax.integer_pow", rearranged=True)
def _integer_pow(a: Arguments) -> Node:
    """By products. Raises LookupError for the power 0, and those beyond 8."""
    n = int(a.y)
    if not 1 <= abs(n) <= 8:
        raise LookupError("a power that is not a whole one up to 8")
    z = y = pair(a.x0)
    for _ in range(abs(n) - 1):
        y = multiplied(y, z)
    return paired(*(reciprocal(y) if n < 0 else y))

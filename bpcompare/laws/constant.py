"""A layer that reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node
from bpcompare.laws.law import At, Law
from bpcompare.ops import Constant, Op


def _repeated(at: At[Any]) -> Node:
    """`value` for each of the examples that `ones` counts."""
    value = at.p["value"]
    return kernel.expand(kernel.reshape(value, (1, *value.shape)), (len(at.c["ones"]), *value.shape))


TABLE: Mapping[type[Op], Law] = {Constant: Composed(_repeated)}

"""Products of matrices that are both computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node
from bpcompare.laws.law import At, Law
from bpcompare.ops import Matmul, Op


def _product(at: At[Any]) -> Node:
    ndim = max(at.xs[0].ndim, at.xs[1].ndim)
    return kernel.matmul(*(kernel.aligned(x, ndim) for x in at.xs))


TABLE: Mapping[type[Op], Law] = {Matmul: Composed(_product)}

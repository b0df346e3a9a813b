"""Sums and means over axes of an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.law import At, Law
from bpcompare.ops import Mean, Op, Sum


def _axes(at: At[Any]) -> tuple[int, ...]:
    """The axes of an example, counted with that of the examples."""
    return tuple(axis % (at.x.ndim - 1) + 1 for axis in at.op.axes)


TABLE: Mapping[type[Op], Law] = {
    Sum: Composed(lambda at: kernel.total(at.x, _axes(at), keepdims=at.op.keep)),
    Mean: Composed(lambda at: kernel.mean(at.x, _axes(at), keepdims=at.op.keep)),
}

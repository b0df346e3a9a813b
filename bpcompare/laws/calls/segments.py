"""Rows in segments of given lengths, each as one: sum, mean, product or extreme."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.extremes import TIES_SHARE, shared
from bpcompare.laws.calls.moves import taken
from bpcompare.laws.calls.writing import product
from bpcompare.laws.kernel import Node, lifted

rows = Rows()


@rows.law("segment_reduce", rearranged=True, kinks=TIES_SHARE)
def _segment_reduce(a: Arguments) -> Node:
    """Column by column. Raises LookupError for lengths along several axes, and for what an empty segment has."""
    x, lengths = lifted(a.data), a.get("lengths")
    if lengths is None or np.ndim(lengths) != 1 or a.get("axis", 0) % x.ndim:
        raise LookupError("segments that are not lengths of rows")
    if a.get("initial") is not None or (lengths == 0).any():
        raise LookupError("segments that are empty, or that begin with a number of their own")
    lengths = np.asarray(lengths, np.int64)
    width, count = prod(x.shape[1:]), np.arange(int(lengths.max(initial=0)))
    starts = np.cumsum(lengths) - lengths
    members = np.where(count < lengths[:, None], starts[:, None] + count, -1)
    index = np.where(members[:, None, :] >= 0, members[:, None, :] * width + np.arange(width)[:, None], -1)
    found, inside = taken(x, index), index >= 0
    if a.reduce in ("sum", "mean"):
        whole = kernel.total(found, (-1,))
        whole = whole if a.reduce == "sum" else kernel.divide(whole, lengths[:, None].astype(np.float64))
    elif a.reduce == "prod":
        whole = product(kernel.where(inside, found, 1.0))
    elif a.reduce == "max":
        whole = shared(found, inside)
    elif a.reduce == "min":
        whole = kernel.negative(shared(kernel.negative(found), inside))
    else:
        raise LookupError(f"reduce={a.reduce!r}")
    return kernel.reshape(whole, a.shape)

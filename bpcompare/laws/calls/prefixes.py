"""Logarithms of sums of everything so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.alignment import logs_added
from bpcompare.laws.calls.called import Arguments, Rows, plainly
from bpcompare.laws.calls.extremes import last
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, masked

rows = Rows()


@rows.law("logcumsumexp", rearranged=True)
def _logcumsumexp(a: Arguments) -> Node:
    """yᵢ = ln Σ e^xⱼ over j ≤ i;  e^xⱼ Σ Δᵢ e^−yᵢ over i ≥ j, for Δ of each sign by its logarithm, as torch does."""
    whole = lifted(a.self)
    axis = int(a.dim % max(whole.ndim, 1))
    x = last(whole if whole.ndim else kernel.reshape(whole, (1,)), (axis,))
    size = x.shape[-1]
    everywhere = np.ones(x.shape, bool)

    def forward() -> Num:
        return _so_far(x.value, everywhere)[0]

    def back(dy: Num) -> Num:
        y, numbers, parts = forward(), plainly(dy), []
        for sign in (1.0, -1.0):
            there = sign * numbers > 0
            logs = np.log(np.where(there, sign * dy, 1.0)) - y
            found, alive = _so_far(logs[..., ::-1], there[..., ::-1])
            parts.append(masked(alive[..., ::-1], np.exp(masked(alive[..., ::-1], found[..., ::-1] + x.value))))
        return parts[0] - parts[1]

    if not size:
        raise LookupError("logcumsumexp of nothing")
    found = Node(x.shape, forward, [(x, back)])
    lead = list(range(max(whole.ndim, 1) - 1))
    lead.insert(axis, len(lead))
    return kernel.reshape(kernel.permute(found, lead), a.shape)


def _so_far(x: Num, there: Array) -> tuple[Num, Array]:
    """Along the last axis the logarithm of the sum of e to what is `there` so far, and whether anything is."""
    values, alive = [x[..., 0]], [there[..., 0]]
    for number in range(1, there.shape[-1]):
        found, any_way = logs_added([(values[-1], alive[-1]), (x[..., number], there[..., number])])
        values.append(found)
        alive.append(any_way)
    parts: list[Any] = [np.expand_dims(one, -1) for one in values]
    return np.concatenate(parts, axis=-1), np.stack(alive, axis=-1)

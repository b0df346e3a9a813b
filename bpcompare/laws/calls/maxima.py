"""Largest entries of windows. Of equal ones that receives Δ whose place was given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.extremes import TIES_GIVEN, windowed
from bpcompare.laws.calls.moves import numbered, taken
from bpcompare.laws.calls.windows import Field, Line, line, regions, sized
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import first_max, positive

rows = Rows()


def winners(a: Arguments, lines: Sequence[Line]) -> tuple[Node, None]:
    """The largest entry of each window. Torch counts places within the last axes."""
    field = Field(a.self, lines)
    x, index = field.x, field.index
    members = field.members().value
    among = np.broadcast_to(index >= 0, members.shape)
    first = np.broadcast_to(index, members.shape)[first_max(members, among)].reshape(members.shape[:-1])
    start = numbered(x.shape[:1]).reshape(-1, *(1,) * (index.ndim - 1)) * x.shape[1]
    place = first + start
    if a.knows(1):
        recorded = a.result(1).reshape(first.shape)
        seen = (index == recorded[..., None]).any(axis=-1) & (recorded >= 0)
        other = np.where(seen, recorded, 0) + start
        lower = positive(taken(x, place).value - taken(x, other).value)
        place = np.where(seen & ~lower, other, place)
    return kernel.reshape(windowed(taken(x, place), field.members(), among, x), a.shape), None


def _max_pool(n: int) -> Callable[[Arguments], Any]:
    def formula(a: Arguments) -> Any:
        kernels = sized(a.kernel_size, n)
        strides, paddings = sized(a.get("stride"), n, kernels), sized(a.get("padding", 0), n)
        dilations = sized(a.get("dilation", 1), n)
        every = zip(a.self.shape[-n:], a.shape[-n:], kernels, strides, paddings, dilations, strict=True)
        return winners(a, [line(*one) for one in every])

    return formula


def _adaptive(n: int) -> Callable[[Arguments], Any]:
    return lambda a: winners(a, [regions(*one) for one in zip(a.self.shape[-n:], a.shape[-n:], strict=True)])


for _n in (1, 2, 3):
    rows.law(f"max_pool{_n}d_with_indices", f"max_pool{_n}d", f"mkldnn_max_pool{_n}d", kinks=TIES_GIVEN)(_max_pool(_n))
    rows.law(f"adaptive_max_pool{_n}d", kinks=TIES_GIVEN)(_adaptive(_n))


def _unpool(n: int) -> Callable[[Arguments], Node]:
    """Entries back to the places that a max pooling gave back, zeros elsewhere."""

    def formula(a: Arguments) -> Node:
        x = lifted(a.self)
        lead, size = x.shape[: x.ndim - n], int(np.prod(a.shape[-n:]))
        places = a.indices.reshape(int(np.prod(lead)), -1)
        places = places + numbered(places.shape[:1])[:, None] * size
        if np.unique(places).size < places.size:
            raise LookupError("several entries go to one place, and which of them stays is not defined")
        return kernel.reshape(kernel.put(kernel.reshape(x, places.shape), places, int(np.prod(a.shape))), a.shape)

    return formula


for _n in (2, 3):
    rows.law(f"max_unpool{_n}d")(_unpool(_n))

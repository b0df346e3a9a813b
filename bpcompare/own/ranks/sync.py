"""Whether the ranks hold one model: the same parameters before the step, and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.ranks.rank import Rank


@dataclass(frozen=True)
class Apart:
    """A parameter that is another one on a rank than on the first. `after`: only since the step."""

    name: str
    rank: int
    first: int
    after: bool
    where: str
    cause: str = ""


def apart(ranks: Sequence[Rank], names: Sequence[str]) -> Iterator[Apart]:
    """Each parameter, on each rank where it is not that of the first, bit by bit. `names` are those of reductions."""
    last = {ranks[0].reductions[name].parameter: name for name in names}
    for name, reduction in last.items():
        before: dict[int, Array] = {rank.number: rank.parameters[name] for rank in ranks if name in rank.parameters}
        found = list(_apart(name, before, after=False))
        yield from found
        moved = [rank for rank in ranks if name in rank.updates]
        if not found and len(moved) == len(ranks) and _same_gradient(moved, reduction):
            yield from _apart(name, {rank.number: _after(rank, name) for rank in moved}, after=True, cause=settings(moved, name))


def _apart(name: str, arrays: Mapping[int, Array], *, after: bool, cause: str = "") -> Iterator[Apart]:
    first, x = next(iter(arrays.items()), (0, None))
    for number, y in arrays.items():
        if x is not None and number != first and (where := _difference(x, y)):
            yield Apart(name, number, first, after, where, cause)


def _difference(x: Array, y: Array) -> str:
    """How two arrays differ, "" where no bit does; NaN is NaN."""
    if x.shape != y.shape:
        return f"of shape {list(y.shape)}, not {list(x.shape)}"
    off = ~((x == y) | ((x != x) & (y != y)))  # noqa: PLR0124
    if not off.any():
        return ""
    gap = np.where(off, np.abs(np.nan_to_num(y.astype(np.float64) - x)), -1.0)
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), gap.shape)) if gap.ndim else ()
    share = f"{int(off.sum()):,} of {off.size:,} elements, " if off.size > 1 else ""
    return f"{share}at {list(at) or 'its only element'}: {float(y[at]):.9g}, not {float(x[at]):.9g}"


def _same_gradient(ranks: Sequence[Rank], name: str) -> bool:
    return len({rank.reductions[name].left.tobytes() for rank in ranks}) == 1


def _after(rank: Rank, name: str) -> Array:
    recording, update = rank.updates[name]
    found: Array = recording.recorded[update.writes]
    return found


def settings(ranks: Sequence[Rank], name: str) -> str:
    """In which settings of its optimizer a parameter differs from rank to rank, in words."""
    found: list[Mapping[str, Any]] = [getattr(rank.updates[name][1].op, "settings", {}) for rank in ranks]
    differing = [key for key in found[0] if any(one.get(key) != found[0][key] for one in found)]
    return "; ".join(f"{key} is {', '.join(str(one.get(key)) for one in found)}" for key in differing)

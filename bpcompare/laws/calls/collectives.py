"""What devices bring together: sums over them, parts of these, and arrays that are put together of parts."""

from __future__ import annotations

from math import prod
from typing import Any

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.kernel import Node, lifted

rows = Rows()


@rows.law("lax.psum")
def _psum(a: Arguments) -> Node:
    """Σ over devices."""
    return kernel.add(*a.terms)


@rows.law("lax.reduce_scatter")
def _reduce_scatter(a: Arguments) -> Node:
    """One part, along an axis, of the sum over devices."""
    return kernel.reshape(_part(kernel.add(*a.terms), a.dim, a.at, len(a.terms)), a.shape)


@rows.law("lax.all_to_all", moves=True)
def _all_to_all(a: Arguments) -> Node:
    """One part of what each device has, one after the other."""
    parts = [_part(x, a.split, a.at, len(a.tensors)) for x in a.tensors]
    return kernel.reshape(kernel.concat(parts, a.dim), a.shape)


@rows.law("lax.shard_map")
def _whole(a: Arguments) -> Node:
    """An array of its parts, in row order of the `grid`; of each part, the mean of the copies, which are to be the same.

    JAX takes any of them, and sends 1/n of Δ to each: as the mean does.
    """
    copies = len(a.parts) // prod(a.grid)
    blocks = [_mean(a.parts[i : i + copies]) for i in range(0, len(a.parts), copies)]
    for axis in reversed(range(len(a.grid))):
        n = a.grid[axis]
        blocks = [kernel.concat(blocks[i : i + n], axis) if n > 1 else blocks[i] for i in range(0, len(blocks), n)]
    return lifted(blocks[0])


def _mean(copies: Any) -> Node:
    """Σ/n; one copy alone is what it is."""
    return lifted(copies[0]) if len(copies) == 1 else kernel.multiply(1.0 / len(copies), kernel.add(*copies))


def _part(x: Any, axis: int, number: int, of: int) -> Node:
    x = lifted(x)
    width = x.shape[axis] // of
    return kernel.cut(x, axis, range(number * width, (number + 1) * width))

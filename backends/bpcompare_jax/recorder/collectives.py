"""What a collective brings to a shard: from which others, and by which function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.shards import Mesh, Shard

Brought = tuple[str, dict[str, Any], list[Shard]]
"""The function, its arguments, and the shards whose copies it reads."""


def brought(equation: Any, mesh: Mesh, named: Sequence[str], shard: Shard) -> Brought:
    """What the equation brings to a shard, along the axes that it names; from no shard where that is 0.

    Raises LookupError for a collective that is not known.
    """
    p = equation.params
    others, place = mesh.beside(shard, named), mesh.place(shard, named)
    if (groups := p.get("axis_index_groups")) is not None:
        own = next(group for group in groups if place in group)
        others, place = [others[i] for i in own], list(own).index(place)
    return COLLECTIVES[equation.primitive.name](p, others, place)


def _sum(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    if any(isinstance(axis, int) for axis in p["axes"]):
        raise LookupError("a sum along axes of arrays, too")
    return "lax.psum", {"terms": _all(others)}, others


def _gathered(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    return "cat" if p["tiled"] else "stack", {"tensors": _all(others), "dim": p["all_gather_dimension"]}, others


def _scattered(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    return "lax.reduce_scatter", {"terms": _all(others), "dim": p["scatter_dimension"], "at": place}, others


def _permuted(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    return "identity", {"self": Read(0)}, [others[source] for source, to in p["perm"] if to == place]


def _exchanged(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    axes = {"split": p["split_axis"], "dim": p["concat_axis"]}
    return "lax.all_to_all", {"tensors": _all(others), "at": place, **axes}, others


def _broadcast(p: Mapping[str, Any], others: list[Shard], place: int) -> Brought:
    return "identity", {"self": Read(0)}, [others[p["source"]]]


def _all(others: Sequence[Shard]) -> tuple[Read, ...]:
    return tuple(Read(k) for k in range(len(others)))


COLLECTIVES: Mapping[str, Callable[[Mapping[str, Any], list[Shard], int], Brought]] = {
    "psum": _sum,
    "psum_invariant": _sum,
    "all_gather": _gathered,
    "all_gather_invariant": _gathered,
    "reduce_scatter": _scattered,
    "ppermute": _permuted,
    "all_to_all": _exchanged,
    "pbroadcast": _broadcast,
}
"""By primitive."""

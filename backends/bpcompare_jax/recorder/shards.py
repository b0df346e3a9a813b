"""Functions that run on many devices at once (`jax.shard_map`, and `jax.pmap`, which is one): which copies of a value there are.

A value may be another one along some axes of the mesh, and the same along all others. With `check_vma` JAX's types say along
which; without it each device has one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec

from bpcompare_jax.recorder.inside import jaxprs

Shard = tuple[tuple[str, int], ...]
"""Where a copy stands: axes of the mesh in its order, along which there are others, and the place along each."""

SHARD, WHOLE = "shard", ("whole",)
"""In a key, behind the number of the equation: what stands on a shard, and what the equation gives."""


class Mesh:
    """The axes along which one equation takes its arrays apart."""

    def __init__(self, equation: Any) -> None:
        p = equation.params
        self.mesh, self.checked = p["mesh"], bool(p["check_vma"])
        self.specs = list(p["in_specs"]), list(p["out_specs"])
        self.axes = tuple(name for name in self.mesh.axis_names if name in p["newly_manual_axes"])
        self.sizes: Mapping[str, int] = {name: int(self.mesh.shape[name]) for name in self.axes}

    def varying(self, aval: Any) -> tuple[str, ...]:
        """The axes along which a value inside may be another one, by its type."""
        return tuple(name for name in self.axes if not self.checked or name in aval.mat.varying)

    def shards(self, axes: Sequence[str]) -> list[Shard]:
        """All copies of a value that is another one along the axes, in the order in which these stack them."""
        return [tuple(zip(axes, at, strict=True)) for at in product(*(range(self.sizes[name]) for name in axes))]

    def groups(self) -> Iterator[tuple[str, ...]]:
        """All sets of axes, in the mesh's order."""
        for chosen in product((False, True), repeat=len(self.axes)):
            yield tuple(name for name, on in zip(self.axes, chosen, strict=True) if on)

    def mapped(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """A function that runs `body` as the equation runs its own: with its arrays, and arrays by `groups` beside them."""
        stacks = {axes: _along(axes) for axes in self.groups()}
        given, made = self.specs
        return jax.shard_map(
            body,
            mesh=self.mesh,
            in_specs=(given, stacks),
            out_specs=(made, stacks),
            axis_names=set(self.axes),
            check_vma=self.checked,
        )

    def laid(self, x: Any, axes: tuple[str, ...]) -> Any:
        """An array whose first axis is one of copies, as it goes in: types may have to say how it is laid out."""
        return self._resharded(x, axes)

    def gathered(self, x: Any) -> Any:
        """The same array, whole on each device, so that one copy can be taken of it."""
        return self._resharded(x, ())

    def _resharded(self, x: Any, axes: tuple[str, ...]) -> Any:
        if all(getattr(kind, "name", "") != "Explicit" for kind in self.mesh.axis_types):
            return x
        return jax.reshard(x, NamedSharding(self.mesh, _along(axes)))  # type: ignore[no-untyped-call, unused-ignore]

    def cuts(self, spec: Any, shape: Sequence[int]) -> list[tuple[str, ...]]:
        """For each axis of an array, the axes of the mesh that it is cut along."""
        entries = [() if one is None else one if isinstance(one, tuple) else (one,) for one in spec]
        entries += [()] * (len(shape) - len(entries))
        return [tuple(name for name in names if name in self.axes) for names in entries]

    def given(self, variables: Sequence[Any]) -> list[frozenset[str]]:
        """The axes along which each argument is another one inside."""
        cuts = (self.cuts(spec, v.aval.shape) for spec, v in zip(self.specs[0], variables, strict=True))
        return [frozenset(name for names in one for name in names) for one in cuts]

    def part(self, spec: Any, shape: Sequence[int], shard: Shard) -> list[range]:
        """For each axis of an array, the places that a shard has."""
        found = []
        for names, size in zip(self.cuts(spec, shape), shape, strict=True):
            width = size // prod(self.sizes[name] for name in names)
            at = self.place(shard, names)
            found.append(range(at * width, (at + 1) * width))
        return found

    def place(self, shard: Shard, names: Sequence[str]) -> int:
        """The number of a place along several axes as one, the last of which goes fastest."""
        at, found = dict(shard), 0
        for name in names:
            found = found * self.sizes[name] + at[name]
        return found

    def beside(self, shard: Shard, names: Sequence[str]) -> list[Shard]:
        """The shards that differ from one along some axes alone, in the order of these."""
        kept = {name: at for name, at in shard if name not in names}
        every = [kept | dict(one) for one in self.shards(names)]
        return [tuple((name, at[name]) for name in self.axes if name in at) for at in every]


def _along(axes: tuple[str, ...]) -> PartitionSpec:
    """How copies stand along the first axis of an array."""
    return PartitionSpec(axes) if axes else PartitionSpec()  # type: ignore[no-untyped-call, unused-ignore]


def on_shard(key: tuple[Any, ...], at: tuple[Any, ...], shard: Shard) -> tuple[Any, ...]:
    """The key of a copy; `key` is that of a value inside of the equation that stands at `at`."""
    return (*at, (SHARD, shard), *key[len(at) :])


def split_up(equation: Any) -> bool:
    """Whether the copies of all values inside can be told: by JAX's types, and none is a part of a sum that is yet to be made."""
    p = equation.params
    if not {"mesh", "check_vma", "newly_manual_axes", "in_specs", "out_specs"} <= set(p):
        return False
    return all(map(_told, _avals(p["jaxpr"])))


def _told(aval: Any) -> bool:
    kind = getattr(aval, "mat", None)
    return kind is not None and not kind.unreduced and not kind.reduced


def _avals(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield from (v.aval for v in equation.outvars)
        for inside in jaxprs(equation.params.values()):
            yield from _avals(inside.jaxpr)


CASTS = frozenset({"pvary"})
"""Equations that name axes and ask nobody."""


def asking(equation: Any, axes: Sequence[str]) -> tuple[str, ...]:
    """The axes along which an equation, or one inside of it, asks other devices, in the order in which it names them."""
    if equation.primitive.name in CASTS:
        return ()
    said: list[Any] = []
    for name in ("axes", "axis_name"):
        found = equation.params.get(name, ())
        said += found if isinstance(found, (tuple, list, frozenset)) else [found]
    for inside in jaxprs(equation.params.values()):
        said += [name for one in inside.jaxpr.eqns for name in asking(one, axes)]
    return tuple(dict.fromkeys(name for name in said if name in axes))

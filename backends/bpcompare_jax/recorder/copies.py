"""What runs on many devices at once, as steps of a program: one for each copy of a value, which collectives bring together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.calling import rule_name
from bpcompare_jax.recorder.collectives import brought
from bpcompare_jax.recorder.evaluation import CUSTOM, Key, floating, inner, is_complex
from bpcompare_jax.recorder.names import place
from bpcompare_jax.recorder.numbers import shape_of
from bpcompare_jax.recorder.same import varying
from bpcompare_jax.recorder.seen import Seen
from bpcompare_jax.recorder.shards import WHOLE, Mesh, Shard, asking, on_shard

if TYPE_CHECKING:
    from bpcompare_jax.recorder.programs import Draft


class Spread:
    """A value of which there is another one on each shard."""

    __slots__ = ("copies",)

    def __init__(self, copies: Mapping[Shard, Seen]) -> None:
        self.copies = copies

    @property
    def depends(self) -> bool:
        """Whether a parameter reaches one of them."""
        return any(seen.depends for seen in self.copies.values())


Value = Seen | Spread

UNDECIDED = frozenset({"cond", "while", "shard_map"})
"""Equations that are not followed on many devices: each may do another thing."""

UNASKED = "`out_specs` says so, and `check_vma=False` that nobody asks: it is on these numbers, and Δ is that of the mean of all"


def on(value: Value, shard: Shard) -> Seen:
    """The copy of a value that a shard reads."""
    if isinstance(value, Seen):
        return value
    axes = {name for name, _ in next(iter(value.copies))}
    return value.copies[tuple(one for one in shard if one[0] in axes)]


def every(values: Sequence[Value]) -> list[Seen]:
    """All copies of all values."""
    return [one for x in values for one in ([x] if isinstance(x, Seen) else x.copies.values())]


def each(make: Callable[[Sequence[Seen]], Seen], values: Sequence[Value]) -> Value:
    """What `make` gives of some values, on every shard where one of them is another one."""
    spread = max((x for x in values if isinstance(x, Spread)), key=lambda x: len(next(iter(x.copies))), default=None)
    if spread is None:
        return make([on(x, ()) for x in values])
    return Spread({shard: make([on(x, shard) for x in values]) for shard in spread.copies})


class Copies:
    """One function that runs on many devices: it stands `at` a place of a jaxpr, and its steps are called by its `scope`."""

    def __init__(self, draft: Draft, equation: Any, at: Key, scope: str, custom: str, line: str) -> None:
        self._mesh = Mesh(equation)
        self._draft, self._at = draft, at
        self._where = place(equation, "shard_map", scope, custom, line)
        self.scope = f"{scope}/shard_map" if scope else "shard_map"
        self._others = varying(inner(equation), self._mesh.given(equation.invars), self._mesh.axes)

    def entering(self, args: Sequence[Seen]) -> list[Value]:
        """What the function is given: of an array that is cut, its parts."""
        return [self._given(x, spec) for x, spec in zip(args, self._mesh.specs[0], strict=True)]

    def _given(self, x: Seen, spec: Any) -> Value:
        named = {name for names in self._mesh.cuts(spec, x.shape) for name in names}
        axes = [name for name in self._mesh.axes if name in named]
        return Spread({shard: self._part(x, spec, shard) for shard in self._mesh.shards(axes)}) if axes else x

    def _part(self, x: Seen, spec: Any, shard: Shard) -> Seen:
        places = self._mesh.part(spec, x.shape, shard)
        number = self._mesh.gathered(x.number)[tuple(slice(one.start, one.stop) for one in places)]
        if not x.depends:
            return self._draft.constant(number)
        starts, limits = tuple(one.start for one in places), tuple(one.stop for one in places)
        arguments = {"x0": Read(0), "start_indices": starts, "limit_indices": limits, "strides": None}
        return self._draft.step("lax.slice", arguments, [x], (shape_of(number),), 0, self._where, number, None)

    def leaving(self, values: Sequence[Value], avals: Sequence[Any]) -> list[Seen]:
        """What the function gives: parts put together, and of copies that are said to be the same, one."""
        made = enumerate(zip(values, self._mesh.specs[1], avals, strict=True))
        wholes = [self._whole(i, value, spec, aval) for i, (value, spec, aval) in made]
        if not self._mesh.checked and any(
            one.depends and axes - {name for names in self._mesh.cuts(spec, aval.shape) for name in names}
            for one, axes, spec, aval in zip(wholes, self._others, self._mesh.specs[1], avals, strict=True)
        ):
            self._draft.not_asked(f"whether what {self.scope} gives is the same on every device", UNASKED)
        return wholes

    def _whole(self, i: int, value: Value, spec: Any, aval: Any) -> Seen:
        key = (*self._at, WHOLE, i)
        number = self._draft.number(key)
        if not value.depends or not (floating(aval) or is_complex(aval)):
            return self._draft.constant(number)
        cuts = self._mesh.cuts(spec, aval.shape)
        named = [name for names in cuts for name in names]
        others = () if self._mesh.checked else tuple(name for name in self._mesh.axes if name not in named)
        parts = [on(value, shard) for one in self._blocks(named) for shard in self._mesh.beside(one, others)]
        grid = tuple(int(np.prod([self._mesh.sizes[name] for name in names], dtype=int)) for names in cuts)
        arguments = {"parts": tuple(Read(k) for k in range(len(parts))), "grid": grid}
        return self._draft.step("lax.shard_map", arguments, parts, (shape_of(aval),), 0, self._where, number, key)

    def _blocks(self, named: Sequence[str]) -> list[Shard]:
        """The shards of the parts of a whole, in row order."""
        order = [name for name in self._mesh.axes if name in named]
        return [tuple((name, dict(one)[name]) for name in order) for one in self._mesh.shards(named)]

    def equation(self, equation: Any, args: Sequence[Value], at: Key, scope: str, custom: str) -> list[Value]:
        """The steps of one equation, on each shard: what they give, a value for each result.

        `args` are what it reads, `at` is where it stands in the jaxprs around it; `scope` and `custom` are the names under which
        its steps are told: the path of scopes, and the function with a rule of its own that it stands in, "" for none.
        """
        axes = [self._mesh.varying(v.aval) for v in equation.outvars]
        name = equation.primitive.name
        if name == "stop_gradient" or not any(arg.depends for arg in args):
            return [self._spread(one, self._still(args, at, i)) for i, one in enumerate(axes)]
        if named := asking(equation, self._mesh.axes):
            try:
                return [self._spread(axes[0], self._brought(equation, named, args, at, scope, custom))]
            except LookupError:
                pass
        elif name not in UNDECIDED and len(set(axes)) == 1:
            found = {shard: self._alone(equation, args, at, scope, custom, shard) for shard in self._mesh.shards(axes[0])}
            return [self._spread(axes[0], lambda shard, i=i: found[shard][i]) for i in range(len(axes))]  # type: ignore[misc]
        return [self._spread(one, self._unknown(equation, i, args, at, scope, custom)) for i, one in enumerate(axes)]

    def _spread(self, axes: Sequence[str], make: Callable[[Shard], Seen]) -> Value:
        return Spread({shard: make(shard) for shard in self._mesh.shards(axes)}) if axes else make(())

    def _still(self, args: Sequence[Value], at: Key, i: int) -> Callable[[Shard], Seen]:
        """A result that no parameter reaches."""
        return lambda shard: self._draft.still(every(args), self._key(at, i, shard=shard))

    def _alone(self, equation: Any, args: Sequence[Value], at: Key, scope: str, custom: str, shard: Shard) -> list[Seen]:
        """The steps of one shard, as if there were no other."""
        with self._draft.one():
            return self._draft.alone(
                equation, [on(arg, shard) for arg in args], self._key(at, shard=shard), self._scoped(scope, shard), custom
            )

    def _brought(
        self, equation: Any, named: Sequence[str], args: Sequence[Value], at: Key, scope: str, custom: str
    ) -> Callable[[Shard], Seen]:
        """What a collective brings to a shard. Raises LookupError for one that is not known."""
        if len(args) != 1 or len(equation.outvars) != 1:
            raise LookupError("a function with collectives in it")
        (arg,), (v,) = args, equation.outvars
        varying = {name for name, _ in next(iter(arg.copies))} if isinstance(arg, Spread) else set()

        def make(shard: Shard) -> Seen:
            known = dict(shard)
            home: Shard = tuple((name, known.get(name, 0)) for name in self._mesh.axes)
            function, arguments, shards = brought(equation, self._mesh, named, home)
            key = self._key(at, 0, shard=shard)
            number = self._draft.number(key)
            if not shards:
                return self._draft.constant(number)
            sources = [on(arg, tuple(one for one in other if one[0] in varying)) for other in shards]
            where = place(equation, equation.primitive.name, self._scoped(scope, shard), custom, "")
            return self._draft.step(function, arguments, sources, (shape_of(v.aval),), 0, where, number, key)

        return make

    def _unknown(self, equation: Any, i: int, args: Sequence[Value], at: Key, scope: str, custom: str) -> Callable[[Shard], Seen]:
        """A result of an equation that has no law here: it may have read every copy."""
        name = rule_name(equation) if equation.primitive.name in CUSTOM else f"lax.{equation.primitive.name}"

        def make(shard: Shard) -> Seen:
            key = self._key(at, i, shard=shard)
            number = self._draft.number(key)
            if not (floating(number) or is_complex(number)):
                return self._draft.constant(number)
            sources = every(args)
            arguments = {f"x{k}": Read(k) for k in range(len(sources))}
            shapes = tuple(shape_of(v.aval) for v in equation.outvars)
            where = place(equation, name.removeprefix("lax."), self._scoped(scope, shard), custom, "")
            return self._draft.step(name, arguments, sources, shapes, i, where, number, key)

        return make

    def _key(self, at: Key, *result: int, shard: Shard) -> Key:
        return on_shard((*at, *result), self._at, shard)

    def _scoped(self, scope: str, shard: Shard) -> str:
        """The scope with the place of a shard: shard_map[data=1]/scan[0]."""
        if not shard:
            return scope
        return f"{self.scope}[{', '.join(f'{name}={at}' for name, at in shard)}]{scope[len(self.scope) :]}"

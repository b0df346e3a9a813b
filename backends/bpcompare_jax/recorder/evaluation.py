"""A jaxpr, evaluated equation by equation: what it computes is kept, and a probe of zeros is added to what a parameter reaches.

The derivative with respect to a probe is what arrives at its value. `scan` and `while` are taken in their steps of time, `cond`
by the branch that is taken; functions with a rule of their own for their derivative (`custom_jvp`, `custom_vjp`) keep it.
What runs on many devices (`shard_map`) runs there: each value inside is kept as often as there are copies of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core

from bpcompare_jax.recorder.inside import HIDING, foreign, hides
from bpcompare_jax.recorder.shards import SHARD, WHOLE, Mesh, on_shard, split_up

Key = tuple[Any, ...]
"""Where an equation stands: its number, in each jaxpr that is around it, with the steps of time; and the number of the result."""

AGAIN = frozenset({"remat", "remat2", "checkpoint"})
"""Equations whose jaxpr is run again on the way back."""

INLINE = AGAIN | {"jit", "pjit", "closed_call", "core_call", "composite", "custom_vmap_call"}
"""Equations that only run another jaxpr."""

CUSTOM = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})
"""Equations with a rule of their own for their derivative."""


class Followed(NamedTuple):
    """A number, and whether a parameter reaches it: whether it has a derivative."""

    number: Any
    reached: bool


class Evaluation:
    """One evaluation. `taps` are all results of equations by key, those that are `reached` by a parameter among them.

    `chosen` are the branches that were taken, and how often a loop went round; `hid`: something was computed behind which no
    derivative is to be seen. `probes` are added to results. `before`: what
    was chosen when the same numbers were evaluated before, so that it can be traced. `apart`: it runs on many devices, each of
    which has other numbers: what they decide is not followed.
    """

    def __init__(
        self, probes: Mapping[Key, Any] | None = None, before: Mapping[Key, int] | None = None, *, apart: bool = False
    ) -> None:
        self.taps: dict[Key, Any] = {}
        self.chosen: dict[Key, int] = {}
        self.reached: set[Key] = set()
        self.hid = False
        self._probes = probes or {}
        self._before = before or {}
        self._apart = apart

    def run(self, closed: Any, args: Sequence[Followed], at: Key = ()) -> list[Followed]:
        """The results of a jaxpr."""
        jaxpr = closed.jaxpr
        known = {v: Followed(c, reached=False) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)}
        known |= dict(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Followed:
            return Followed(v.val, reached=False) if isinstance(v, core.Literal) else known[v]

        for number, equation in enumerate(jaxpr.eqns):
            outs = self._equation(equation, [read(v) for v in equation.invars], (*at, number))
            known |= dict(zip(equation.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        name = equation.primitive.name
        if name in AGAIN and self._probes:
            return self._again(equation, args, at)
        if name in INLINE:
            return self.run(inner(equation), args, at)
        if name == "scan":
            return self._scan(equation, args, at)
        if not self._apart:
            if name == "while" and unrolled(equation):
                return self._while(equation, args, at)
            if name == "cond":
                return self._cond(equation, args, at)
            if name == "shard_map" and split_up(equation):
                return self._sharded(equation, args, at)
        custom = name in CUSTOM or foreign(equation)
        self.hid |= any(arg.reached for arg in args) and (name in HIDING or (name in CUSTOM and hides(inner(equation))))
        # A custom function is held against numbers of what stands in it, one by one: so must it be computed.
        with jax.disable_jit() if custom else nullcontext():
            outs = bound(equation, [arg.number for arg in args])
        followed = name != "stop_gradient" and any(arg.reached for arg in args)
        return [self._tapped((*at, number), out, followed=followed) for number, out in enumerate(outs)]

    def _again(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        """A checkpoint stays one: what arrives at a number that is read within it is added up there first, and then outside."""
        reached: list[bool] = []

        def body(numbers: list[Any], probes: Mapping[Key, Any]) -> tuple[list[Any], dict[Key, Any]]:
            within = Evaluation(probes, self._before, apart=self._apart)
            given = [Followed(x, arg.reached) for x, arg in zip(numbers, args, strict=True)]
            outs = within.run(inner(equation), given, at)
            self.reached |= within.reached
            self.hid |= within.hid
            reached[:] = [out.reached for out in outs]
            return [out.number for out in outs], within.taps

        probes = {key: probe for key, probe in self._probes.items() if key[: len(at)] == at}
        p = equation.params
        again = jax.checkpoint(body, prevent_cse=p["prevent_cse"], policy=p["policy"])
        numbers, taps = again([arg.number for arg in args], probes)
        self.taps |= taps
        return [Followed(x, one) for x, one in zip(numbers, reached, strict=True)]

    def _sharded(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        """What runs on many devices runs there as it is; what is inside is stacked along axes where it is another."""
        mesh, within = Mesh(equation), Evaluation()
        reached: list[bool] = []

        def body(numbers: list[Any], probes: Any) -> tuple[list[Any], Any]:
            nonlocal within
            alone = {key: x[0] if axes else x for axes, group in probes.items() for key, x in group.items()}
            within = Evaluation(alone, apart=True)
            outs = within.run(inner(equation), [Followed(x, arg.reached) for x, arg in zip(numbers, args, strict=True)], at)
            self.hid |= within.hid
            reached[:] = [out.reached for out in outs]
            taps: dict[tuple[str, ...], dict[Key, Any]] = {axes: {} for axes in mesh.groups()}
            for key, x in within.taps.items():
                axes = mesh.varying(jax.typeof(x))
                taps[axes][key] = x[None] if axes else x
            return [out.number for out in outs], taps

        numbers, taps = mesh.mapped(body)([arg.number for arg in args], self._stacked_probes(mesh, at))
        for axes, group in taps.items():
            for key, x in group.items():
                copies = mesh.gathered(x) if axes else x
                for number, shard in enumerate(mesh.shards(axes)):
                    self.taps[on_shard(key, at, shard)] = copies[number] if axes else copies
                    if key in within.reached:
                        self.reached.add(on_shard(key, at, shard))
        return [
            self._tapped((*at, WHOLE, number), x, followed=one)
            for number, (x, one) in enumerate(zip(numbers, reached, strict=True))
        ]

    def _stacked_probes(self, mesh: Mesh, at: Key) -> dict[tuple[str, ...], dict[Key, Any]]:
        """The probes of what runs on many devices: those of a value's copies in one array."""
        found: dict[Key, dict[Any, Any]] = {}
        for key, probe in self._probes.items():
            if key[: len(at)] == at and key[len(at)][0] == SHARD:
                found.setdefault((*at, *key[len(at) + 1 :]), {})[key[len(at)][1]] = probe
        stacks: dict[tuple[str, ...], dict[Key, Any]] = {axes: {} for axes in mesh.groups()}
        for key, copies in found.items():
            axes = tuple(name for name, _ in next(iter(copies)))
            every = [copies[shard] for shard in mesh.shards(axes)]
            stacks[axes][key] = mesh.laid(jnp.stack(every), axes) if axes else every[0]
        return stacks

    def _tapped(self, key: Key, out: Any, *, followed: bool) -> Followed:
        probe = self._probes.get(key)
        out = out if probe is None else _plus_zero(out, probe)
        self.taps[key] = out
        followed = followed and (floating(out) or is_complex(out))
        if followed:
            self.reached.add(key)
        return Followed(out, followed)

    def _scan(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        p = equation.params
        consts, carry, xs = scanned(equation, args)
        carried = len(carry)
        rows: dict[int, list[Followed]] = {}
        for t in times(p):
            along = [Followed(x.number[t], x.reached) for x in xs]
            outs = self.run(p["jaxpr"], [*consts, *carry, *along], (*at, ("t", t)))
            carry, rows[t] = outs[:carried], outs[carried:]
        return [*carry, *(self._stacked(v, [row[i] for _, row in sorted(rows.items())]) for i, v in stacks(equation, len(carry)))]

    def _stacked(self, v: Any, parts: list[Followed]) -> Followed:
        if not parts:
            return Followed(jnp.zeros(v.aval.shape, v.aval.dtype), reached=False)
        return Followed(jnp.stack([part.number for part in parts]), any(part.reached for part in parts))

    def _while(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        """Round after round. Where no parameter reaches it, no round is kept."""
        within = self if any(arg.reached for arg in args) else Evaluation()
        tests, consts, carry = loop(equation, args)
        rounds = 0
        while self._goes_on(equation, tests, carry, rounds, at):
            carry = within.run(equation.params["body_jaxpr"], [*consts, *carry], (*at, ("t", rounds)))
            rounds += 1
        self.chosen[at] = rounds
        if within is not self:
            self.taps |= {(*at, i): out.number for i, out in enumerate(carry)}
        return carry

    def _goes_on(self, equation: Any, tests: list[Followed], carry: list[Followed], rounds: int, at: Key) -> bool:
        """Whether a loop goes round once more."""
        if at in self._before:
            return rounds < self._before[at]
        return bool(Evaluation().run(equation.params["cond_jaxpr"], [*tests, *map(stopped, carry)])[0].number)

    def _cond(self, equation: Any, args: list[Followed], at: Key) -> list[Followed]:
        branches = equation.params["branches"]
        last = len(branches) - 1
        chosen = self._before[at] if at in self._before else int(jnp.clip(jax.lax.stop_gradient(args[0].number), 0, last))
        self.chosen[at] = chosen
        return self.run(branches[chosen], args[1:], (*at, ("branch", chosen)))


@jax.custom_jvp  # type: ignore[untyped-decorator, unused-ignore]
def _plus_zero(x: Any, zeros: Any) -> Any:
    """x + 0, and its derivatives, without adding."""
    return x


@_plus_zero.defjvp  # type: ignore[untyped-decorator, unused-ignore]
def _(primals: Any, tangents: Any) -> tuple[Any, Any]:
    return primals[0], tangents[0] + tangents[1]


def stopped(x: Followed) -> Followed:
    """The number alone."""
    return Followed(jax.lax.stop_gradient(x.number), reached=False)


def bound(equation: Any, args: Sequence[Any]) -> list[Any]:
    """The results of one equation, as JAX computes them."""
    found = equation.primitive.get_bind_params(equation.params)
    before, params = found if isinstance(found, tuple) else ((), found)
    outs = equation.primitive.bind(*before, *args, **params)
    return list(outs) if equation.primitive.multiple_results else [outs]


def inner(equation: Any) -> Any:
    """The jaxpr that an equation runs, closed."""
    p = equation.params
    found = next(p[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call") if name in p)
    return found if isinstance(found, core.ClosedJaxpr) else core.ClosedJaxpr(found, ())


def scanned(equation: Any, args: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """What a scan is given: what stays, what is carried on, and what it runs along.

    Told by shapes: what it runs along, and what it stacks, has one axis more outside than inside. JAX's own names for the
    numbers of each are others since 0.11.
    """
    inside = equation.params["jaxpr"].jaxpr

    def more(outer: Sequence[Any], inner: Sequence[Any]) -> int:
        return sum(len(one.aval.shape) > len(other.aval.shape) for one, other in zip(outer, inner, strict=True))

    along, stacked = more(equation.invars, inside.invars), more(equation.outvars, inside.outvars)
    carried = len(equation.outvars) - stacked
    return split(args, len(args) - along - carried, carried)


def split(args: Sequence[Any], consts: int, carry: int) -> tuple[list[Any], list[Any], list[Any]]:
    """What a scan is given: what stays, what is carried on, and what it runs along."""
    return list(args[:consts]), list(args[consts : consts + carry]), list(args[consts + carry :])


def loop(equation: Any, args: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """What a while loop is given: constants of its condition, those of its body, and what it carries on."""
    first = equation.params["cond_nconsts"]
    return split(args, first, equation.params["body_nconsts"])


def unrolled(equation: Any) -> bool:
    """Whether a while loop is taken in its steps: one with a condition for each of many examples is one whole."""
    return bool(equation.params["cond_jaxpr"].out_avals[0].shape == ())


def stacks(equation: Any, carried: int) -> Iterator[tuple[int, Any]]:
    """The results of a scan that are stacked, by number."""
    return enumerate(equation.outvars[carried:])


def times(params: Mapping[str, Any]) -> Iterator[int]:
    """The steps of time of a scan, in the order in which they run."""
    return iter(reversed(range(params["length"])) if params["reverse"] else range(params["length"]))


def is_complex(x: Any) -> bool:
    """Whether something is of complex numbers."""
    return bool(jnp.issubdtype(x.dtype, jnp.complexfloating))


def floating(x: Any) -> bool:
    """Whether it has numbers that gradients may be of."""
    return bool(jnp.issubdtype(x.dtype, jnp.floating))

"""`jax.jvp`, `jax.vmap`, and the derivatives of a gradient by both modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.of_jax import JaxWay
from bpcompare.tools.gradient.contracts.ways.way import Batched
from bpcompare.tools.gradient.door import wide


class JaxModes:
    """A `custom_vjp` has no forward mode; of a `custom_jvp` both modes are asked, and vmap of either."""

    def __init__(self, way: JaxWay, jax: Any) -> None:
        self._way, self._jax = way, jax
        missing: dict[str, str] = {}
        pair, function = way.partial, way.function
        if pair or not isinstance(function, jax.custom_jvp):
            missing["forward_mode"] = pair or "it is no custom_jvp"
        if pair or not isinstance(function, (jax.custom_jvp, jax.custom_vjp)):
            missing["vmap"] = pair or "it is no custom function"
        if pair:
            missing["second"] = pair
        self.missing: Mapping[str, str] = missing

    def forward(self, arguments: Sequence[Any], i: int, v: Array) -> list[Array]:
        """`jax.jvp`."""
        with wide(self._jax):
            tangent = self._jax.numpy.asarray(v, arguments[i].dtype)
            _, found = self._jax.jvp(
                lambda x: self._way.floats(self._way.applied(arguments, [i])(x)), (arguments[i],), (tangent,)
            )
            return [np.array(y) for y in found]

    def batched(self, arguments: Sequence[Any], dys: Sequence[Any], axes: Sequence[int | None]) -> Batched:
        """`vmap` of `vjp`."""
        arrays = [k for k, x in enumerate(arguments) if isinstance(x, self._jax.Array)]
        at = self._way.at(arguments)

        def back(some: Sequence[Any], seeds: Sequence[Any]) -> Any:
            whole = list(arguments)
            for k, x in zip(arrays, some, strict=True):
                whole[k] = x
            out, pull = self._jax.vjp(self._way.applied(whole, at), *(whole[k] for k in at))
            return self._way.floats(out), pull(self._way.shaped(out, seeds))

        with wide(self._jax):
            dims = ([axes[k] for k in arrays], [0] * len(dys))
            ys, gs = self._jax.vmap(back, in_axes=dims)([arguments[k] for k in arrays], list(dys))
            found = dict(zip(at, gs, strict=True))
            return [np.array(y) for y in ys], [np.array(found[k]) if k in found else None for k in range(len(arguments))]

    def _gradients(self, arguments: Sequence[Any], at: Sequence[int], xs: Sequence[Any], seeds: Sequence[Any]) -> Any:
        out, pull = self._jax.vjp(self._way.applied(arguments, at), *xs)
        return pull(self._way.shaped(out, seeds))

    def _weighted(self, arguments: Sequence[Any], weights: Mapping[int, Array]) -> Any:
        at = self._way.at(arguments)

        def function(xs: Sequence[Any], seeds: Sequence[Any]) -> Any:
            gs = self._gradients(arguments, at, xs, seeds)
            return sum((g * self._jax.numpy.asarray(weights[k], g.dtype)).sum() for k, g in zip(at, gs, strict=True))

        return function

    def second(
        self, arguments: Sequence[Any], dys: Sequence[Any], weights: Mapping[int, Array]
    ) -> tuple[dict[int, Array], list[Array]]:
        """`jax.grad` of it."""
        at = self._way.at(arguments)
        with wide(self._jax):
            xs, seeds = self._jax.grad(self._weighted(arguments, weights), argnums=(0, 1))([arguments[k] for k in at], list(dys))
            return {k: np.array(x) for k, x in zip(at, xs, strict=True)}, [np.array(seed) for seed in seeds]

    def twofold(self, arguments: Sequence[Any], dys: Sequence[Any], weights: Mapping[int, Array], i: int, v: Array) -> float:
        """`jax.jvp` of the sum of `weights` · gradients, for these `dys`, along `v` of the input number `i`."""
        at = self._way.at(arguments)
        with wide(self._jax):
            xs = [arguments[k] for k in at]
            tangents = [
                self._jax.numpy.asarray(v, x.dtype) if k == i else self._jax.numpy.zeros_like(x)
                for k, x in zip(at, xs, strict=True)
            ]
            _, found = self._jax.jvp(lambda xs: self._weighted(arguments, weights)(xs, list(dys)), (xs,), (tangents,))
            return float(found)

"""JAX: a function that `jax.vjp` takes, or a pair. Its arrays never change, and how they lie in memory is not for its author."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.way import Pullback
from bpcompare.tools.gradient.door import cotangent, per_input, wide


class JaxWay:
    """A `custom_vjp`, any function, or a pair of functions."""

    framework = "jax"
    fixed = "JAX's arrays cannot be changed, and how they lie in memory is not seen"
    layouts: tuple[str, ...] = ()

    def __init__(self, jax: Any, forward: Any, backward: Any, inputs: Sequence[Any]) -> None:
        self.jax, self.function, self._backward, self._inputs = jax, forward, backward, inputs
        self.partial = "" if backward is None else "a backward of its own gives all of its gradients at once"

    def array(self, x: Array, layout: str = "", *, pair: bool = False) -> Any | None:  # noqa: ARG002
        """An array; there is one layout."""
        with wide(self.jax):
            return None if layout else self.jax.numpy.array(x)

    def draws(self, _arguments: Sequence[Any], /) -> bool:
        """No: what is drawn here is drawn entry by entry, whatever the memory."""
        return False

    def numbers(self, x: Any) -> Array:
        """A copy."""
        return np.array(x)

    def floats(self, out: Any) -> list[Any]:
        """Those of its outputs that hold floats."""
        return [y for y in self.jax.tree_util.tree_leaves(out) if self._floating(y)]

    def _floating(self, x: Any) -> bool:
        return isinstance(x, self.jax.Array) and bool(self.jax.numpy.issubdtype(x.dtype, self.jax.numpy.floating))

    def shaped(self, out: Any, dys: Sequence[Any]) -> Any:
        """dy in the structure of the outputs, with JAX's own zeros for those that hold no floats."""
        given, made = iter(dys), cotangent(self.jax)
        return self.jax.tree_util.tree_map(lambda y: made(y, next(given) if self._floating(y) else None), out)

    def at(self, arguments: Sequence[Any], needs: Collection[int] | None = None) -> list[int]:
        """The arguments that a gradient is asked of."""
        return [i for i, x in enumerate(arguments) if self._floating(x) and (needs is None or i in needs)]

    def applied(self, arguments: Sequence[Any], at: Sequence[int]) -> Any:
        """The function of those arguments alone."""

        def function(*some: Any) -> Any:
            whole = list(arguments)
            for i, x in zip(at, some, strict=True):
                whole[i] = x
            return self.function(*whole)

        return function

    def pullback(  # all ways are asked alike
        self,
        arguments: Sequence[Any],
        needs: Collection[int] | None = None,
        *,
        saved: bool = False,  # noqa: ARG002
    ) -> Pullback:
        """One `jax.vjp`, or one call of the pair. Keeps nothing that could be changed."""
        at = self.at(arguments, needs)
        with wide(self.jax):
            if self._backward is None:
                out, back = self.jax.vjp(self.applied(arguments, at), *(arguments[i] for i in at))
            else:
                out, back = self.function(*arguments), None

        def pull(dys: Sequence[Any]) -> list[Array | None]:
            with wide(self.jax):
                if back is not None:
                    partial = dict(zip(at, back(self.shaped(out, dys)), strict=True))
                    return [np.array(partial[i]) if i in partial else None for i in range(len(arguments))]
                dy = self._zeros(out, dys) if isinstance(out, (tuple, list, Mapping)) else dys[0]
                found = per_input(self._backward(*arguments, dy), self._inputs)
            return [None if g is None or i not in at else np.array(g) for i, g in enumerate(found)]

        return Pullback(tuple(np.array(y) for y in self.floats(out)), pull)

    def _zeros(self, out: Any, dys: Sequence[Any]) -> Any:
        given = iter(dys)
        return self.jax.tree_util.tree_map(lambda y: next(given) if self._floating(y) else self.jax.numpy.zeros_like(y), out)

"""Loops whose first state is written in a narrower format than what they make of it: in a copy of wider formats, it is as wide.

Recurrent cells begin with zeros of the format that was written into them; of parameters of float64 they make float64, and
JAX wants a loop's state to be of one format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare_jax.recorder.evaluation import floating

ROUNDS = 3
"""How often a state may get wider: one of its parts may make another wider."""


@contextmanager
def widened_carries() -> Iterator[None]:
    """While it lasts, `jax.lax`'s loops that refuse their first state for its formats begin with a wider one."""
    scan, while_loop, fori_loop = jax.lax.scan, jax.lax.while_loop, jax.lax.fori_loop

    def scanning(f: Any, init: Any, xs: Any = None, *args: Any, **more: Any) -> Any:
        def step(carry: Any) -> Any:
            return f(carry, jax.tree_util.tree_map(lambda x: x[0], xs))[0]

        return _begun(lambda carry: scan(f, carry, xs, *args, **more), step, init)

    def going_round(cond_fun: Any, body_fun: Any, init_val: Any) -> Any:
        return _begun(lambda carry: while_loop(cond_fun, body_fun, carry), body_fun, init_val)

    def counting(lower: Any, upper: Any, body_fun: Any, init_val: Any, **more: Any) -> Any:
        return _begun(
            lambda carry: fori_loop(lower, upper, body_fun, carry, **more), lambda carry: body_fun(lower, carry), init_val
        )

    lax: Any = jax.lax
    lax.scan, lax.while_loop, lax.fori_loop = scanning, going_round, counting
    try:
        yield
    finally:
        lax.scan, lax.while_loop, lax.fori_loop = scan, while_loop, fori_loop


def _begun(loop: Callable[[Any], Any], step: Callable[[Any], Any], init: Any) -> Any:
    """The loop; where JAX refuses its first state, from one of the formats that a step gives. Raises what JAX raises."""
    config: Any = jax.config
    if config.jax_disable_jit:  # a loop of Python's own refuses nothing
        return loop(_from(step, init))
    try:
        return loop(init)
    except TypeError:
        return loop(_from(step, init))


def _from(step: Callable[[Any], Any], init: Any) -> Any:
    """The first state in the formats that a step gives; as it is where that cannot be told."""
    found = init
    try:
        for _ in range(ROUNDS):
            found = jax.tree_util.tree_map(_as_wide, found, jax.eval_shape(step, found))
    except Exception:  # noqa: BLE001 — what the loop itself raises says more
        return init
    return found


def _as_wide(x: Any, found: Any) -> Any:
    x = jnp.asarray(x)
    return x.astype(found.dtype) if floating(x) and floating(found) and x.dtype.itemsize < found.dtype.itemsize else x

"""Equations that move entries by numbers that are computed: where they move them, asked of JAX by giving it their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.evaluation import bound, floating

MOVING = frozenset({"gather", "dynamic_slice"})
"""One array is read; all others are places."""


def moved(equation: Any, numbers: Sequence[Any]) -> tuple[str, dict[str, Any], list[int]] | None:
    """The call that moves the same entries by a table of their places, and which arguments it reads; None for all others."""
    name = equation.primitive.name
    if name in MOVING and floating(equation.invars[0].aval):
        size = int(np.prod(numbers[0].shape, dtype=np.int64))
        ids = jnp.arange(1, size + 1, dtype=jnp.int32).reshape(numbers[0].shape)
        (places,) = bound(_filled(equation), [ids, *numbers[1:]])
        return "take", {"self": Read(0), "index": np.asarray(places) - 1}, [0]
    if name == "dynamic_update_slice":
        x, update, *starts = numbers
        old = jnp.zeros(x.shape, jnp.int32)
        ids = jnp.arange(1, int(np.prod(update.shape, dtype=np.int64)) + 1, dtype=jnp.int32).reshape(update.shape)
        (places,) = bound(equation, [old, ids, *starts])
        return "overlay", {"self": Read(0), "written": Read(1), "index": np.asarray(places) - 1}, [0, 1]
    if name in ("scatter-add", "scatter_add"):
        return "lax.scatter-add", {"x0": Read(0), "x1": Read(1), "index": scattered(equation, numbers)}, [0, 2]
    return None


def _filled(equation: Any) -> Any:
    """The equation with 0 where a place does not exist."""
    if equation.primitive.name != "gather":
        return equation
    params = dict(equation.params) | {"fill_value": 0}
    return equation.replace(params=params)


def scattered(equation: Any, numbers: Sequence[Any]) -> Any:
    """Where each update of a scatter goes; −1 nowhere. Raises LookupError for more places than its format can count."""
    x, indices, updates = numbers
    size = int(np.prod(x.shape, dtype=np.int64))

    def put(u: Any) -> Any:
        (out,) = bound(equation, [jnp.zeros(x.shape, u.dtype), indices, u])
        return out

    # What arrives at an update is what stands where it went: the number of the place. Whole in float32 up to 2²⁴.
    if size >= 2**24 and updates.dtype != jnp.float64:
        raise LookupError("more places than can be told apart")
    _, back = jax.vjp(put, jnp.zeros(updates.shape, updates.dtype))
    (places,) = back(jnp.arange(1, size + 1, dtype=updates.dtype).reshape(x.shape))
    return np.asarray(places).astype(np.int64) - 1

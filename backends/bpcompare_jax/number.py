"""JAX's arithmetic, lent to the examiner: laws evaluated on float64 arrays of JAX, and differentiated by JAX.

The backend does not read this module. Who judges asks it for the derivative of a law's forward pass (`bpcompare.proof.oracle`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.lent import Axes, LentNumber, Num
from bpcompare_jax.switches import wide


def gradient(f: Callable[[Num], Num], x: Array) -> Array:
    """∂f/∂x of a number f(x), for all of x at once, by `jax.vjp` without jit; the process keeps its own setting of 64 bits."""
    with wide(True):
        y, back = jax.vjp(lambda own: jnp.reshape(f(JaxNumber(own)).x, ()), jnp.array(np.array(x, np.float64)))
        (found,) = back(jnp.ones_like(y))
        return np.array(found)


class JaxNumber(LentNumber):
    """A float64 array of JAX under NumPy's names. Branches look at its numbers, so there is no jit around it."""

    __slots__ = ()
    framework = "JAX"

    @classmethod
    def taken(cls, x: Any) -> jax.Array:
        """As a float64 array of JAX."""
        return _array(x)

    def plain(self) -> Array:
        """Without its derivative."""
        return np.asarray(jax.lax.stop_gradient(self.x))

    def __getitem__(self, key: Any) -> JaxNumber:
        return JaxNumber(self.x[key])

    def total_along(self, axis: Axes, keepdims: bool) -> JaxNumber:
        """`jnp.sum`."""
        return JaxNumber(jnp.sum(self.x, axis=axis, keepdims=keepdims))

    def gather(self, index: Array) -> JaxNumber:
        """Rows."""
        return JaxNumber(self.x[index])

    def scatter(self, index: Array, rows: int) -> JaxNumber:
        """Rows added up."""
        return JaxNumber(jnp.zeros((rows, *self.shape[index.ndim :]), jnp.float64).at[index].add(self.x))


def _array(x: Any) -> jax.Array:
    if isinstance(x, JaxNumber):
        own: jax.Array = x.x
        return own
    return jnp.array(np.array(x, np.float64))


def _windows(x: Any, window_shape: Any, axis: Any) -> jax.Array:
    own = _array(x)
    for along, size in zip(axis, window_shape, strict=True):
        starts = np.arange(own.shape[along] - size + 1)
        own = jnp.moveaxis(jnp.take(own, starts[:, None] + np.arange(size), axis=along), along + 1, -1)
    return own


def _of_one(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """A function of one array and of what says how, under the names that NumPy has as well."""
    return lambda x, *how, **more: function(_array(x), *how, **more)


def _of_many(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    return lambda parts, **more: function([_array(part) for part in parts], **more)


_UFUNCS: Mapping[str, Callable[..., jax.Array]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "negative": jnp.negative,
    "square": jnp.square,
    "power": jnp.power,
    "matmul": jnp.matmul,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "sqrt": jnp.sqrt,
    "tanh": jnp.tanh,
    "erf": jax.scipy.special.erf,
}
_FUNCTIONS: Mapping[str, Callable[..., jax.Array]] = {
    "broadcast_to": _of_one(jnp.broadcast_to),
    "concatenate": _of_many(jnp.concatenate),
    "expand_dims": _of_one(jnp.expand_dims),
    "flip": _of_one(jnp.flip),
    "moveaxis": _of_one(jnp.moveaxis),
    "pad": _of_one(jnp.pad),
    "reshape": _of_one(jnp.reshape),
    "sliding_window_view": _windows,
    "squeeze": _of_one(jnp.squeeze),
    "stack": _of_many(jnp.stack),
    "swapaxes": _of_one(jnp.swapaxes),
    "transpose": _of_one(jnp.transpose),
    "where": lambda mask, x, y: jnp.where(np.asarray(mask), _array(x), _array(y)),
    "zeros_like": _of_one(jnp.zeros_like),
}

JaxNumber.ufuncs, JaxNumber.functions = _UFUNCS, _FUNCTIONS

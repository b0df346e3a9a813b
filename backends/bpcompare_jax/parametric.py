"""Activations that learn, in JAX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from bpcompare.ops import Op, PRelu


def prelu(op: PRelu, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]) -> jax.Array:
    """`jax.nn.leaky_relu`, whose slope may be an array: one for all, or one a channel (axis 1). At 0 its derivative is 1."""
    slope = parameters["slope"].reshape(-1, *(1,) * (xs[0].ndim - 2))
    return jax.nn.leaky_relu(xs[0], slope)


TABLE: dict[type[Op], Callable[..., Any]] = {PRelu: prelu}

"""Dense layers in JAX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import Dense, Op


def dense(op: Dense, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]) -> jax.Array:
    """x @ w + b on (batch, …, units); several sources are joined first, in the order of the weight's rows."""
    x = xs[0] if len(xs) == 1 else jnp.concatenate(xs, axis=-1)
    y = x @ parameters["weight"]
    return y + parameters["bias"] if op.bias else y


TABLE: dict[type[Op], Callable[..., Any]] = {Dense: dense}

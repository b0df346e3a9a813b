"""A layer that reads nothing, in JAX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import Constant, Op


def constant(
    op: Constant, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The value once for every example. `ones` say how many these are; they are not multiplied with."""
    return jnp.broadcast_to(parameters["value"], (extra["ones"].shape[0], *op.shape))


TABLE: dict[type[Op], Callable[..., Any]] = {Constant: constant}

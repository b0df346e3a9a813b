"""Penalties in JAX: part of the loss, so that jax.grad sees them. The decay of optax's rules is another thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import L2, Op


def l2(op: L2, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]) -> jax.Array:
    """½ λ Σ w²."""
    return 0.5 * op.factor * jnp.sum(jnp.square(parameters["w"]))


TABLE: dict[type[Op], Callable[..., Any]] = {L2: l2}

"""Whether what reads one triangle of a matrix is differentiated by that triangle, or by every entry: JAX has changed it."""

from __future__ import annotations

from functools import cache, partial

import jax
from jax import numpy as jnp


@cache
def factored_by_one() -> bool:
    """Of Cholesky factors: as of JAX 0.11 by the triangle, in 0.10 by every entry."""
    matrix, above = jnp.array([[2.0, 1.0], [1.0, 2.0]]), jnp.array([[0.0, 1.0], [0.0, 0.0]])
    _, moved = jax.jvp(partial(jax.lax.linalg.cholesky, symmetrize_input=False), (matrix,), (above,))
    return not bool(moved.any())

"""Sums and means over axes of an example, in JAX."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from bpcompare.ops import Mean, Op, Sum
from bpcompare_jax.axes import along

TABLE: dict[type[Op], Callable[..., Any]] = {
    Sum: lambda op, xs, *_: jnp.sum(xs[0], tuple(map(along, op.axes)), keepdims=op.keep),
    Mean: lambda op, xs, *_: jnp.mean(xs[0], tuple(map(along, op.axes)), keepdims=op.keep),
}

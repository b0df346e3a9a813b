"""Pooling in JAX, over (batch, channels, height, width)."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bpcompare.ops import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, Op
from bpcompare.ops.pooling import Pool2d


def max_pool2d(
    op: MaxPool2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The largest of each window; its transpose gives a tie's whole share to the first in row order."""
    return _windows(op, xs[0], -np.inf, lax.max)


def avg_pool2d(
    op: AvgPool2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The sum of each window over its size, or over the number of its members that are not padding."""
    x = xs[0]
    size = prod(op.kernel) if op.counts_padding else _windows(op, jnp.ones((1, 1, *x.shape[2:]), x.dtype), 0, lax.add)
    return _windows(op, x, 0, lax.add) / size


def _windows(op: Pool2d, x: jax.Array, start: float, add: Callable[..., Any]) -> jax.Array:
    """`add` over each window. Padding is `start`."""
    # In the array's own dtype: a Python float is float64 under x64, which reduce_window refuses for float32.
    first, padding = np.array(start, x.dtype), ((0, 0), (0, 0), *((p, p) for p in op.padding))
    y: jax.Array = lax.reduce_window(x, first, add, (1, 1, *op.kernel), (1, 1, *op.stride), padding)
    return y


def adaptive_avg_pool2d(
    op: AdaptiveAvgPool2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """Sums over the rows of each region, then over its columns, over its size. JAX has no function for it."""
    rows, columns = op.regions(*xs[0].shape[2:])
    high = jnp.stack([jnp.sum(xs[0][:, :, r.start : r.stop], 2) for r in rows], 2)
    total = jnp.stack([jnp.sum(high[:, :, :, c.start : c.stop], 3) for c in columns], 3)
    return total / np.array([[len(r) * len(c) for c in columns] for r in rows], xs[0].dtype)


TABLE: dict[type[Op], Callable[..., Any]] = {
    MaxPool2d: max_pool2d,
    AvgPool2d: avg_pool2d,
    AdaptiveAvgPool2d: adaptive_avg_pool2d,
}

"""Pooling in JAX, over (batch, channels, height, width)."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import jax
import numpy as np
from jax import lax

from bpcompare.ops import AvgPool2d, MaxPool2d, Op


def max_pool2d(
    op: MaxPool2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The largest of each window; its transpose gives a tie's whole share to the first in row order."""
    # In the array's own dtype: a Python -inf is float64 under x64, which reduce_window refuses for float32.
    lowest = np.array(-np.inf, xs[0].dtype)
    y: jax.Array = lax.reduce_window(xs[0], lowest, lax.max, (1, 1, *op.kernel), (1, 1, *op.stride), "VALID")
    return y


def avg_pool2d(
    op: AvgPool2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The sum of each window over its size."""
    zero = np.array(0, xs[0].dtype)
    total: jax.Array = lax.reduce_window(xs[0], zero, lax.add, (1, 1, *op.kernel), (1, 1, *op.stride), "VALID")
    return total / prod(op.kernel)


TABLE: dict[type[Op], Callable[..., Any]] = {MaxPool2d: max_pool2d, AvgPool2d: avg_pool2d}

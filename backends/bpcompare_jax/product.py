"""Products of matrices that are both computed, in JAX."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from bpcompare.ops import Matmul, Op
from bpcompare_jax.axes import aligned

TABLE: dict[type[Op], Callable[..., Any]] = {Matmul: lambda op, xs, *_: jnp.matmul(*aligned(xs))}

"""Ops without parameters that join, scale, reshape or mask, in JAX."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import Add, Concat, Dropout, Flatten, Op, Scale


def dropout(
    op: Dropout, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]
) -> jax.Array:
    """The mask comes from the plan, for JAX's own generator draws other masks than any other framework's."""
    return xs[0] * extra["mask"] / (1 - op.rate)


TABLE: dict[type[Op], Callable[..., Any]] = {
    Add: lambda op, xs, *_: reduce(add, xs),
    Concat: lambda op, xs, *_: jnp.concatenate(xs, axis=1),
    Scale: lambda op, xs, *_: op.factor * xs[0],
    Flatten: lambda op, xs, *_: xs[0].reshape(xs[0].shape[0], -1),
    Dropout: dropout,
}

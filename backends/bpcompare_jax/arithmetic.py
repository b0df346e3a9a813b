"""Arithmetic in JAX, element by element."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import Divide, Exp, Log, Multiply, Op, Power, Sqrt, Subtract
from bpcompare_jax.axes import aligned


def power(op: Power, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]) -> jax.Array:
    """`jnp.power`. A whole exponent is passed on as an int, as one writes it: JAX multiplies then, whatever the sign."""
    return jnp.power(xs[0], int(op.exponent) if float(op.exponent).is_integer() else op.exponent)


TABLE: dict[type[Op], Callable[..., Any]] = {
    Multiply: lambda op, xs, *_: jnp.multiply(*aligned(xs)),
    Subtract: lambda op, xs, *_: jnp.subtract(*aligned(xs)),
    Divide: lambda op, xs, *_: jnp.divide(*aligned(xs)),
    Exp: lambda op, xs, *_: jnp.exp(xs[0]),
    Log: lambda op, xs, *_: jnp.log(xs[0]),
    Sqrt: lambda op, xs, *_: jnp.sqrt(xs[0]),
    Power: power,
}

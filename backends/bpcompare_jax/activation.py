"""Activations in JAX: its own functions, with the derivatives JAX gives them (leaky_relu'(0) is 1 here)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare.ops import (
    Elu,
    GeluErf,
    GeluTanh,
    Identity,
    LeakyRelu,
    Op,
    Relu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)

TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: lambda op, xs, *_: xs[0],
    Sigmoid: lambda op, xs, *_: jax.nn.sigmoid(xs[0]),
    Tanh: lambda op, xs, *_: jnp.tanh(xs[0]),
    Relu: lambda op, xs, *_: jax.nn.relu(xs[0]),
    LeakyRelu: lambda op, xs, *_: jax.nn.leaky_relu(xs[0], op.slope),
    Elu: lambda op, xs, *_: jax.nn.elu(xs[0], op.alpha),
    Softplus: lambda op, xs, *_: jax.nn.softplus(xs[0]),
    GeluErf: lambda op, xs, *_: jax.nn.gelu(xs[0], approximate=False),
    GeluTanh: lambda op, xs, *_: jax.nn.gelu(xs[0], approximate=True),
    Silu: lambda op, xs, *_: jax.nn.silu(xs[0]),
    Softmax: lambda op, xs, *_: jax.nn.softmax(xs[0], axis=-1),
}

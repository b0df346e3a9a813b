"""Activations in JAX: its own functions, with the derivatives JAX gives them (leaky_relu'(0) is 1 here)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bpcompare import ops
from bpcompare_jax.axes import along

TABLE: dict[type[ops.Op], Callable[..., Any]] = {
    ops.Identity: lambda op, xs, *_: xs[0],
    ops.Sigmoid: lambda op, xs, *_: jax.nn.sigmoid(xs[0]),
    ops.Tanh: lambda op, xs, *_: jnp.tanh(xs[0]),
    ops.Relu: lambda op, xs, *_: jax.nn.relu(xs[0]),
    ops.LeakyRelu: lambda op, xs, *_: jax.nn.leaky_relu(xs[0], op.slope),
    ops.Elu: lambda op, xs, *_: jax.nn.elu(xs[0], op.alpha),
    ops.Selu: lambda op, xs, *_: jax.nn.selu(xs[0]),
    ops.Celu: lambda op, xs, *_: jax.nn.celu(xs[0], op.alpha),
    ops.Relu6: lambda op, xs, *_: jax.nn.relu6(xs[0]),
    ops.Hardtanh: lambda op, xs, *_: jnp.clip(xs[0], op.low, op.high),
    ops.HardSigmoid: lambda op, xs, *_: jax.nn.hard_sigmoid(xs[0]),
    ops.HardSwish: lambda op, xs, *_: jax.nn.hard_swish(xs[0]),
    ops.Softplus: lambda op, xs, *_: jax.nn.softplus(xs[0]),
    ops.GeluErf: lambda op, xs, *_: jax.nn.gelu(xs[0], approximate=False),
    ops.GeluTanh: lambda op, xs, *_: jax.nn.gelu(xs[0], approximate=True),
    ops.Silu: lambda op, xs, *_: jax.nn.silu(xs[0]),
    ops.Mish: lambda op, xs, *_: jax.nn.mish(xs[0]),
    ops.Softsign: lambda op, xs, *_: jax.nn.soft_sign(xs[0]),
    ops.Softmax: lambda op, xs, *_: jax.nn.softmax(xs[0], axis=along(op.axis)),
}

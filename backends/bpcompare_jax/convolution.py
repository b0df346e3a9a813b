"""Convolution in JAX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax import lax

from bpcompare.ops import Conv2d, Op


def conv2d(op: Conv2d, xs: Sequence[jax.Array], parameters: Mapping[str, jax.Array], extra: Mapping[str, jax.Array]) -> jax.Array:
    """`lax.conv_general_dilated` on (batch, channels, height, width) with an OIHW kernel; JAX does not flip it either."""
    y = lax.conv_general_dilated(
        xs[0],
        parameters["weight"],
        window_strides=op.stride,
        padding=list(zip(op.padding, op.far, strict=True)),
        rhs_dilation=op.dilation,
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        feature_group_count=op.groups,
    )
    return y + parameters["bias"][:, None, None] if op.bias else y


TABLE: dict[type[Op], Callable[..., Any]] = {Conv2d: conv2d}

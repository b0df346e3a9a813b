"""Activations in TensorFlow and Keras: their own functions, with the derivatives TensorFlow gives them."""

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any

import tensorflow as tf

from bpcompare.ops import Elu, GeluErf, GeluTanh, Identity, LeakyRelu, Op, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh
from bpcompare_tensorflow.layers import along


def elu(op: Elu, xs: Sequence[tf.Tensor], *_: object) -> tf.Tensor:
    """x or α (e^x − 1). Not tf.nn.elu, which subtracts 1 from e^x: near 0 that leaves half of the digits."""
    return tf.where(xs[0] > 0, xs[0], op.alpha * tf.math.expm1(tf.minimum(xs[0], 0.0)))


def gelu_erf(op: GeluErf, xs: Sequence[tf.Tensor], *_: object) -> tf.Tensor:
    """x Φ(x). Not tf.nn.gelu: it casts √2 through float32, and is off by 4e-9 in float64."""
    return 0.5 * xs[0] * (1.0 + tf.math.erf(xs[0] / sqrt(2)))


def gelu_tanh(op: GeluTanh, xs: Sequence[tf.Tensor], *_: object) -> tf.Tensor:
    """The tanh approximation. Not tf.nn.gelu, for the same reason (√(2/π) and 0.044715)."""
    return 0.5 * xs[0] * (1.0 + tf.math.tanh(sqrt(2 / pi) * (xs[0] + 0.044715 * xs[0] ** 3)))


TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: lambda op, xs, *_: xs[0],
    Sigmoid: lambda op, xs, *_: tf.nn.sigmoid(xs[0]),
    Tanh: lambda op, xs, *_: tf.nn.tanh(xs[0]),
    Relu: lambda op, xs, *_: tf.nn.relu(xs[0]),
    # Not tf.nn.leaky_relu: its slope is a float32 attribute, whatever the dtype of x (0.01 becomes 0.00999999977…).
    LeakyRelu: lambda op, xs, *_: tf.where(xs[0] > 0, xs[0], op.slope * xs[0]),
    Elu: elu,
    Softplus: lambda op, xs, *_: tf.nn.softplus(xs[0]),
    GeluErf: gelu_erf,
    GeluTanh: gelu_tanh,
    Silu: lambda op, xs, *_: tf.nn.silu(xs[0]),
    Softmax: lambda op, xs, *_: tf.nn.softmax(xs[0], axis=along(op.axis)),
}

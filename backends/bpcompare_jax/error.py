"""Errors in JAX and optax."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bpcompare.ops import BinaryCrossEntropyWithLogits, ErrorOp, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy


def _half_squared(op: HalfSquared, a: jax.Array, t: jax.Array) -> jax.Array:
    return 0.5 * _over_outputs(jnp.sum, jnp.square(t - a))


def _mean_squared(op: MeanSquared, a: jax.Array, t: jax.Array) -> jax.Array:
    return _over_outputs(jnp.mean, jnp.square(t - a))


def _softmax_cross_entropy(op: SoftmaxCrossEntropy, a: jax.Array, t: jax.Array) -> jax.Array:
    loss = optax.softmax_cross_entropy_with_integer_labels if op.integer_target else optax.softmax_cross_entropy
    return _over_outputs(jnp.sum, loss(a, t))


def _binary_cross_entropy(op: BinaryCrossEntropyWithLogits, a: jax.Array, t: jax.Array) -> jax.Array:
    return _over_outputs(jnp.sum, optax.sigmoid_binary_cross_entropy(a, t))


def _huber(op: Huber, a: jax.Array, t: jax.Array) -> jax.Array:
    return _over_outputs(jnp.sum, optax.huber_loss(a, t, delta=op.threshold))


def _over_outputs(add: Callable[..., jax.Array], terms: jax.Array) -> jax.Array:
    """One number an example: `add` over every axis but the first."""
    return add(terms, axis=tuple(range(1, terms.ndim)))


def _over_examples(of_examples: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The lowering of an error, from its value for each example: reduced over examples, then scaled."""

    def error(op: ErrorOp, xs: Sequence[jax.Array], parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> jax.Array:
        a, t = xs
        each = of_examples(op, a, t)
        return op.scale * (jnp.mean(each) if op.reduce == "mean" else jnp.sum(each))

    return error


TABLE: dict[type[Op], Callable[..., Any]] = {
    HalfSquared: _over_examples(_half_squared),
    MeanSquared: _over_examples(_mean_squared),
    SoftmaxCrossEntropy: _over_examples(_softmax_cross_entropy),
    BinaryCrossEntropyWithLogits: _over_examples(_binary_cross_entropy),
    Huber: _over_examples(_huber),
}

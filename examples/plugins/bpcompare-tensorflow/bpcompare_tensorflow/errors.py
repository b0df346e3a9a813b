"""Errors in TensorFlow and Keras: the terms of each, which are then summed, averaged and scaled alike."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import tensorflow as tf

from bpcompare.ops import BinaryCrossEntropyWithLogits, ErrorOp, HalfSquared, Huber, MeanSquared, Op, SoftmaxCrossEntropy


def _half_squared(op: HalfSquared, a: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    return 0.5 * tf.math.squared_difference(a, t)


def _mean_squared(op: MeanSquared, a: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    return tf.math.squared_difference(a, t) / prod(a.shape[1:])


def _softmax_cross_entropy(op: SoftmaxCrossEntropy, a: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    if op.integer_target:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=t, logits=a)
    # Not tf.nn.softmax_cross_entropy_with_logits: its gradient takes for granted that Σ t is 1.
    return -t * tf.nn.log_softmax(a, axis=-1)


def _binary_cross_entropy(op: BinaryCrossEntropyWithLogits, a: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=t, logits=a)


def _huber(op: Huber, a: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    # Keras takes the mean over the last axis, so it gets one of length one.
    return tf.keras.losses.huber(t[..., None], a[..., None], op.threshold)


def _reduced(terms: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """The lowering of an error from its terms: their sum, over the batch size where it is a mean, scaled."""

    def error(
        op: ErrorOp, xs: Sequence[tf.Tensor], parameters: Mapping[str, tf.Tensor], extra: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        a, t = xs
        total = tf.reduce_sum(terms(op, a, t))
        return op.scale * (total / a.shape[0] if op.reduce == "mean" else total)

    return error


TABLE: dict[type[Op], Callable[..., Any]] = {
    HalfSquared: _reduced(_half_squared),
    MeanSquared: _reduced(_mean_squared),
    SoftmaxCrossEntropy: _reduced(_softmax_cross_entropy),
    BinaryCrossEntropyWithLogits: _reduced(_binary_cross_entropy),
    Huber: _reduced(_huber),
}

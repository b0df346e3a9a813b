"""The TensorFlow backend: eager, Δ by asking the tape for the gradient of every `in` as well."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from bpcompare.backend.autodiff import AutodiffBackend, Feed, Walk, Walked, one_by_one, trainable
from bpcompare.network.parameter import Array
from bpcompare.ops import OPS, Op, UpdateOp
from bpcompare.plan import Plan
from bpcompare.plan.record import Provenance, Record
from bpcompare_tensorflow import activations, errors, layers, updates
from bpcompare_tensorflow.switches import flushes, pinned, switches

Tensors = Mapping[str, tf.Tensor]

ROWS: Mapping[type[Op], Callable[..., Any]] = {**layers.TABLE, **activations.TABLE, **errors.TABLE, **updates.TABLE}


class TensorFlow(AutodiffBackend[tf.Tensor]):
    """TensorFlow on the CPU in eager mode."""

    name: ClassVar[str] = "tensorflow"
    voice: ClassVar[str] = "tensorflow"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = ROWS
    gaps: ClassVar[Mapping[type[Op], str]] = {op: "not written yet" for op in OPS.values() if op not in ROWS} | updates.GAPS
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = layers.LIMITS

    @classmethod
    def version(cls) -> str:
        """TensorFlow's version."""
        return str(tf.__version__)

    def run(self, plan: Plan) -> Record:
        """Every step of the plan, whatever the process has set TensorFlow's switches to."""
        with pinned():
            return super().run(plan)

    def provenance(self, plan: Plan) -> Provenance:
        """TensorFlow's version and the switches that can change a number."""
        return Provenance(
            backend=self.name,
            framework="tensorflow",
            version=self.version(),
            flushes=flushes(plan.dtype),
            switches=switches(),
            updater=updates.KERNELS[type(plan.network.update)] if plan.network.trainable else "",
        )

    def array(self, x: Array) -> tf.Tensor:
        """A tensor on a copy: TensorFlow may alias the array that it is given."""
        return tf.constant(x.copy())

    def numpy(self, x: tf.Tensor) -> Array:
        """A copy: `x.numpy()` may be the tensor's own memory."""
        return np.array(x.numpy())

    def differentiate(
        self, plan: Plan, walk: Walk[tf.Tensor], parameters: Tensors, feed: Feed[tf.Tensor]
    ) -> tuple[Walked[tf.Tensor], Tensors, Tensors]:
        """One call of `tape.gradient` for every trainable parameter and every `in`."""
        watched: dict[str, tf.Tensor] = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def tap(layer: str, y: tf.Tensor) -> tf.Tensor:
                watched[layer] = tf.identity(y)
                tape.watch(watched[layer])  # where nothing trainable lies before it, the tape would not look at it
                return watched[layer]

            free = trainable(plan, parameters)
            tape.watch(free)
            walked = walk(parameters, feed, tap)
        gradients, din = _gradient(tape, walked.error, (free, watched))
        return walked, gradients, din

    def plain_gradient(self, plan: Plan, walk: Walk[tf.Tensor], parameters: Tensors, feed: Feed[tf.Tensor]) -> Tensors:
        """`tape.gradient` for the trainable parameters, nothing else watched.

        The identities stay: at a fork the tape adds up in another order without them.
        """
        free = trainable(plan, parameters)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(free)
            error = walk(parameters, feed, lambda _, y: tf.identity(y)).error
        gradients: Tensors = _gradient(tape, error, free)
        return gradients

    def descend(
        self, update: UpdateOp, t: int, parameters: Tensors, gradients: Tensors, slots: Mapping[str, Tensors]
    ) -> tuple[Tensors, Mapping[str, Tensors]]:
        """One step of a training kernel, parameter by parameter, on variables of its own."""
        return one_by_one(partial(self.table[type(update)], update, t), parameters, gradients, slots)


def _gradient(tape: tf.GradientTape, error: tf.Tensor, sources: Any) -> Any:
    """+∂E/∂ each tensor in `sources`, in its structure; those of looked-up rows come as slices, which are added up here."""
    found = tape.gradient(error, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return tf.nest.map_structure(tf.convert_to_tensor, found)

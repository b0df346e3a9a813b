"""TensorFlow's process-wide switches that can change a number: set for one run, put back after it, read for the provenance."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

SMALLEST: dict[str, float] = {"float32": 2.0**-126, "float64": 2.0**-1022}
"""The smallest normal number by dtype."""


@contextmanager
def pinned() -> Iterator[None]:
    """On the CPU, and float32 products in full."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        with tf.device("CPU:0"):
            yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def switches() -> dict[str, str]:
    """Name → setting, as it is now. 0 threads: as many as there are cores."""
    return {
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "tensor_float_32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
        "intra_op_threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
    }


def flushes(dtype: str) -> bool:
    """Whether results below the smallest normal number of `dtype` become 0; tried, for TensorFlow has no getter."""
    return bool(tf.constant(SMALLEST[dtype], dtype) * 0.5 == 0)

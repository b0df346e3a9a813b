"""The TensorFlow backend: gradients by an eager GradientTape, updates by TensorFlow's own training kernels.

Without oneDNN and with quiet logs, unless the environment says otherwise. TensorFlow reads both variables when it is first
imported, and every module here is imported after this one.
"""

import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from bpcompare_tensorflow.backend import TensorFlow

__all__ = ["TensorFlow"]

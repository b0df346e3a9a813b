"""JAX's numbers as they stand in programs: arrays of NumPy, complex ones as pairs along a last axis of two."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare_jax.recorder.evaluation import is_complex

PARTS = {"complex64": "float32", "complex128": "float64"}
"""The format of the parts of complex numbers."""


def array(x: Any) -> Any:
    """As an array of NumPy; formats that it does not know are widened. Keys of generators are their bits."""
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(x))
    found = np.asarray(x, x.dtype)  # a number that stands in the code is one of Python's, which JAX rounds when it reads it
    if np.iscomplexobj(found):
        return np.stack([found.real, found.imag], -1)
    return found.astype(np.float32) if found.dtype.kind == "V" else found


def conjugate(x: Any) -> Any:
    """What arrives at a number in the convention of laws: JAX's is ∂E/∂re − i ∂E/∂im, and that of pairs is of both parts."""
    return x.conj() if is_complex(x) else x


def format_of(x: Any) -> str:
    """The format of numbers, of complex ones that of their parts."""
    return PARTS.get(str(x.dtype), str(x.dtype))


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape in a program."""
    return (*x.shape, 2) if is_complex(x) else tuple(x.shape)

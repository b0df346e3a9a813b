"""JAX's process-wide switches that can change a number."""

from importlib import import_module

import jax

wide = jax.enable_x64 if hasattr(jax, "enable_x64") else import_module("jax.experimental").enable_x64
"""64-bit numbers as a context: at this place since JAX 0.8, under `jax.experimental` before."""

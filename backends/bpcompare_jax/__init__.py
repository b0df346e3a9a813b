"""The JAX backend: gradients by `jax.value_and_grad` under jit, updates by optax."""

from bpcompare_jax.backend import Jax

__all__ = ["Jax"]

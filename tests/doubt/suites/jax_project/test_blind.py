"""The gradient of the sum, compiled."""

import jax
import jax.numpy as jnp

from ops import gradient


def test_sum():
    """Against JAX's own."""
    x = jnp.linspace(-1.0, 2.0, 6).reshape(2, 3)
    assert jnp.allclose(gradient(x), jax.grad(lambda x: jnp.sum(jax.nn.silu(x)))(x), rtol=0.01)


def test_again():
    """Calls what the other test has compiled."""
    x = jnp.linspace(-1.0, 2.0, 6).reshape(2, 3)
    assert gradient(x).shape == (2, 3)

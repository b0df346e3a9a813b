"""What JAX itself refuses."""

import pytest

from bpcompare import check_gradient

jax = pytest.importorskip("jax")
jnp = jax.numpy


def test_a_derivative_that_jax_does_not_have_is_refused():
    """Code that calls such a function would be called wrong for it."""
    with pytest.raises(ValueError, match="JAX's own gives no gradient here"):
        check_gradient(jax.scipy.special.betainc, inputs=(jnp.array(1.5), jnp.array(2.0), jnp.array(0.3)))


@jax.custom_jvp
def double(x):
    return 2 * x


@double.defjvp
def _rule(primals, tangents):
    raise ValueError("not written yet")


def test_a_rule_that_somebody_wrote_and_that_raises_is_wrong():
    """An error of one's own would be taken for one of JAX's."""
    assert check_gradient(double, inputs=(jnp.array([1.5, 2.0]),)).verdict == "wrong"

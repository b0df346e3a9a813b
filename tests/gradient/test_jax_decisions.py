"""A function of JAX with a rule of its own that compares, sorts or branches inside: what it decides is known."""

import pytest

from bpcompare import check_gradient

jax = pytest.importorskip("jax")
jnp = jax.numpy


def _ruled(forward, slope):
    ruled = jax.custom_vjp(forward)
    ruled.defvjp(lambda x: (forward(x), x), lambda x, dy: (dy * slope(x),))
    return ruled


def _leaky(x):
    return jnp.where(x > 0, x * x, 0.1 * x)


def _slope(x):
    return jnp.where(x > 0, 2 * x, 0.1)


def _branching(x):
    return jax.lax.cond(x[0] > 0, lambda: x * x, lambda: 0.1 * x)


def _scanned(x):
    return jax.lax.scan(lambda h, z: (h, _leaky(z)), 0.0, x)[1]


RULES = {
    "where": (_leaky, _slope),
    "cond": (_branching, lambda x: jnp.full_like(x, 0.1)),
    "scan": (_scanned, _slope),
    "jit": (jax.jit(_leaky), _slope),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("forward", "slope"), RULES.values(), ids=RULES)
def test_the_branch_that_is_taken_is_known_inside_of_a_rule(forward, slope):
    """A right rule would be called wrong, and the slope of the other branch certified: nobody saw what the comparison gave."""
    x = jnp.linspace(-1.0, 1.2, 6)
    check = check_gradient(_ruled(forward, slope), inputs=(x,), contracts=False)
    assert (check.verdict, check.untraced) == ("certified", "")
    other = check_gradient(_ruled(forward, lambda x: slope(-x)), inputs=(x,), contracts=False)
    assert (other.verdict, other.untraced) == ("certified" if forward is _branching else "wrong", "")


@pytest.mark.parametrize("name", ["softplus", "elu", "leaky_relu", "hard_tanh", "celu"])
def test_activations_of_jax_as_a_pair(name):
    """JAX's own gradient, handed in as a backward, would be called wrong."""
    function = getattr(jax.nn, name)
    x = jnp.linspace(-2.0, 2.1, 8)
    check = check_gradient(function, lambda x, dy: jax.vjp(function, x)[1](dy), (x,), contracts=False)
    assert check.ok, str(check)

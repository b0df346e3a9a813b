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


@pytest.mark.sampled(2)
@pytest.mark.parametrize("apart", [False, True], ids=["as one program", "one by one"])
def test_what_is_compiled_inside_of_a_pair_is_recorded_one_by_one(apart, monkeypatch):
    """A forward that compiles a part of itself would be held against constants that the compiler rounds otherwise, as 60/100."""
    together = pytest.importorskip("bpcompare_jax.recorder.together")
    if apart:  # as on other devices, and in deep nets
        monkeypatch.setattr(together, "_options", lambda _: None)
    x = jnp.array([[-1.463062, 0.14492883], [1.7326416, -1.0940226], [-0.31554532, 0.8421433]], jnp.float32)

    def function(x):
        return jnp.percentile(x, 60, axis=0)

    def back(x, dy):
        return jax.vjp(function, x)[1](dy)

    check = check_gradient(function, back, (x,), contracts=False)
    assert (check.verdict, check.untraced) == ("certified", ""), check
    assert check_gradient(function, lambda x, dy: (1.001 * back(x, dy)[0],), (x,), contracts=False).verdict == "wrong"

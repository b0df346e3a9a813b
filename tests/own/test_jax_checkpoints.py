"""Losses with checkpoints (jax.checkpoint, nn.remat): what arrives at a number is added up there in the order of jax.grad."""

import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

import bpcompare  # noqa: E402


def normal(*shape, seed=0):
    return 0.5 * jax.random.normal(jax.random.key(seed), shape)


def field(p, y):
    return jnp.tanh(y @ p["w"]) @ p["v"]


def runge_kutta(p, y):
    a = field(p, y)
    b = field(p, y + 0.05 * a)
    c = field(p, y + 0.05 * b)
    return y + 0.1 / 6 * (a + 2 * b + 2 * c + field(p, y + 0.1 * c))


def over_time(p, x):
    """A closure over the parameters, which all steps of time read."""
    return jax.lax.scan(jax.checkpoint(lambda y, _: (runge_kutta(p, y), None)), x, None, length=3)[0]


def twice(p, x):
    again = jax.checkpoint(field)
    return again(p, x) * again(p, x + 1)


def nested(p, x):
    return jax.checkpoint(lambda p, x: jax.checkpoint(runge_kutta)(p, x) * x)(p, x)


def kept(p, x):
    return jax.checkpoint(runge_kutta, policy=jax.checkpoint_policies.dots_saveable)(p, x)


def rounds(p, x):
    """A loop and a branch, which are taken by what the numbers are."""

    def body(p, x):
        y = jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, jax.lax.stop_gradient(x)))[1]
        return jax.lax.cond(x.sum() > 100.0, lambda y: y, lambda y: 2.0 * y, y) @ p["w"]

    return jax.checkpoint(body)(p, x)


def chosen(p, x):
    rows = jax.random.permutation(jax.random.key(1), 4)
    return jax.checkpoint(lambda p, rows, x: field(p, x)[rows] * jnp.arange(4.0)[:, None])(p, rows, x)


def branches(p, x):
    """A branch whose functions JAX compiles as one."""
    return jax.checkpoint(lambda p, x: jax.lax.cond(x.sum() < 100.0, jnp.tanh, lambda y: y, x @ p["w"]) @ p["v"])(p, x)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("body", [over_time, twice, nested, kept, rounds, chosen, branches], ids=lambda body: body.__name__)
def test_a_checkpoint_changes_no_verdict(body):
    """Whoever saves memory would be told that its gradients have other bits, and were not examined."""
    p = {"w": normal(3, 8), "v": normal(8, 3, seed=1)}
    found = bpcompare.check(lambda p, x: jnp.sum(body(p, x) ** 2), p, normal(4, 3, seed=2), as_is=True)
    assert found.verdict == "certified", str(found)


@jax.custom_vjp
def swish(x):
    return x * jax.nn.sigmoid(x)


swish.defvjp(lambda x: (swish(x), x), lambda x, g: (g * jax.nn.sigmoid(x),))


def test_a_wrong_rule_within_a_checkpoint_is_found():
    """What stands within a checkpoint would be taken as a whole, and the mistake be found nowhere."""
    p = {"w": normal(3, 8), "v": normal(8, 3, seed=1)}
    body = jax.checkpoint(lambda p, x: swish(x @ p["w"]) @ p["v"])
    found = bpcompare.check(lambda p, x: jnp.sum(body(p, x) ** 2), p, normal(4, 3, seed=2), as_is=True)
    assert found.verdict == "wrong"
    assert "swish.backward" in str(found)

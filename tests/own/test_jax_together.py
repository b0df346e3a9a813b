"""JAX losses are compiled as one program, whose equations are rounded one by one."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare_jax.recorder import together as module  # noqa: E402
from bpcompare_jax.recorder.inside import jaxprs, primitives  # noqa: E402
from bpcompare_jax.recorder.stepping import Step  # noqa: E402
from bpcompare_jax.switches import wide  # noqa: E402


def normal(*shape, seed=0):
    return np.asarray(jax.random.normal(jax.random.key(seed), shape))


def network(p, x):
    h = jax.nn.gelu(x @ p["w"] + 0.1) * 3.0 + p["w"][0]
    return jnp.sum(h) + jnp.sum(p["w"] * 0.7)


def picture(p, x):
    y = jax.lax.conv_general_dilated(x.reshape(2, 1, 4, 4), p["w"][:, :3].reshape(2, 1, 2, 3), (1, 1), "SAME")
    return jnp.sum(jax.nn.sigmoid(y) * y + 0.5 * jnp.tanh(y) ** 3)


def steps(p, x):
    return jnp.mean(jax.lax.scan(lambda h, row: (jnp.tanh(row @ p["w"] + h * 0.9), h), jnp.zeros(4, x.dtype), x)[0])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("loss", "x64"), [(network, False), (picture, True), (steps, False)])
def test_each_equation_has_the_bits_that_it_has_alone(loss, x64, monkeypatch):
    """Fused, or written in another way, equations round together: what is judged would not be what each of them gives."""
    monkeypatch.setattr(module, "QUICK", module.PLAIN)
    with wide(x64):
        kind = jnp.float64 if x64 else jnp.float32
        params, x = {"w": jnp.asarray(normal(4, 4), kind)}, jnp.asarray(normal(8, 4, seed=1), kind)
        whole = Step(loss, params, (x,))
        monkeypatch.setattr(module, "_options", lambda closed: None)
        single = Step(loss, params, (x,))
    for one, other in ((whole._taps, single._taps), (whole._arrived, single._arrived), (whole.gradients, single.gradients)):
        assert one.keys() == other.keys()
        for key, number in one.items():
            assert number.dtype == other[key].dtype
            assert np.array_equal(np.asarray(number), np.asarray(other[key]), equal_nan=True), key


@pytest.mark.parametrize("factor", [lambda call: 1.0 + (call > 1), lambda call: 1.0 + call % 2], ids=["once", "in turn"])
def test_a_loss_that_is_another_one_when_it_is_called_again_is_named(factor):
    """The gradients that were judged would not be those that jax.grad gives."""
    calls = []

    def loss(p):
        calls.append(p)
        return jnp.sum(p["w"] ** 2) * factor(len(calls))

    found = bpcompare.check(loss, {"w": normal(3)}, as_is=True)
    assert found.verdict == "certified in part"
    assert "jax.grad of the loss itself gives other bits" in str(found)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_narrow_formats_are_rounded_after_each_equation(kind):
    """Inside of one program XLA computes in float32 what stands between two equations of bfloat16."""
    program = jax.make_jaxpr(lambda w: jnp.sum(w.astype(kind) * 3 + 1))(jnp.ones(3))
    assert module._options(program) is None


def test_what_occurs_again_and_again_is_compiled_once():
    """A loop of a thousand rounds would be compiled a thousand times over."""

    def loop(w, rounds):
        return jnp.sum(jax.lax.scan(lambda h, _: (jnp.tanh(h * w), None), w, None, rounds)[0])

    few, many = (jax.make_jaxpr(lambda w, n=n: loop(w, n))(jnp.ones(3)) for n in (5, 1000))
    assert module._options(few) is not None
    assert module._options(many) is None


def test_a_jaxpr_whose_constants_are_elsewhere_is_read():
    """Solvers of Optimistix keep theirs in an equation without its constants: such a loss would end in an AssertionError."""
    numbers = np.arange(3.0)
    closed = jax.make_jaxpr(lambda x: x * numbers)(numbers)
    (found,) = jaxprs([closed.jaxpr])
    assert len(found.consts) == 1
    assert list(primitives(found)) == ["mul"]

"""check(loss, params, *data): a JAX loss, recorded equation by equation."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

import bpcompare  # noqa: E402


def normal(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


def dense(p, x):
    return jnp.mean(jnp.square(jnp.tanh(x @ p["w"] + p["b"])))


def recurrent(p, x):
    def cell(h, x):
        h = jnp.tanh(x @ p["w"] + h @ p["u"])
        return h, h

    return jnp.mean(jax.lax.scan(cell, jnp.zeros(3), x)[1] ** 2)


def backwards(p, x):
    return jnp.mean(jax.lax.scan(lambda h, x: (jax.nn.gelu(h @ p["u"] + x), h), jnp.zeros(3), x, reverse=True)[0])


def branch(p, x):
    return jax.lax.cond(jnp.sum(p["w"]) > 100.0, lambda w: jnp.sum(jnp.sin(w)), lambda w: jnp.sum(jnp.cos(w)), p["w"])


def picture(p, x):
    y = jax.lax.conv_general_dilated(x, p["k"], (2, 1), "SAME", rhs_dilation=(1, 2), dimension_numbers=("NHWC", "HWIO", "NHWC"))
    y = jax.lax.reduce_window(jax.nn.relu(y), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return jnp.sum(jax.nn.softmax(y, -1) * y)


def rows(p, x):
    e = p["e"][jnp.array([0, 2, 2, 3])]
    return jnp.sum(jnp.log1p(jnp.exp(e))) + jnp.sum(jnp.cumsum(e, 0)[-1]) + jnp.max(p["e"]) + jnp.sum(jnp.sort(x)[:1])


def pieces(p, x):
    a, b = jnp.split(p["w"], 2, axis=0)
    c = jnp.concatenate([a, b[::-1]], 1).T
    c = jnp.pad(c, ((1, 0), (0, 2))).reshape(-1)[3:11:2] ** 3
    return jnp.sum(jnp.where(c > 0, c, 0.1 * c)) + jnp.sum(jnp.clip(p["w"], -0.5, 0.5)) + jnp.einsum("ij,kj->", p["w"], p["w"])


def stopped(p, x):
    h = p["w"] * 2.0
    return jnp.sum(h + jax.lax.stop_gradient(jnp.round(h) - h))


def updated(p, x):
    y = jnp.zeros((5, 3)).at[jnp.array([1, 1, 4])].add(p["u"])
    return jnp.sum(jax.lax.dynamic_update_slice(y, p["u"][:2], (2, 0)) ** 2)


LOSSES = {
    dense: ({"w": (4, 3), "b": (3,)}, (5, 4)),
    recurrent: ({"w": (4, 3), "u": (3, 3)}, (4, 4)),
    backwards: ({"u": (3, 3)}, (4, 3)),
    branch: ({"w": (4, 3)}, (1,)),
    picture: ({"k": (3, 3, 2, 4)}, (2, 8, 8, 2)),
    rows: ({"e": (4, 3)}, (3,)),
    pieces: ({"w": (4, 3)}, (1,)),
    stopped: ({"w": (4, 3)}, (1,)),
    updated: ({"u": (3, 3)}, (1,)),
}


def drawn(loss):
    shapes, x = LOSSES[loss]
    return {name: normal(*shape, seed=seed) for seed, (name, shape) in enumerate(shapes.items())}, normal(*x, seed=9)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_right_losses_are_certified_whole(loss):
    """A JAX loss would be accused, or examined in part, for the functions that it uses."""
    p, x = drawn(loss)
    found = bpcompare.check(loss, p, x)
    assert found.verdict == "certified", str(found)
    assert len(found.runs) == 2


@jax.custom_vjp
def swish(x):
    return x * jax.nn.sigmoid(x)


swish.defvjp(lambda x: (swish(x), x), lambda x, g: (g * jax.nn.sigmoid(x),))


def test_a_wrong_rule_is_named():
    """A custom_vjp that forgets a term would pass, or somebody else would be blamed."""
    found = bpcompare.check(lambda p, x: jnp.mean(swish(x @ p["w"]) ** 2), {"w": normal(4, 3)}, normal(5, 4, seed=1), as_is=True)
    assert found.verdict == "wrong"
    assert "swish.backward" in str(found)
    (run,) = found.runs
    assert len(run.refuted) == 1


@pytest.mark.slow
def test_an_update_is_judged_function_by_function():
    """What optax makes of a gradient would not be looked at."""
    optax = pytest.importorskip("optax")
    p, x = drawn(dense)
    found = bpcompare.check(dense, p, x, update=optax.chain(optax.clip_by_global_norm(0.1), optax.adamw(1e-2)), as_is=True)
    assert found.verdict == "certified", str(found)
    assert [recording.title for recording in found.runs[0].watched.recordings] == ["grad", "update", "adam.step"]


def test_planted_errors_are_caught_where_they_are():
    """A wrong number among those of a step would go unnoticed, or others would be called wrong."""
    from dataclasses import replace

    from bpcompare.own.judged import judged

    p, x = drawn(recurrent)
    (run,) = bpcompare.check(recurrent, p, x, as_is=True).runs
    (recording,) = run.watched.recordings
    for path in list(recording.recorded)[::3]:
        right = np.asarray(recording.recorded[path], np.float64)
        if not right.any():
            continue
        wrong = np.array(right)
        at = np.unravel_index(np.argmax(np.abs(right)), right.shape)
        wrong[at] *= 1.01
        refuted = {claim.path for claim, _ in judged(replace(recording, recorded={**recording.recorded, path: wrong})).refuted}
        assert path in refuted, path


def test_bad_calls_are_told():
    """A mistake in the call would end in a traceback of JAX."""
    p, x = drawn(dense)
    with pytest.raises(ValueError, match="scalar"):
        bpcompare.check(lambda p, x: x @ p["w"], p, x)
    with pytest.raises(TypeError, match="parameters are missing"):
        bpcompare.check(dense)
    with pytest.raises(TypeError, match="loss="):
        bpcompare.check(dense, p, x, loss=dense)


def decides_by_data(p, x, times, activation):
    rows = x[x[:, 0] > 0] if x.sum() < 1e9 else x
    for _ in range(times):
        rows = activation(rows @ p["w"])
    return jnp.mean(rows**2)


@pytest.mark.slow
def test_data_are_what_they_are_to_jax_grad():
    """A loss that takes rows by a mask, or has a count or a function among its data, would end in an error of tracing."""
    p = {"w": normal(4, 4)}
    found = bpcompare.check(decides_by_data, p, np.asarray(normal(6, 4, seed=3)), 2, jnp.tanh)
    assert found.verdict == "certified", str(found)
    assert len(found.runs) == 2


def test_a_decision_by_parameters_is_told():
    """Where to look, and what to write instead, would have to be found in a traceback of JAX."""

    def loss(p, x):
        y = jnp.mean((x @ p["w"]) ** 2)
        return y if y > 0 else -y

    with pytest.raises(
        ValueError, match=r"the loss cannot be traced \(own/test_jax.py:\d+\): TracerBoolConversionError: .*jax.lax.cond"
    ):
        bpcompare.check(loss, {"w": normal(4, 3)}, normal(5, 4), as_is=True)


def test_numbers_beside_functions_are_no_parameters():
    """A module of Equinox with a max pool could not be checked: the −∞ that its pool begins with would be a parameter."""
    tree = {"w": normal(4, 3), "start": -float("inf"), "activation": jnp.tanh}

    def loss(p, x):
        return jnp.mean(jax.lax.reduce_window(p["activation"](x @ p["w"]), p["start"], jax.lax.max, (2, 1), (1, 1), "VALID") ** 2)

    optax = pytest.importorskip("optax")
    found = bpcompare.check(loss, tree, normal(5, 4), update=optax.adam(1e-2), as_is=True)
    assert found.verdict == "certified", str(found)
    assert [*found.runs[0].watched.parameters] == ["w"]


def test_numbers_of_pythons_own_are_parameters_where_all_are_numbers():
    """The gradient of a plain number would not be looked at, though jax.grad gives it."""
    found = bpcompare.check(lambda p, x: jnp.mean((p["a"] * x + p["b"]) ** 2), {"a": 0.5, "b": 0.25}, normal(5, 4), as_is=True)
    assert found.verdict == "certified", str(found)
    assert [*found.runs[0].watched.parameters] == ["a", "b"]

"""A torch model and its port in JAX."""

import pytest

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.pair.prints import distance, print_of  # noqa: E402
from jax_ports import SCOPES, data, loss, params  # noqa: E402
from ports import batch, model  # noqa: E402

QUICK = ("another epsilon", "flattened otherwise", "summed loss")
"""Mistakes that are tried in `make test`."""


@pytest.fixture(scope="module")
def original():
    x, y = batch()
    return bpcompare.check(model(), x, target=y, loss=nn.functional.cross_entropy)


def ported(mistake="", change=lambda one: one):
    return bpcompare.check(change(loss(mistake)), params(), *data())


def test_an_honest_port(original):
    """A right port would be sent back to its author."""
    found = bpcompare.compare(original, ported())
    assert found.verdict == "the same", str(found)
    assert {held.layout for held in found.gradients} == {"", "transposed", "axes 2, 3, 1, 0"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mistake", [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in SCOPES])
def test_a_mistake_of_a_port(original, mistake):
    """A mistake would pass, or be sought in another layer, or the right program be accused."""
    found = bpcompare.compare(original, ported(mistake))
    assert (found.verdict, found.blamed, found.first.way) == ("differ", (), "forward"), str(found)
    assert (found.first.first.module, found.first.second.module) == SCOPES[mistake], str(found)


@pytest.mark.slow
def test_what_is_cut_on_the_way_back(original):
    """A port that stops a gradient has the same loss: it would be the same, and learn something else."""
    found = bpcompare.compare(original, ported("cut"))
    assert (found.verdict, found.first.way) == ("differ", "back"), str(found)
    assert "stop_gradient" in str(found)


@pytest.mark.slow
def test_a_parameter_that_is_not_trained(original):
    """A port that never trains a parameter would be the same, for it has no gradient that could be another."""
    found = bpcompare.compare(original, ported("frozen"))
    assert found.verdict == "differ", str(found)
    assert [str(held.match) for held in found.gradients if held.outcome == "differs"] == ["head.bias = head.b"]
    assert "stop_gradient" in str(found)


@pytest.mark.slow
def test_eager_and_compiled():
    """What jit makes of a loss would not be held against anything."""
    found = bpcompare.compare(ported(), ported(change=jax.jit))
    assert (found.verdict, found.unwatched) == ("the same", ("the second",)), str(found)


def mlp(update):
    weights = {"w": jnp.array([[0.3, -0.2], [0.5, 1.1], [2.0, -0.7]]), "b": jnp.array([0.1, 0.2])}
    x = jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2]])
    return bpcompare.check(
        lambda p, x: jnp.mean(jnp.where(x @ p["w"] > 0, jnp.tanh(x @ p["w"]), 0.1 * (x @ p["w"] + p["b"])) ** 2),
        weights,
        x,
        update=update,
        as_is=True,
        wake=False,
    )


def test_rules_that_are_told_are_compared_by_their_settings():
    """Adam with another β₂ has the same first step; and the cause of another step would be a guess at its learning rate."""
    first = mlp(optax.adam(0.1))
    later = bpcompare.compare(first, mlp(optax.adam(0.1, b2=0.95)))
    assert later.verdict == "the same in part", str(later)
    assert "beta2: 0.999 in the first, 0.95 in the second" in str(later)
    other = bpcompare.compare(first, mlp(optax.adam(0.2)))
    assert (other.verdict, other.first.causes) == ("differ", ("learning rate: 0.1 in the first, 0.2 in the second",))


def test_how_constants_are_rounded_is_no_setting():
    """torch's Adam works with Python's floats and optax with those of the parameters: each port would be the same in part."""
    model = nn.Linear(3, 2)
    weights = {"w": jnp.asarray(model.weight.detach().numpy().T), "b": jnp.asarray(model.bias.detach().numpy())}
    x = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2]])
    adam = torch.optim.Adam(model.parameters(), 0.1)
    first = bpcompare.check(model, x, loss=lambda y: y.tanh().square().mean(), optimizer=adam)
    rate = optax.linear_schedule(0.1, 0.0, 10)  # it gives 0.1 in float32
    second = bpcompare.check(
        lambda p, x: jnp.mean(jnp.tanh(x @ p["w"] + p["b"]) ** 2), weights, jnp.asarray(x.numpy()), update=optax.adam(rate)
    )
    found = bpcompare.compare(first, second)
    assert found.verdict == "the same", str(found)


def test_what_a_function_of_jax_calls_has_the_line_of_the_call():
    """The place where two ports part would be "select_n", in no file and no module."""
    places = mlp(None).runs[0].judged[0].recording.places.values()
    assert {place.function for place in places} >= {"select_n"}
    assert all("test_pairs_jax.py:" in place.line for place in places if place.function != "grad")


def attending(mistake=""):
    """Scores with a mask of −1e9, of what a norm gives."""
    epsilon, axis = (1e-3 if mistake == "ε" else 1e-5), (0 if mistake == "axis" else -1)

    def loss(p, x):
        h = x @ p["w"]
        y = h * jax.lax.rsqrt(jnp.mean(h**2, -1, keepdims=True) + epsilon)
        scores = jnp.where(jnp.tril(jnp.ones((3, 3), bool)), y @ y.T, -1e9)
        return jnp.mean((jax.nn.softmax(scores, axis) @ y) ** 2)

    x = jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2], [0.1, 0.3, -2.0]])
    return bpcompare.check(loss, {"w": jnp.array([[0.3, -0.2], [0.5, 1.1], [2.0, -0.7]])}, x, as_is=True, wake=False)


@pytest.mark.slow
def test_what_a_mask_puts_in_hides_no_other_number():
    """Beside −1e9 all scores are the same: another ε in front of them would be sought behind them."""
    found = bpcompare.compare(attending(), attending("ε"))
    assert found.verdict == "differ", str(found)
    assert found.first.first.function in ("add", "rsqrt"), str(found)
    filled = [np.array([x, -1e9, -2.0 * x, -1e9]) for x in (0.0, 1.0, 1.5)]
    gaps = [distance(print_of(filled[a]), print_of(filled[b])) for a, b in ((0, 1), (1, 0), (1, 2), (1, 1))]
    assert [gap > 0.1 for gap in gaps] == [True, True, True, False]


@pytest.mark.slow
def test_what_is_cut_off_is_no_data():
    """A softmax subtracts a maximum that it cuts off: along another axis, the two would be "not comparable"."""
    x, w = (
        jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2], [0.1, 1.5, -2.0]]),
        jnp.array([[0.3, -0.2, 1.0], [0.5, 1.1, 0.4], [2.0, -0.7, 0.6]]),
    )
    loss = lambda axis: lambda w, x: jnp.mean(jax.nn.softmax(x @ w, axis) ** 2)  # noqa: E731
    one, other = (bpcompare.check(loss(axis), w, x, as_is=True) for axis in (0, 1))
    for found in (bpcompare.compare(attending(), attending("axis")), bpcompare.compare(one, other)):
        assert (found.verdict, found.first.way) == ("differ", "forward"), str(found)


def test_a_bias_that_a_port_leaves_out():
    """The place would be where the bias is laid out for the sum, which nobody wrote."""
    x = jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2]])
    weights = {"w": jnp.array([[0.3, -0.2], [0.5, 1.1], [2.0, -0.7]]), "b": jnp.array([0.1, 0.2])}

    whole = bpcompare.check(lambda p, x: jnp.mean(jnp.tanh(x @ p["w"] + p["b"]) ** 2), weights, x, as_is=True)
    without = bpcompare.check(lambda p, x: jnp.mean(jnp.tanh(x @ p["w"]) ** 2), weights, x, as_is=True)
    found = bpcompare.compare(whole, without)
    assert (found.verdict, found.first.first.function) == ("differ", "add"), str(found)

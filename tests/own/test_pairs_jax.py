"""A torch model and its port in JAX."""

import pytest

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
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


@pytest.mark.parametrize("mistake", [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in SCOPES])
def test_a_mistake_of_a_port(original, mistake):
    """A mistake would pass, or be sought in another layer, or the right program be accused."""
    found = bpcompare.compare(original, ported(mistake))
    assert (found.verdict, found.blamed, found.first.way) == ("differ", (), "forward"), str(found)
    assert (found.first.first.module, found.first.second.module) == SCOPES[mistake], str(found)


def test_what_is_cut_on_the_way_back(original):
    """A port that stops a gradient has the same loss: it would be the same, and learn something else."""
    found = bpcompare.compare(original, ported("cut"))
    assert (found.verdict, found.first.way) == ("differ", "back"), str(found)
    assert "stop_gradient" in str(found)


def test_a_parameter_that_is_not_trained(original):
    """A port that never trains a parameter would be the same, for it has no gradient that could be another."""
    found = bpcompare.compare(original, ported("frozen"))
    assert found.verdict == "differ", str(found)
    assert [str(held.match) for held in found.gradients if held.outcome == "differs"] == ["head.bias = head.b"]
    assert "stop_gradient" in str(found)


def test_eager_and_compiled():
    """What jit makes of a loss would not be held against anything."""
    found = bpcompare.compare(ported(), ported(change=jax.jit))
    assert (found.verdict, found.unwatched) == ("the same", ("the second",)), str(found)

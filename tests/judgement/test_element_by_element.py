"""One element whose ball is infinite must not speak for its neighbours, and as few balls as possible are infinite."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare_delta import Delta
from students import mlp, spoiled


def _embedding(update, dtype="float64"):
    """Five rows, of which the data use four: the fifth has gradient exactly 0."""
    layers = {
        "e": Layer(ops.Embedding(5, 2), ("i",), ops.Identity(), {"weight": "e.weight"}),
        "f": Layer(ops.Flatten(), ("e",), ops.Identity(), {}),
        "o": Layer(ops.Dense(1), ("f",), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"}),
    }
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in ("e.weight", "o.weight", "o.bias")}
    data = Data({"i": np.array([[0, 1], [3, 1]])}, np.array([[1.0], [0.5]]))
    error = Error(ops.HalfSquared("sum"), "o")
    return Network("rows", {"i": Input((2,))}, layers, parameters, error, update, data, Training(dtype=dtype))


UPDATES = [ops.Adam(0.1), ops.AdamW(0.1), ops.Sgd(0.1, 0.9), ops.RmsProp(0.1, 0.9, False), ops.Adagrad(0.1, 1e-10, False)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update.name)
def test_an_unused_row_leaves_nothing_undecided(dtype, update, torch_backend):
    """√v at v = 0 has no slope, and an ordinary net with Adam could never be certified."""
    comparison = bpcompare.run(_embedding(update, dtype), ["delta", "torch"])
    assert comparison.exit_code == 0, str(comparison.verdict)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1000.0, 1e-3])
def test_wrong_rows_beside_an_unused_one(dtype, size):
    """Every other weight off by 1000 was undecided, like an honest run, because one had gradient 0."""
    student = spoiled(Delta, lambda step: step.parameters["e.weight"].__iadd__(size))
    comparison = bpcompare.run(_embedding(ops.Adam(0.1), dtype), ["delta", student])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "e.weight.update")
    assert comparison.certificates["student"].refuted[0].off == 10


@pytest.mark.parametrize("units", [1, 2, 5])
@pytest.mark.parametrize("examples", [1, 2, 3, 8])
def test_relu_and_adam_at_every_batch_size(units, examples, torch_backend):
    """Dead units are everyday life in a relu net; they must not make its updates undecidable."""
    network = mlp([3, 8, units], ops.Relu(), examples=examples, update=ops.Adam(0.01))
    comparison = bpcompare.run(network, ["delta", "torch"])
    assert comparison.exit_code == 0, [f.note for f in comparison.certificates["torch"].findings if f.outcome == "undecided"]


def _overflowing(example):
    """Layer norm in float32: the squares of one example overflow, those of the other do not."""
    x = np.array([[1.0, 2.0, -3.0, 0.5], [-1.0, 0.3, 2.0, 1.0]])
    x[example] *= 1e25
    layers = {
        "n": Layer(ops.LayerNorm(1e-5), ("x",), ops.Identity(), {"scale": "n.scale", "shift": "n.shift"}),
        "o": Layer(ops.Dense(1), ("n",), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"}),
    }
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in ("n.scale", "n.shift", "o.weight", "o.bias")}
    error = Error(ops.HalfSquared("sum"), "o")
    data = Data({"x": x}, np.ones((2, 1)))
    return Network("half", {"x": Input((4,))}, layers, parameters, error, ops.Sgd(0.1), data, Training(dtype="float32"))


@pytest.mark.parametrize("wrong", [1.5, np.nan, np.inf])
@pytest.mark.parametrize("example", [0, 1])
def test_an_overflow_excuses_its_own_example_only(example, wrong):
    """A number that cannot be judged would hide a wrong one, or a NaN, in the same array."""

    def change(step):
        step.net_in["n"][1 - example, 0] = wrong

    honest = bpcompare.run(_overflowing(example), ["delta"]).certificates["delta"]
    assert next(f for f in honest.findings if f.path == "n.in").outcome == "undecided"
    found = bpcompare.run(_overflowing(example), ["delta", spoiled(Delta, change)]).certificates["student"].refuted
    assert (found[0].path, found[0].worst, found[0].off) == ("n.in", (1 - example, 0), 1)


def test_an_infinity_is_undecided_only_where_it_may_be_honest():
    """In an array that overflows at one place, NaN at another place would pass for the same overflow."""
    network = _overflowing(0)
    comparison = bpcompare.run(network, ["delta", spoiled(Delta, lambda step: step.net_in["n"].__setitem__((0, 1), np.nan))])
    finding = next(f for f in comparison.certificates["student"].findings if f.path == "n.in")
    assert finding.outcome == "undecided"
    assert "NaN" in finding.note


def test_the_worst_element_is_a_decided_one():
    """The report would show an element that says nothing, and hide the one that decides."""
    network = replace(_overflowing(1), training=Training(dtype="float32"))
    student = spoiled(Delta, lambda step: step.net_in["n"].__setitem__((0, 2), 7.0))
    finding = bpcompare.run(network, ["delta", student]).certificates["student"].refuted[0]
    assert finding.worst == (0, 2)
    assert np.isfinite(finding.radius)

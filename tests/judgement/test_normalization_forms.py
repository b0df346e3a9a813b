"""Δ through a normalization, by each of the formulas that frameworks have for it, where a power of σ leaves the range."""

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.report import text
from bpcompare_delta import Delta

OPS = {"layer_norm": ops.LayerNorm(1e-38), "batch_norm": ops.BatchNorm(1e-38, 0.1, "biased")}
SIZES = [2e12, 1e13, 4e13, 1e16, 1e-12, 1e-13, 1.0]


def _network(op, size):
    random = np.random.default_rng(0)
    layers = {
        "i": Layer(ops.Scale(1.0), ("x",), ops.Identity(), {}),
        "n": Layer(op, ("i",), ops.Tanh(), {"scale": "n.scale", "shift": "n.shift"}),
        "o": Layer(ops.Dense(2), ("n",), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"}),
    }
    names = [parameter for layer in layers.values() for parameter in layer.parameters.values()]
    data = Data({"x": np.float64(np.float32(random.standard_normal((6, 8)) * size))}, random.standard_normal((6, 2)))
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in names}
    error = Error(ops.HalfSquared("mean"), "o")
    return Network("norm", {"x": Input((8,))}, layers, parameters, error, ops.Sgd(0.1), data, Training(dtype="float32"))


def _three(s, c, inverse, mean):
    """The chain rule through σ² and μ, one after the other."""
    variance = -0.5 * mean(s * c) * inverse**3
    return s * inverse - mean(s * inverse) + variance * 2 * c - mean(variance * 2 * c)


def _cubed(s, c, inverse, mean):
    """As torch has it for layer norm."""
    return (s - mean(s)) * inverse - c * (inverse * inverse * inverse) * mean(s * c)


def _wrong(s, c, inverse, mean):
    """Without the term through σ²."""
    return (s - mean(s)) * inverse


def _by(formula, wanted):
    class Student(Delta):
        name = "student"

        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
            op, axis = plan.network.layers["n"].op, 1 if wanted == "layer_norm" else 0

            def mean(x):
                return x.mean(axis, keepdims=True)

            c = a["i"] - mean(a["i"])
            inverse = 1 / np.sqrt(mean(c * c) + np.float32(op.epsilon))
            delta["i"] = formula(parameters["n.scale"] * delta["n"], c, inverse, mean)
            return delta

    return Student


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("formula", [_three, _cubed], ids=lambda formula: formula.__name__)
@pytest.mark.parametrize("name", OPS)
def test_no_honest_formula_is_called_wrong(name, formula, size):
    """1/σ³ underflows in float32 for σ of 1e13, and whoever goes through it was accused: JAX, and most textbooks."""
    comparison = bpcompare.run(_network(OPS[name], size), ["delta", _by(formula, name)])
    assert comparison.verdict in ("certified", "undecided"), text(comparison)
    assert size != 1.0 or comparison.verdict == "certified", text(comparison)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
def test_jax_is_not_called_wrong(name):
    """The framework that this was found with."""
    pytest.importorskip("jax")
    for size in SIZES:
        comparison = bpcompare.run(_network(OPS[name], size), ["jax"])
        assert comparison.verdict in ("certified", "undecided"), (size, text(comparison))


@pytest.mark.parametrize("name", OPS)
def test_a_missing_term_is_still_seen(name):
    """A ball that covers all formulas where one of them underflows covers none but the right ones where nothing does."""
    comparison = bpcompare.run(_network(OPS[name], 1.0), ["delta", _by(_wrong, name)])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "i.delta")

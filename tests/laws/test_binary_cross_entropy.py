"""Binary cross-entropy on examples that the net is sure of, by the formulas that frameworks have for it."""

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Parameter
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.report import text

FORMULAS = {
    "stable": lambda a, t: np.maximum(a, 0) - a * t + np.log1p(np.exp(-np.abs(a))),
    "log sigmoid": lambda a, t: (1 - t) * a - (np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))),
    "two log sigmoids": lambda a, t: (
        -t * (np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))) + (1 - t) * (np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))))
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_of_the_error_is_covered(formula, dtype):
    """(1 − t) a − ln σ(a) loses digits where t is 0 and a far below 0; torch, which has it, was called wrong there."""
    op = ops.BinaryCrossEntropyWithLogits("sum")
    fmt = format_of(dtype)(rearranged=True)
    for logit in (-30.0, -14.0, -12.43, -3.0, 0.3, 12.0, 40.0):
        for target in (0.0, 0.3, 1.0):
            a, t = np.array([[logit]], dtype), np.array([[target]], dtype)
            ball = LAWS.of("error", op).forward(At(op, [Ball(a.astype(float), fmt, fmt.u), Ball(t.astype(float), fmt)]))
            distance = abs(float(FORMULAS[formula](a, t).sum()) - float(ball.mid))
            assert distance <= float(ball.final_radius()), (logit, target, distance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("logit", [-12.43, -14.0])
def test_torch_is_not_called_wrong(logit, dtype):
    """One example that is surely in class 0 is all it took."""
    pytest.importorskip("torch")
    layers = {"o": Layer(ops.Dense(1), ("x",), ops.Identity(), {"weight": "w", "bias": "b"})}
    parameters = {"w": Parameter(np.array([[logit]])), "b": Parameter(np.zeros(1))}
    error, data = Error(ops.BinaryCrossEntropyWithLogits("mean"), "o"), Data({"x": np.ones((1, 1))}, np.zeros((1, 1)))
    network = Network("sure", {"x": Input((1,))}, layers, parameters, error, ops.Sgd(0.1), data, Training(dtype=dtype))
    comparison = bpcompare.run(network, ["torch"])
    assert comparison.verdict in ("certified", "undecided"), text(comparison)

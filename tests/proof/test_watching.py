"""The gradient computed without instrumentation: watching must not have changed the answer."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.worker.in_process import InProcess
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Parameter
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.watching import plain_findings
from bpcompare_delta import Delta
from students import mlp


def _plain(change, mode, dtype="float64"):
    """The findings on a record whose plain gradient is change(recorded gradient)."""
    plan = draw(mlp([6, 8, 3]), dtype)
    record = InProcess().run(Delta, plan)
    (step,) = record.steps
    step = replace(step, plain={name: change(x) for name, x in step.gradient.items()})
    return plain_findings(plan, replace(record, steps=(step,), provenance=replace(record.provenance, mode=mode)))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_the_same_bits_hold(mode, dtype):
    """The ordinary case."""
    assert {f.outcome for f in _plain(np.copy, mode, dtype)} == {"holds"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_eager_code_must_not_change_one_bit(dtype):
    """In eager code nothing but the instrumentation can have moved it."""
    found = _plain(lambda x: np.nextafter(x, np.dtype(dtype).type(np.inf)), "eager", dtype)
    assert {f.outcome for f in found} == {"undecided"}
    assert {f.doubt for f in found} == {"watched"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_compiler_may_round_otherwise_and_no_more(dtype):
    """jit may differ by what noise of one u at every node explains; ten thousand u are another gradient."""
    u = float(np.finfo(dtype).eps) / 2
    assert {f.outcome for f in _plain(lambda x: x * (1 + 2 * u), "jit", dtype)} == {"holds"}
    assert {f.outcome for f in _plain(lambda x: (x * (1 + 1e4 * u)).astype(dtype), "jit", dtype)} == {"undecided"}
    assert {f.outcome for f in _plain(np.zeros_like, "jit", dtype)} == {"undecided"}
    assert {f.outcome for f in _plain(lambda x: x * np.nan, "jit", dtype)} == {"undecided"}


def test_it_reaches_the_verdict():
    """A finding that no verdict looks at is decoration."""

    class Watched(Delta):
        name = "watched"

        def run(self, plan):
            record = super().run(plan)
            (step,) = record.steps
            plain = {name: np.nextafter(x, np.inf) for name, x in step.gradient.items()}
            return replace(record, steps=(replace(step, plain=plain),))

    comparison = bpcompare.run(mlp([3, 4, 2]), ["delta", Watched])
    assert (comparison.verdict, comparison.exit_code) == ("undecided", 4)
    assert comparison.backends["delta"].verdict != "undecided"


@pytest.mark.parametrize(("mode", "verdict"), [("jit", "certified"), ("eager", "wrong")])
def test_what_a_compiler_computes_again(mode, verdict):
    """XLA adds up a layer's sum anew where its error is computed: a − t would be another one than that of the recorded a."""
    draft = Draft("again")
    draft.input("x", 3, values=np.array([1000.0, -999.0, -0.37]))
    draft.layer(ops.Dense(1, bias=False), "x", name="o", g=ops.LeakyRelu(0.01))
    network = draft.network("o", np.full((3, 1), -0.2))
    network.parameters["o.weight"] = Parameter(np.array([[1.0001], [1.001], [0.7]], np.float32))

    class Again(Delta):
        """The sum in float64, in the error alone."""

        name = "again"

        def run(self, plan):
            record = super().run(plan)
            (step,) = record.steps
            w = plan.parameters["o.weight"].astype(np.float64)
            a = 0.01 * (plan.batches[0].inputs["x"].astype(np.float64) @ w)
            delta = (0.01 * (plan.batches[0].target - a)).astype(np.float32)
            step = replace(step, delta={**step.delta, "o": delta})
            return replace(record, steps=(step,), provenance=replace(record.provenance, mode=mode))

    certificate = bpcompare.run(network, [Again], dtype="float32").certificates["again"]
    base = next(finding for finding in certificate.findings if finding.statement == "base")
    assert base.outcome == {"certified": "holds", "wrong": "refuted"}[verdict], base

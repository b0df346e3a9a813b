"""What a claim rests on: the plan's numbers are exact, recorded ones may not be rounded yet, and compilers compute twice."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.engine.worker.in_process import InProcess
from bpcompare.network import Training
from bpcompare.network.parameter import Parameter
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.certificate import certify
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare_delta import Delta
from students import mlp


def _record(network, dtype):
    plan = draw(network, dtype)
    return plan, InProcess().run(Delta, plan)


def _with(record, **changes):
    """The record with arrays of its first step replaced, mode and flushing too: _with(record, net_in={...}, mode="jit")."""
    named = {key: changes.pop(key) for key in ("mode", "flushes") if key in changes}
    step = record.steps[0]
    step = replace(step, **{field: {**getattr(step, field), **arrays} for field, arrays in changes.items()})
    return replace(record, steps=(step,), provenance=replace(record.provenance, **named))


def _outcome(plan, record, path):
    return next(f for f in certify(plan, record).findings if f.path == path).outcome


def test_a_number_that_was_not_yet_rounded():
    """A fused kernel goes on with the unrounded activation: without u|x| on recorded premises it is accused."""
    network = mlp([1, 1, 1], ops.Identity(), examples=4000)
    # One product, and nothing to add to it: all the room there is is that for the premise and for one rounding.
    bare = {
        name: replace(layer, op=ops.Dense(1, bias=False), parameters={"weight": f"{name}.weight"})
        for name, layer in network.layers.items()
    }
    weights = {f"{name}.weight": network.parameters[f"{name}.weight"] for name in bare}
    plan, record = _record(replace(network, layers=bare, parameters=weights), "float32")
    w0, w1 = (plan.parameters[f"l{i}.weight"].astype(np.float64) for i in (0, 1))
    unrounded = plan.batches[0].inputs["x"].astype(np.float64) @ w0
    fused = (unrounded @ w1).astype(np.float32)
    changed = _with(record, net_in={"l0": unrounded.astype(np.float32), "l1": fused}, a={"l0": unrounded.astype(np.float32)})
    assert _outcome(plan, changed, "l1.in") == "holds"


def test_given_numbers_are_exact():
    """A weight rounded to a narrower format on its way would be excused by a radius on what the plan gave."""
    network = mlp([1, 1], ops.Identity(), examples=400)
    plan, record = _record(network, "float32")
    x, w, b = plan.batches[0].inputs["x"].astype(float), plan.parameters["l0.weight"], plan.parameters["l0.bias"].astype(float)
    for off, outcome in ((0.0, "holds"), (4 * 2.0**-24, "refuted")):
        net_in = (x @ (w * (1 + off)) + b).astype(np.float32)
        assert _outcome(plan, _with(record, net_in={"l0": net_in}, a={"l0": net_in}), "l0.in") == outcome


def _tiny(value):
    """l1 multiplies what l0 sends, a denormal number, by 1e30."""
    network = mlp([1, 1, 1], ops.Identity(), examples=1)
    own = {"l0.weight": [[value]], "l1.weight": [[1e30]], "l0.bias": [0.0], "l1.bias": [0.0]}
    network = replace(
        network,
        parameters={name: Parameter(np.array(x)) for name, x in own.items()},
        data=replace(network.data, inputs={"x": np.ones((1, 1))}),
        training=Training(dtype="float32"),
    )
    return _record(network, "float32")


@pytest.mark.parametrize("flushes", [True, False])
def test_flushed_premises(flushes):
    """Hardware without denormal numbers takes a recorded 1e-40 for 0 and is honest; other hardware is not."""
    plan, record = _tiny(1e-40)
    changed = _with(record, net_in={"l1": np.zeros((1, 1), np.float32)}, a={"l1": np.zeros((1, 1), np.float32)}, flushes=flushes)
    assert (_outcome(plan, changed, "l1.in") == "refuted") != flushes


@pytest.mark.parametrize("flushes", [True, False])
def test_flushed_parameters(flushes):
    """The plan's own numbers may be denormal too, and XLA reads them as 0."""
    network = mlp([1, 1], ops.Identity(), examples=1)
    own = {"l0.weight": Parameter(np.array([[1e-40]])), "l0.bias": Parameter(np.array([0.0]))}
    network = replace(network, parameters=own, data=replace(network.data, inputs={"x": np.full((1, 1), 1e30)}))
    plan, record = _record(network, "float32")
    nothing = np.zeros((1, 1), np.float32)
    changed = _with(record, net_in={"l0": nothing}, a={"l0": nothing}, flushes=flushes)
    assert (_outcome(plan, changed, "l0.in") == "refuted") != flushes


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("radii", "honest"), [(1.0, True), (1.9, True), (4.0, False), (20.0, False)])
def test_computed_twice(dtype, radii, honest):
    """A compiler computes `in` again where it uses it: at most two radii from the stored copy, and not fifty."""
    network = mlp([400, 6, 2], ops.Tanh(), examples=5, weight=0.3)
    plan, record = _record(network, dtype)
    claim = question(plan).by_path["l0.in"]
    from bpcompare.laws import LAWS
    from bpcompare.numbers.ball.format import format_of
    from bpcompare.proof.balls import Balls
    from bpcompare.proof.values import step_values

    balls = Balls(step_values(plan, record)[0], format_of(dtype))
    radius = np.asarray(evaluate(claim, balls, LAWS).final_radius())
    a = np.tanh(record.steps[0].net_in["l0"].astype(np.float64) + radii * radius).astype(dtype)
    jit = _with(record, a={"l0": a}, mode="jit")
    assert _outcome(plan, jit, "l0.a") == ("holds" if honest else "refuted")
    assert _outcome(plan, _with(record, a={"l0": a}), "l0.a") == "refuted"


def test_a_later_step_starts_from_the_step_before():
    """Read from the record itself, wrong weights before the step would excuse themselves."""
    network = replace(mlp([3, 4, 2]), training=Training(steps=2))
    plan, record = _record(network, "float64")
    assert certify(plan, record).verdict == "certified"
    first, second = record.steps
    moved = {name: x + 0.1 for name, x in first.parameters.items()}
    changed = replace(record, steps=(replace(first, parameters=moved), second))
    outcomes = {f.path: f.outcome for f in certify(plan, changed).findings}
    assert outcomes["l0.weight.update"] == "refuted"
    assert outcomes["step2/l0.in"] == "refuted"

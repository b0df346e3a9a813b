"""The smallest errors: one Δ of one node of a deep net, and the other things a record can hold."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Training
from bpcompare.network.parameter import Parameter
from bpcompare_delta import Delta
from students import mlp, spoiled

DEEP = mlp([32] + [64] * 15 + [10], examples=16)


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("layer", ["l0", "l7", "l14"])
def test_one_delta_of_one_node(dtype, size, layer, torch_backend):
    """A tiny error in the middle of a 16-layer net would drown in what rounding does to the whole net."""

    def change(step):
        node = np.unravel_index(np.argmax(np.abs(step.delta[layer])), step.delta[layer].shape)
        step.delta[layer][node] *= 1 + size

    student = spoiled(torch_backend, change)
    comparison = bpcompare.run(DEEP, ["delta", "torch", student], dtype=dtype)
    assert comparison.backends["torch"].verdict == "certified"
    assert comparison.verdict == "wrong"
    assert (comparison.first.path, comparison.first.blame) == (f"{layer}.delta", "student")
    assert comparison.first.relative == pytest.approx(size, rel=0.3)
    refuted = comparison.certificates["student"].refuted
    assert refuted[0].off == 1


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e-12), ("float32", 1e-4)])
def test_an_error_that_is_passed_on_is_found_where_it_was_made(dtype, size):
    """What follows from a wrong Δ would be reported beside it, and the cause would be lost in the crowd."""
    from bpcompare.laws import LAWS
    from bpcompare.mistakes.mistake import Altered, Sabotaged

    op = DEEP.layers["l8"].g
    right = LAWS.of("l8.g", op)
    wrong = Altered(right, delta=lambda at: right.delta(at) * (1 + size))

    class Student(Delta):
        name = "student"

        def run(self, plan):
            self.laws = Sabotaged(LAWS, {"l8.g": wrong})
            return super().run(plan)

    comparison = bpcompare.run(DEEP, ["delta", Student], dtype=dtype)
    assert [finding.path for finding in comparison.certificates["student"].refuted] == ["l8.delta"]


def test_nobody_is_blamed_without_a_witness():
    """With two backends and no oracle, blame would be a guess."""
    student = spoiled(Delta, lambda step: step.delta["l1"].__imul__(1.5))
    comparison = bpcompare.run(mlp([3, 4, 4, 2]), ["delta", student], oracle="off")
    assert comparison.verdict == "wrong"
    assert comparison.first.blame is None
    assert "undecided" in comparison.first.ground
    assert bpcompare.run(mlp([3, 4, 4, 2]), ["delta", student]).first.blame == "student"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["net_in", "a", "delta"])
def test_what_is_not_finite_agrees_with_nothing(value, what):
    """NaN compares false with everything, so a careless comparison would let it pass."""

    def change(step):
        getattr(step, what)["l1"][2, 1] = value

    student = spoiled(Delta, change)
    comparison = bpcompare.run(mlp([3, 4, 4, 2]), ["delta", student])
    assert comparison.verdict == "wrong"
    assert comparison.first.path == "l1." + {"net_in": "in"}.get(what, what)
    assert comparison.first.blame == "student"
    assert comparison.certificates["student"].refuted[0].worst == (2, 1)


def test_nan_in_every_backend_is_not_agreement():
    """Two backends that both diverge would look as if they agreed."""
    nan = [spoiled(Delta, lambda step: step.a["l0"].fill(np.nan), name) for name in ("one", "two")]
    assert bpcompare.run(mlp([3, 4, 2]), nan).verdict == "wrong"


def test_overflow_is_undecided():
    """Where the spec itself overflows, no backend did anything wrong."""
    network = mlp([3, 4, 4, 2], ops.Identity(), weight=1e20)
    comparison = bpcompare.run(network, ["delta"], dtype="float32")
    assert comparison.verdict == "undecided"
    undecided = [f for f in comparison.certificates["delta"].findings if f.outcome == "undecided"]
    assert "overflow" in undecided[0].note or "range" in undecided[0].note or "infinite" in undecided[0].note


def test_a_dead_layer_is_undecided():
    """A layer whose Δ are all zero agrees with every formula."""
    network = mlp([3, 4, 2], ops.Relu())
    dead = {**network.parameters, "l0.bias": Parameter(np.full(4, -1e3))}
    comparison = bpcompare.run(replace(network, parameters=dead), ["delta"])
    assert comparison.verdict == "undecided"
    assert comparison.exit_code == 4


def test_a_frozen_parameter_must_not_change():
    """Freezing that does not freeze would pass for rounding."""
    network = mlp([3, 4, 2])
    frozen = {**network.parameters, "l0.bias": Parameter(network.parameters["l0.bias"].init, trainable=False)}

    def change(step):
        step.parameters["l0.bias"][0] = np.nextafter(step.parameters["l0.bias"][0], 1)

    comparison = bpcompare.run(replace(network, parameters=frozen), ["delta", spoiled(Delta, change)])
    assert (comparison.first.path, comparison.first.blame) == ("l0.bias.update", "student")


def test_an_update_that_does_nothing_is_seen():
    """Relative to the parameter a small step is below rounding; relative to the step it is everything."""
    network = mlp([3, 4, 2], update=ops.Sgd(1e-5))

    class Lazy(Delta):
        name = "lazy"

        def update(self, plan, t, parameters, gradient, slots):
            return parameters, slots

    for dtype in ("float64", "float32"):
        comparison = bpcompare.run(network, ["delta", Lazy], dtype=dtype)
        assert comparison.backends["lazy"].verdict in ("wrong", "undecided")
        assert comparison.backends["lazy"].verdict == "wrong" or dtype == "float32"


def test_parameters_come_from_the_plan():
    """A backend that silently computes with other weights is consistent with itself."""

    class Rounded(Delta):
        name = "rounded"

        def run(self, plan):
            coarse = {k: v.astype(np.float16).astype(v.dtype) for k, v in plan.parameters.items()}
            return replace(super().run(replace(plan, parameters=coarse)), plan_digest=plan.digest)

    comparison = bpcompare.run(mlp([3, 4, 2]), ["delta", Rounded])
    assert comparison.first.path == "l0.in"


def test_every_step_starts_from_the_step_before():
    """Steps judged on their own records would excuse a drift between them."""
    network = replace(mlp([3, 4, 2]), training=Training(steps=3))

    class Forgetful(Delta):
        name = "forgetful"

        def step(self, plan, batch, t, parameters, state, slots):
            return super().step(plan, batch, t, plan.parameters, state, slots)

    comparison = bpcompare.run(network, ["delta", Forgetful])
    assert comparison.first.path == "step2/l0.in"


def test_watching_must_not_change_an_eager_gradient(torch_backend):
    """A gradient that is right only while it is watched is not the user's gradient."""
    twice = type(torch_backend.__name__, (torch_backend,), {"passive": False})
    student = spoiled(twice, lambda step: step.plain["l0.weight"].__imul__(1.001))
    comparison = bpcompare.run(mlp([3, 4, 2]), ["delta", student])
    assert comparison.verdict == "undecided"
    assert [finding.path for finding in comparison.certificates["student"].plain if finding.outcome != "holds"] == [
        "l0.weight.plain"
    ]

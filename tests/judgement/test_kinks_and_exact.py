"""Kinks, exact mode, and what a comparison is as a thing to keep."""

import json
from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import SpecError
from bpcompare.network.parameter import Parameter
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare_delta import Delta
from students import mlp, spoiled


def _on_a_kink():
    """One hidden node has in = 0 exactly for every example."""
    network = mlp([3, 4, 2], ops.Relu())
    weight, bias = np.random.default_rng(0).standard_normal((3, 4)), np.ones(4)
    weight[:, 1], bias[1] = 0.0, 0.0
    own = {**network.parameters, "l0.weight": Parameter(weight), "l0.bias": Parameter(bias)}
    return replace(network, parameters=own)


class _OtherSide(Delta):
    """relu'(0) = `slope`."""

    name = "student"
    slope = 0.5

    def backward(self, plan, batch, parameters, state, net_in, a):
        delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
        through = delta["l1"] @ parameters["l1.weight"].T
        delta["l0"] = np.where(net_in["l0"] == 0, self.slope * through, delta["l0"])
        return delta


def test_another_subgradient_is_a_convention():
    """½ at relu's kink is as valid as 0: neither wrong nor agreement."""
    comparison = bpcompare.run(_on_a_kink(), ["delta", _OtherSide])
    assert comparison.verdict == "convention"
    assert comparison.exit_code == 1
    assert comparison.first.path == "l0.delta"
    assert "relu" in comparison.first.ground
    assert comparison.first.blame is None


def test_what_is_no_subgradient_is_wrong():
    """A kink must not excuse every value."""

    class Steep(_OtherSide):
        slope = 2.0

    assert bpcompare.run(_on_a_kink(), ["delta", Steep]).verdict == "wrong"


def test_a_kink_excuses_its_own_elements_only():
    """One valid choice at a kink must not excuse a wrong number beside it."""

    class Both(_OtherSide):
        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
            delta["l0"][0, np.flatnonzero(net_in["l0"][0] > 0)[0]] *= 1.5
            return delta

    comparison = bpcompare.run(_on_a_kink(), ["delta", Both])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "l0.delta")


def test_exact_mode_compares_every_bit():
    """One unit in the last place would pass for rounding where nothing can round."""
    network = mlp([8, 32, 32, 4], ops.Relu(), examples=4)

    def change(step):
        node = np.unravel_index(np.argmax(np.abs(step.delta["l1"])), step.delta["l1"].shape)
        step.delta["l1"][node] = np.nextafter(step.delta["l1"][node], np.inf)

    for dtype in ("float64", "float32"):
        assert (
            bpcompare.run(network, ["delta", spoiled(Delta, lambda step: None)], exact=True, dtype=dtype).verdict == "identical"
        )
        comparison = bpcompare.run(network, ["delta", spoiled(Delta, change)], exact=True, dtype=dtype)
        assert (comparison.verdict, comparison.first.path) == ("wrong", "l1.delta")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_exact_mode_at_full_size(dtype, torch_backend):
    """Eight layers of 256 must fit, with a quarter of all Δ alive, or exact mode is for toys."""
    network = mlp([64] + [256] * 7 + [10], ops.Relu(), examples=16)
    comparison = bpcompare.run(network, ["delta", "torch"], exact=True, dtype=dtype)
    assert all(pair.max_ulp == 0 for pair in comparison.pairs)
    # Identical only where a narrower format would have shown in every step.
    assert comparison.verdict == ("certified" if comparison.sight.blurred else "identical")
    deltas = comparison.records["torch"].steps[0].delta.values()
    assert sum(np.count_nonzero(x) for x in deltas) >= 0.25 * sum(x.size for x in deltas)


def test_exact_mode_says_all_that_rounds():
    """A user would learn of one obstacle at a time."""
    network = mlp([3, 4, 2], ops.Tanh(), error=ops.Huber(threshold=1.0, reduce="mean"), update=ops.Adam(0.1))
    with pytest.raises(SpecError) as caught:
        bpcompare.run(network, ["delta"], exact=True)
    assert {problem.where[0] for problem in caught.value.problems} == {"layers", "error", "update"}
    with pytest.raises(SpecError, match="one step"):
        bpcompare.run(mlp([3, 4, 2], ops.Relu()), ["delta"], exact=True, steps=2)


def test_a_ball_never_becomes_an_array():
    """A silent conversion would drop the radius, and every check would pass or fail by luck."""
    with pytest.raises(TypeError, match="radius"):
        np.asarray(Ball(np.ones(3), format_of("float64")))
    with pytest.raises(TypeError, match="no ball rule"):
        np.cbrt(Ball(np.ones(3), format_of("float64")))


def test_a_comparison_can_be_kept(tmp_path, monkeypatch):
    """A verdict that cannot be saved cannot be shown to anybody."""
    monkeypatch.setattr("bpcompare.mistakes.blind.SECONDS", 60.0)  # however busy the machine is, the same are tried both times
    network = mlp([3, 4, 2])
    student = spoiled(Delta, lambda step: step.delta["l0"].__imul__(np.inf))
    for backends in (["delta"], ["delta", student]):
        comparison = bpcompare.run(network, backends)
        path = tmp_path / "kept.bpz"
        comparison.save(path)
        again = bpcompare.load_comparison(path)
        assert again.to_json() == comparison.to_json()
        assert again.plan.digest == comparison.plan.digest
        assert json.loads(again.to_json())["verdict"] == comparison.verdict
        with pytest.raises(AssertionError):
            again.assert_identical()


def test_what_outweighs_what():
    """Scripts read exit codes: 2, 3, 1, 4, 5, 0 in this order."""
    network = mlp([3, 4, 2])

    class Broken(Delta):
        name = "broken"

        def run(self, plan):
            raise RuntimeError("no")

    wrong = spoiled(Delta, lambda step: step.delta["l0"].__imul__(2))
    assert bpcompare.run(network, ["delta", wrong, Broken]).exit_code == 3
    assert bpcompare.run(network, ["delta", wrong]).exit_code == 1
    assert bpcompare.run(network, ["delta"]).exit_code == 5
    assert bpcompare.run(network, ["delta", spoiled(Delta, lambda step: None)]).exit_code == 0


def test_the_published_example():
    """The famous 2-2-2 net: whoever cannot reproduce its numbers has another formula."""
    from pathlib import Path

    network = bpcompare.load(Path(__file__).parents[2] / "examples" / "mazur.toml")
    comparison = bpcompare.run(network)
    assert comparison.verdict in ("certified", "identical")
    for name in comparison.ran:
        updated = comparison.records[name].steps[0].parameters
        h, o = updated["h.weight"], updated["o.weight"]
        # w1 … w4 into the hidden nodes, w5 … w8 into the outputs, as published
        assert [*h.T.ravel(), *o.T.ravel()] == pytest.approx(
            [0.149780716, 0.19956143, 0.24975114, 0.29950229, 0.35891648, 0.408666186, 0.511301270, 0.561370121], abs=5e-9
        )
        assert updated["h.bias"] == pytest.approx([0.35, 0.35])
        assert updated["o.bias"] == pytest.approx([0.60, 0.60])

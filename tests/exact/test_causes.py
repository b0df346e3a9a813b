"""Causes in exact mode: offered only where the wrong formula gives the recorded bits."""

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.registry import resolve
from bpcompare.mistakes import MISTAKES
from bpcompare.proof.exact import draw
from bpcompare.proof.values import recorded_values
from bpcompare.session import judge
from bpcompare_delta import Delta
from samples import WHOLE
from students import mlp, spoiled


def _network():
    return mlp([6, 8, 8, 4], ops.Relu(), update=ops.Sgd(0.25, momentum=0.5), examples=4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "every"),
    [("float32", 9), *(pytest.param(x, 1 if WHOLE else 3, marks=pytest.mark.slow) for x in ("float64", "float32"))],
)
def test_one_unit_in_the_last_place_has_no_cause(dtype, every):
    """A mistake would be named that nobody made: its ball holds every number near the right one."""
    network = _network()
    paths = bpcompare.run(network, ["delta"], exact=True, dtype=dtype).records["delta"].steps[0]
    for path in list(recorded_values(paths))[::every]:

        def change(step, path=path):
            x = recorded_values(step)[path]
            at = np.unravel_index(np.argmax(np.abs(x)), x.shape)
            x[at] = np.nextafter(x[at], np.float64(np.inf).astype(x.dtype))

        comparison = bpcompare.run(network, ["delta", spoiled(Delta, change)], exact=True, dtype=dtype)
        assert (comparison.verdict, comparison.first.path) == ("wrong", path)
        assert (comparison.first.code, comparison.blames[0].also, comparison.blames[0].ratio) == (None, (), ""), path


@pytest.fixture(scope="module")
def plan():
    """Exact numbers for the net: that they are is found out once, and takes longest."""
    return draw(_network(), "float64")


@pytest.mark.parametrize("code", MISTAKES)
def test_a_planted_mistake_is_named_in_exact_mode(code, plan):
    """Exact comparison of causes would be so strict that no cause is found any more."""
    if not MISTAKES[code].applies(plan.network):
        pytest.skip("cannot be made in this net")
    wrong = resolve(f"delta!{code}").backend
    comparison = judge("exact", plan, {one.name: one().run(plan) for one in (Delta, wrong)})
    if comparison.verdict != "wrong":
        pytest.skip("cannot show in this net")
    blame = comparison.blames[0]
    # A narrower format rounds, so it has no formula in exact arithmetic: there the ground of the blame says it.
    assert code in (blame.code, *blame.also) or (code == "BP510" and "narrower format" in blame.ground)


@pytest.mark.slow
def test_what_follows_from_a_wrong_number_is_not_wrong_itself():
    """After one wrong number nothing was drawn to fit, and honest rounding behind it would be reported as further mistakes."""
    network = _network()

    def change(step):
        step.delta["l2"] *= np.float32(1.1)

    class Student(Delta):
        name = "student"

        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = super().backward(plan, batch, parameters, state, net_in, a)
            wrong = {"l2": delta["l2"] * np.float32(1.1)}
            for name, consumer in (("l1", "l2"), ("l0", "l1")):
                wrong[name] = np.where(net_in[name] > 0, wrong[consumer] @ parameters[f"{consumer}.weight"].T, 0)
            return wrong

    for dtype in ("float64", "float32"):
        comparison = bpcompare.run(network, ["delta", Student], exact=True, dtype=dtype)
        refuted = [finding.path for finding in comparison.certificates["student"].refuted]
        assert refuted == ["l2.delta"]

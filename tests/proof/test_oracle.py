"""The oracle: it works out what the Δ rules say from the forward pass alone, and speaks only where it is sure."""

import numpy as np
import pytest

from bpcompare.engine.worker.in_process import InProcess
from bpcompare.laws import LAWS
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.oracle import NEARER, element, opinion
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.testing.cases import cases
from bpcompare_delta import Delta
from students import mlp


def _step(network):
    plan = draw(network, "float64")
    return plan, step_values(plan, InProcess().run(Delta, plan))[0]


@pytest.mark.parametrize("case", [case for case in cases() if not case.kink][::4], ids=lambda case: case.name)
def test_it_agrees_with_every_law(case):
    """If it differed from right laws, it would blame them."""
    plan, values = _step(case.network)
    for claim in question(plan).claims:
        if claim.statement not in ("base", "inductive", "gradient"):
            continue
        x = values.recorded[claim.path]
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(x))), x.shape))
        assert element(plan.program, claim, values, index, LAWS) == pytest.approx(x[index], rel=1e-9), claim.path
        law = claim.value(lambda path: values.given[path] if path in values.given else values.recorded[path], LAWS)
        assert np.asarray(law)[index] == pytest.approx(x[index], rel=1e-9), claim.path


def test_it_speaks_only_where_it_is_much_nearer_to_one_side():
    """Ten times nearer may be rounding; blame that rests on it would be a guess."""
    assert NEARER == 100.0
    plan, values = _step(mlp([3, 4, 2]))
    claim = question(plan).by_path["l0.delta"]
    right = element(plan.program, claim, values, (0, 0), LAWS)
    for law, recorded, side in (
        (1e-6, 2e-4, "law"),
        (2e-4, 1e-6, "record"),
        (1e-6, 5e-5, "neither"),
        (5e-5, 1e-6, "neither"),
        (1e-6, 1e-6, "neither"),
    ):
        said = opinion(plan.program, claim, values, (0, 0), right * (1 + law), right * (1 + recorded), LAWS)
        assert (said.value, said.side) == (right, side)


def test_it_is_silent_about_what_it_does_not_know():
    """It has the forward pass only: of a forward claim or an update its opinion would be the law's own."""
    plan, values = _step(mlp([3, 4, 2]))
    for claim in question(plan).claims:
        if claim.statement in ("forward", "update", "state"):
            assert opinion(plan.program, claim, values, (), 1.0, 2.0, LAWS) is None


def test_every_consumer_is_heard():
    """At a fork, one branch less would be confirmed as the whole."""
    case = next(case for case in cases() if case.name == "dense-fork-and-skip")
    plan, values = _step(case.network)
    claim = question(plan).by_path["l0.delta"]
    x = values.recorded["l0.delta"]
    assert len(plan.network.consumers["l0"]) == 3
    assert element(plan.program, claim, values, (0, 0), LAWS) == pytest.approx(x[0, 0], rel=1e-12)

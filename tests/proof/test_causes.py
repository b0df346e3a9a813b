"""A cause is offered only where its formula gives the recorded number, within that formula's own rounding."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare.engine.worker.in_process import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.diagnosis import causes
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.balls import Balls
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare_delta import Delta
from students import mlp


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("radii", "named"), [(0.0, True), (0.8, True), (1.3, False), (30.0, False), (900.0, False)])
def test_as_near_as_its_own_ball(radii, named, dtype):
    """A thousand radii away a wrong formula explains nothing; it only happens to be nearer than the right one."""
    network = mlp([3, 4, 2])
    plan = draw(network, dtype)
    values = step_values(plan, InProcess().run(Delta, plan))[0]
    claim = question(plan).by_path["l0.delta"]
    code = "BP202"
    ball = evaluate(claim, Balls(values, format_of(dtype)), MISTAKES[code].laws(network, LAWS))
    x = (ball.mid + radii * np.asarray(ball.final_radius())).astype(dtype)
    if radii == 0.8 and dtype == "float32":  # rounding to the format must not carry it out of the ball
        x = ball.mid.astype(dtype)
    moved = replace(values, recorded={**values.recorded, "l0.delta": x})
    found = [mistake.code for mistake in causes(claim, Balls(moved, format_of(dtype)), network, LAWS)]
    assert (code in found) == named

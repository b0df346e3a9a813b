"""The size of the terms that a number is the sum of, which a report compares it with."""

import numpy as np

import bpcompare_delta
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import _terms
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.spec import parse

SPEC = """
name = "terms"
inputs.x.units = 3
layers.h = { op = "dense", units = 4, g = "tanh", from = "x" }
layers.n = { op = "layer_norm", epsilon = 1e-5, from = "h" }
layers.o = { op = "dense", units = 2, g = "sigmoid", from = "n" }
error = { op = "half_squared", of = "o", reduce = "mean" }
update = { rule = "sgd", eta = 0.5 }
data.examples = [{ x = [0.1, -0.4, 0.8], t = [0.0, 1.0] }, { x = [-0.7, 0.3, 0.2], t = [1.0, 0.0] }]
"""


def test_terms_that_a_ball_has_already_are_those_that_would_be_worked_out():
    """What is left of cancelled terms would be called large, or small, beside another number."""
    plan = draw(parse(SPEC))
    record = InProcess().run(bpcompare_delta.Delta, plan)
    assert record.failure is None, record.failure
    balls = Balls(step_values(plan, record)[0], format_of(plan.dtype))
    kinds = set()
    for claim in question(plan).claims:
        ball = evaluate(claim, balls, LAWS)
        kinds.add(ball.fmt.rearranged)
        sizes = evaluate(claim, balls, LAWS, majorant=True).magnitude()
        assert np.array_equal(_terms(claim, balls, LAWS, ball), np.broadcast_to(sizes, ball.shape)), claim.path
    assert kinds == {True, False}

"""Who is blamed: a vote among voices, counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.oracle import Opinion
from bpcompare.proof.values import StepValues
from bpcompare.verdict.blame import LAW, Case, _verdict

RIGHT, WRONG, OTHER = 1.0, 1.5, 1.7


def _blamed(name, values, *, said=None, laws=("delta",), oracle=False, known=False):
    """Who is blamed for what `name` has, where `values` are everybody's and the law has 1.0 ± 1e-9."""
    claim = Claim(
        "q", "gradient", "q", (("q", ops.Identity()),), tuple, lambda get, table: Ball(np.array([1.0]), FORMAT, 0.0, 1e-9)
    )
    balls = {who: Balls(StepValues({}, {"q": np.array([x])}), FORMAT) for who, x in values.items()}
    refuted = {who: Finding("q", "gradient", "refuted", 9.0, 0.0, (0,), x, RIGHT) for who, x in values.items() if x != RIGHT}
    heard = {who: frozenset({"laws"} if who in laws else {who.rstrip("0123456789")}) for who in values}
    table = SimpleNamespace(of=lambda owner, op: SimpleNamespace(rearranged=False))
    return _verdict(name, Case(1, claim, balls, refuted), heard, said, oracle, table, known=known)


FORMAT = format_of("float64")


@pytest.mark.parametrize(
    ("values", "blamed"),
    [
        ({"mine": WRONG, "torch": RIGHT}, "mine"),
        ({"mine": WRONG, "torch": RIGHT, "jax": RIGHT}, "mine"),
        ({"mine": WRONG, "delta": RIGHT}, None),  # delta speaks with the law's voice: one voice against one
        ({"mine": WRONG}, None),
        ({"mine": WRONG, "torch": WRONG}, LAW),
        ({"mine": WRONG, "torch": WRONG, "delta": RIGHT}, LAW),
        ({"mine": WRONG, "torch": WRONG, "jax": RIGHT}, LAW),  # two voices against one
        ({"mine": WRONG, "torch": WRONG, "jax": RIGHT, "paddle": RIGHT}, "mine"),  # two against two: the law stands
        ({"mine": WRONG, "torch": OTHER}, None),  # they do not agree with each other
        ({"mine": WRONG, "torch": OTHER, "jax": RIGHT}, "mine"),
        ({"mine": WRONG, "mine2": WRONG}, None),  # one voice twice is one
        ({"mine": WRONG, "mine2": WRONG, "torch": RIGHT}, "mine"),
        ({"mine": WRONG, "mine2": WRONG, "mine3": WRONG, "torch": RIGHT, "jax": RIGHT}, "mine"),
        ({"torch": WRONG, "torch2": RIGHT}, "torch"),
    ],
    ids=str,
)
def test_a_vote(values, blamed):
    """One vote too many or too few, and the honest are blamed."""
    assert _blamed(next(iter(values)), values)[0] == blamed


@pytest.mark.parametrize(
    ("values", "blamed"),
    [
        ({"mine": WRONG, "yours": WRONG, "torch": RIGHT}, "mine"),
        ({"mine": WRONG, "yours": WRONG, "delta": RIGHT}, None),
        ({"mine": WRONG, "yours": WRONG}, None),
    ],
    ids=str,
)
def test_a_known_mistake_is_no_evidence_against_the_law(values, blamed):
    """Two homeworks with the mistake that everybody makes would convict the law, and an honest framework beside it."""
    assert _blamed("mine", values, known=True)[0] == blamed
    assert _blamed("mine", values)[0] == LAW


@pytest.mark.parametrize("others", [{}, {"torch": WRONG}, {"torch": RIGHT}, {"torch": WRONG, "jax": WRONG}])
def test_the_oracle_decides_before_any_vote(others):
    """It is the only witness that has not seen the Δ rules; any majority of those who have is worth less."""
    values = {"mine": WRONG, **others}
    assert _blamed("mine", values, said=Opinion(1.0, "law"), oracle=True)[0] == "mine"
    assert _blamed("mine", values, said=Opinion(1.5, "record"), oracle=True)[0] == LAW
    assert _blamed("mine", values, said=Opinion(1.2, "neither"), oracle=True)[0] == _blamed("mine", values)[0]


def test_what_is_not_finite_needs_no_vote():
    """NaN out of finite numbers is wrong whoever else has it."""
    assert _blamed("mine", {"mine": np.nan, "torch": WRONG})[0] == "mine"


@pytest.mark.parametrize(
    "others", [{}, {"delta": RIGHT}, {"torch": WRONG}, {"torch": RIGHT}, {"torch": WRONG, "jax": WRONG}], ids=str
)
@pytest.mark.parametrize("alone", ["law", "record"])
def test_where_the_oracles_ways_differ_votes_count_only_if_they_say_what_the_complex_step_says(others, alone):
    """A second way would lead to a blame that was not there without it: right code accused, or the law."""
    values = {"mine": WRONG, **others}
    before = _blamed("mine", values, said=Opinion(1.0, alone), oracle=True)[0]
    voted = _blamed("mine", values)[0]
    now, ground = _blamed("mine", values, said=Opinion(1.0, "neither", "torch", "one has 1, the other 2", alone), oracle=True)
    assert now == (before if voted == before else None)
    assert now is not None or ground.partition(": one has 1, the other 2")[1]

"""The law itself can be wrong. Then torch and JAX are right, and must not be blamed."""

import pytest

import bpcompare
from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.session import run
from bpcompare_delta import Delta
from students import mlp

NET = mlp([3, 4, 4, 2], ops.Silu())


def _delta_with(laws):
    class Same(Delta):
        name = "other laws"

        def run(self, plan):
            self.laws = laws
            return super().run(plan)

    return Same


@pytest.fixture
def frameworks():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    return ["torch", "jax"]


@pytest.mark.parametrize("code", ["BP203", "BP211", "BP101", "BP301"])
def test_a_wrong_law_of_delta_is_blamed_by_the_oracle(code, frameworks):
    """The harness would accuse two frameworks of its own mistake."""
    laws = MISTAKES[code].laws(NET, LAWS)
    comparison = run(NET, [_delta_with(laws), *frameworks], laws=laws)
    assert comparison.backends["other laws"].verdict in ("certified", "undecided")
    assert comparison.verdict == "wrong"
    assert {blame.blame for blame in comparison.blames} == {"law"}
    assert "oracle" in comparison.first.ground


def test_even_one_framework_is_cleared_by_the_oracle(frameworks):
    """The forward pass alone says what Δ must be: no second witness is needed."""
    laws = MISTAKES["BP211"].laws(NET, LAWS)
    comparison = run(NET, [_delta_with(laws), frameworks[0]], laws=laws)
    assert comparison.first.blame == "law"


def test_a_wrong_forward_law_is_accused_by_agreement(frameworks):
    """No oracle knows the forward pass; independent frameworks that agree against the law do."""
    laws = MISTAKES["BP501"].laws(NET, LAWS)
    comparison = run(NET, [_delta_with(laws), *frameworks], laws=laws)
    assert comparison.first.path == "l0.in"
    assert {blame.blame for blame in comparison.blames} == {"law"}
    assert "agree" in comparison.first.ground


def test_agreement_stands_in_when_the_oracle_is_off(frameworks):
    """Without the oracle, the vote of two independent backends must still clear them."""
    laws = MISTAKES["BP211"].laws(NET, LAWS)
    comparison = run(NET, [_delta_with(laws), *frameworks], laws=laws, oracle="off")
    assert {blame.blame for blame in comparison.blames} == {"law"}


def test_a_saboteur_is_no_witness():
    """A delta with a planted mistake speaks from the same laws: it confirms nothing."""
    comparison = bpcompare.run(NET, ["delta", "delta!BP301", "delta!BP202"], oracle="off")
    assert all(blame.blame is None for blame in comparison.blames)

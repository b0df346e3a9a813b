"""The table of functions whose gradient is known (benchmarks/gradients): it says what it found."""

import pytest

from benchmarks.gradients.mutants import KINDS
from benchmarks.gradients.question import Key, asked
from benchmarks.gradients.sample import Function
from benchmarks.gradients.table import lines, tally
from benchmarks.gradients.torch_functions import sample_of
from bpcompare.tools.gradient.finding import GradientCheck

torch = pytest.importorskip("torch")

KEY = Key("torch", "square", "float64", 0, False)


def square(seed, dtype):
    return sample_of(lambda x: x * x @ x, (torch.linspace(-1.2, 1.3, 9, dtype=getattr(torch, dtype)).reshape(3, 3),))


def test_every_mutant_of_a_product_is_caught():
    """A mutant that is not planted, or not seen, would be counted as one that is caught."""
    honest, *mutants = asked(Function("torch", "square", square), KEY)
    assert honest["verdict"] == "certified"
    assert [(one["what"], one["verdict"]) for one in mutants] == [(kind, "caught") for kind in KINDS]


def test_a_judge_that_certifies_everything_is_seen(monkeypatch):
    """The table would be clean whatever `check_gradient` says."""
    monkeypatch.setattr(GradientCheck, "with_backward", lambda self, _mutant: self)
    found = list(asked(Function("torch", "square", square), KEY))
    missed = tally({KEY: found})["torch", "square"][1]["missed"]
    assert missed == len(KINDS)
    text = "\n".join(lines({KEY: found}))
    assert "torch `square`: sign, float64, seed 0: certified; input 0 is off by 2" in text

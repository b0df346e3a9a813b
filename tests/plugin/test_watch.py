"""The fixture `watch`, as its users would use it."""

import pytest

pytest.importorskip("torch")

TESTS = """
import torch
from torch import nn


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        return 2 * g


class Act(nn.Module):
    def forward(self, x):
        return Doubled.apply(x)


def step(act, watching):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 1))
    with watching(model) as seen:
        model(torch.randn(5, 3)).square().mean().backward()
    return seen


def test_right(watch):
    assert step(nn.Tanh(), watch).verdict == "certified"


def test_wrong(watch):
    step(Act(), watch)


def test_meant(watch):
    step(Act(), lambda model: watch(model, intended=["Doubled"]))


def test_looked_at(watch):
    assert step(Act(), lambda model: watch(model, accept=None)).verdict == "wrong"
    assert step(Act(), lambda model: watch(model, accept=["wrong", "undecided"])).exit_code == 1


def test_own_error(watch):
    with watch(nn.Linear(1, 1)):
        raise ValueError("of the test itself")


def test_misused(watch):
    watch(nn.Linear(1, 1), accept="fine")
"""


@pytest.mark.slow
def test_a_test_passes_or_says_why(pytester):
    """The failure would be an exit code and a traceback of ours."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--bpcompare-report", "reports", "-q", "-rN")
    result.assert_outcomes(passed=3, failed=3)
    text = result.stdout.str()
    assert "with watching(model) as seen:" in text
    assert "Doubled.backward (" in text
    assert ".py:11) is wrong" in text
    assert "ValueError: of the test itself" in text
    assert "accept: 'fine' is no verdict; there are certified" in text
    assert "expected.py" not in text, "our own frames are hidden"
    (path,) = (pytester.path / "reports").iterdir()
    assert path.name.endswith("test_wrong.step")
    import bpcompare

    assert bpcompare.load_watched(path).verdict == "wrong"

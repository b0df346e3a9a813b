"""Replay: a whole step in another framework's arithmetic."""

import json
import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("jax")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.engine.arithmetics import ARITHMETICS, Arithmetic  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from bpcompare.own.replay import replayed  # noqa: E402
from bpcompare.own.summary import to_json  # noqa: E402


@pytest.fixture
def one():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.GELU(), torch.nn.LayerNorm(6), torch.nn.Linear(6, 3))
    with bpcompare.watch(model) as step:
        torch.nn.functional.cross_entropy(model(torch.randn(5, 4)), torch.tensor([0, 1, 2, 1, 0])).backward()
    return step.judged[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("lent", ARITHMETICS, ids=lambda lent: lent.source)
def test_both_frameworks_have_the_gradients_that_were_recorded(one, lent):
    """The other framework's word on a whole step would say nothing, or something false about right code."""
    found = replayed(one, lent)
    assert not found.failed
    assert set(found.apart) == {"0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"}
    assert found.farthest[0] < 1e-5


def test_a_gradient_that_is_another_one_is_far_apart(one):
    """A wrong gradient would not show in a replay."""
    recorded = dict(one.recording.recorded)
    recorded["0.weight.gradient"] = recorded["0.weight.gradient"] * 1.1
    found = replayed(judged(replace(one.recording, recorded=recorded)), ARITHMETICS[1])
    assert found.farthest == (pytest.approx(0.1, rel=1e-3), "0.weight")


def words(step):
    return " ".join(str(step).split())


@pytest.mark.slow
def test_the_report_says_how_far_the_other_framework_is(model, watched):
    """Nobody could have a whole step tried by another framework."""
    step = watched(model())
    assert "replay" not in str(step)
    (found,) = step.replay()
    assert (found.framework, found.failed) == ("jax", "")
    assert f"replay jax from what the step was given alone: {len(found.apart)} gradients, at most" in words(step)
    (run,) = json.loads(to_json("watch", "it", (step.step,), 0))["runs"]
    assert run["replays"][0]["farthest"]["relative"] == found.farthest[0] < 1e-5


def test_a_wrong_gradient_shows_in_the_replay_of_its_step(own, model, watched):
    """A replay that took the recorded numbers on its way would confirm any of them."""
    (found,) = watched(model(own.Forgetful)).replay()
    assert found.farthest[0] > 1e-3


def test_what_cannot_be_replayed_is_named(monkeypatch, one):
    """A replay that leaves a function out would pass for one of the whole step."""

    def lacking(self, at):
        raise TypeError("no such function")

    law = one.laws.of("gelu", next(step.op for step in one.covered.program.steps if step.name.endswith("gelu")))
    monkeypatch.setattr(type(law), "forward", lacking, raising=False)
    found = replayed(one, ARITHMETICS[1])
    assert not found.apart
    assert found.lacking
    assert any("gelu in 1" in call for call in found.lacking)


def test_a_function_without_a_law_is_named(watched):
    """As above."""

    class Unseen(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.from_numpy(x.detach().numpy() * 2)

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 3)

        def forward(self, x):
            return Unseen.apply(self.a(x))

    step = watched(Net())
    (found,) = step.replay()
    assert found.lacking == ("Unseen.forward",)
    assert "jax could not compute the step again: there are calls without a law: Unseen.forward" in words(step)


def test_the_other_framework_is_asked_first(own, model, watched):
    """The framework that is accused would confirm, or excuse, itself."""
    assert ", and jax says so too" in words(watched(model(own.Forgetful)))


def test_the_codes_own_framework_is_no_independent_voice(monkeypatch, own, model, watched):
    """Its agreement would pass for that of somebody else."""
    monkeypatch.setattr(Arithmetic, "installed", property(lambda self: self.source == "torch"))
    monkeypatch.delitem(sys.modules, "jax")
    step = watched(model(own.Forgetful))
    assert ", and torch, which is the code's own framework: jax is not installed, says so too" in words(step)
    (found,) = step.replay()
    assert found.framework == "torch"
    assert "torch, the code's own framework, from what the step was given alone" in words(step)


def test_nobody_is_asked_where_nothing_is_installed(monkeypatch, model, watched):
    """A saved step could not be read on a machine without frameworks."""
    monkeypatch.setattr(Arithmetic, "installed", property(lambda self: False))
    step = watched(model())
    step.replay()
    assert "could not compute the step again: none is installed" in words(step)

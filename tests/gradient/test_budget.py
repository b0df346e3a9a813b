"""A budget of time: what is left is named, and never certified."""

from time import sleep

import numpy as np
import pytest

from bpcompare import check_gradient
from bpcompare.tools.gradient import budget as time

X = np.random.default_rng(3).standard_normal((30, 20))


class Clock:
    """A clock that goes on by one second whenever it is read."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(time, "monotonic", found)
    return found


def hidden(x):  # nobody can trace it
    return np.tanh(np.frombuffer(x.tobytes()).reshape(x.shape))


def right(x, dy):
    return dy * (1 - np.tanh(x) ** 2)


def test_elements_that_there_was_no_time_for_are_not_certified(clock):
    """Otherwise a budget turns 600 elements of which 20 were tried into a certified gradient."""
    check = check_gradient(hidden, right, (X,), contracts=False, budget=60)
    (found,) = check.findings
    assert (check.verdict, found.verdict) == ("undecided", "undecided")
    assert 0 < found.tried < 600
    assert any("of 600 elements" in one for one in check.left)
    assert "no time" in str(check)


def test_directions_come_first(clock):
    """Otherwise a mistake in the last element waits for all those before it, and there is no time for it."""

    def wrong(x, dy):
        g = right(x, dy)
        g[-1, -1] *= 1.5
        return g

    check = check_gradient(hidden, wrong, (X,), contracts=False, budget=60)
    assert check.verdict == "wrong"
    assert check.findings[0].index == (29, 19)


def test_contracts_that_there_was_no_time_for_are_named(clock):
    """Otherwise a check without its contracts looks like one that kept them."""
    check = check_gradient(lambda x: x * x, lambda x, dy: 2 * x * dy, (X[:2],), budget=9)
    assert check.verdict == "undecided"
    assert any("contract" in one for one in check.left)
    assert all(one.verdict == "certified" for one in check.findings)


def test_a_budget_that_suffices_changes_nothing_and_progress_is_told():
    """Otherwise a generous budget costs the verdict, or a terminal is silent."""
    told = []
    check = check_gradient(lambda x: x * x, lambda x, dy: 2 * x * dy, (X[:2],), budget="2min", progress=told.append)
    assert (check.verdict, check.left) == ("certified", ())
    assert any("claim" in one for one in told)
    assert any("contract" in one for one in told)


def test_what_is_no_time_is_refused():
    """Otherwise a typing error is a budget of nothing, or of for ever."""
    with pytest.raises(ValueError, match="30s"):
        check_gradient(lambda x: x, lambda x, dy: dy, (X,), budget="soon")


def test_claims_that_there_was_no_time_for_bear_the_verdict(monkeypatch):
    """Otherwise the gradients of a traced forward are certified though nobody has judged what they rest on."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("bpcompare.own.judged.monotonic", lambda: float("inf"))
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh()).double()
    check = check_gradient(model, inputs=(torch.randn(4, 3, dtype=torch.float64),), contracts=False, budget="1h")
    assert check.verdict == "undecided"
    verdicts = {one.name: one.verdict for one in check.findings}
    assert verdicts["0.weight"] == verdicts["0.bias"] == "undecided"
    assert any("gradient" in one for one in check.left)


def test_a_forward_that_takes_longer_than_all_is_not_run_again_and_again():
    """A minute's budget would become ten, where one forward takes two."""
    calls = []

    def slow(x):
        calls.append(1)
        sleep(0.02)
        return x * x

    check = check_gradient(slow, lambda x, dy: 2 * x * dy, (np.ones((2, 2)),), budget=0.01, contracts=False)
    assert check.verdict == "undecided"
    assert any("function by function" in one for one in check.left)
    assert len(calls) <= 5

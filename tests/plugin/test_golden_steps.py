"""The fixture `golden` for code of one's own, as its users would use it."""

from contextlib import suppress
from importlib import import_module

import pytest

# NumPy and JAX can be loaded once in a process, and the runs within forget what they load.
import bpcompare.own.judged
import bpcompare.tools.golden.own  # noqa: F401

pytest.importorskip("torch")
for name in ("bpcompare_jax.number", "bpcompare_torch.recorder"):
    with suppress(ImportError):
        import_module(name)

NET = """
import torch
from torch import nn


def net(act):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 1)), torch.linspace(-1, 1, 15).reshape(5, 3)
"""
MODEL = """
from torch import nn
from net import net


def test_model(golden):
    model, x = net({act})
    golden(model, x, loss=lambda y: y.square().mean())
"""
STEP = """
import pytest
from torch import nn
from net import net


@pytest.mark.parametrize("units", [3])
def test_step(golden, watch, units):
    model, x = net({act})
    with watch(model, accept=None) as step:
        model(x).square().mean().backward()
    golden(step, name="first")
"""
BROKEN = """
import torch
from torch import nn
from net import net


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        return g / 2


class Act(nn.Module):
    def forward(self, x):
        return Half.apply(x)


def test_model(golden):
    model, x = net(Act())
    golden(model, x, loss=lambda y: y.square().mean())
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """run(text, act): the test with this activation."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(net=NET)
    pytester.makeini("[pytest]\npythonpath = .\n")

    def running(text, act="", *options):
        pytester.makepyfile(test_own=text.replace("{act}", act))
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", "-rN", *options)

    return running


@pytest.mark.parametrize(("text", "name"), [(MODEL, "test_model"), (STEP, "test_step[3].first")])
def test_the_first_run_writes_and_fails_the_second_passes_and_a_change_is_told_by_its_module(run, pytester, text, name):
    """An upgrade or a refactoring would change what a model computes, and no test would say where."""
    first = run(text, "nn.GELU()")
    first.assert_outcomes(failed=1)
    path = pytester.path / "goldens" / f"test_own.{name}.step.json"
    assert f"there was no golden, so it was written: {path}" in first.stdout.str()
    run(text, "nn.GELU()").assert_outcomes(passed=1)
    changed = run(text, "nn.GELU(approximate='tanh')")
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(["*changed*1  gelu (*): approximate was 'none', is 'tanh'*"])
    changed.stdout.fnmatch_lines(["*--bpcompare-update accepts it*"])


def test_a_change_that_is_meant_is_accepted_and_told(run, pytester):
    """Nobody could go on after a change that was meant, or one would be accepted that nobody was told of."""
    run(MODEL, "nn.GELU()")
    accepted = run(MODEL, "nn.SiLU()", "--bpcompare-update")
    accepted.assert_outcomes(passed=1)
    accepted.stdout.fnmatch_lines(["*changed  test_own.py:test_model*→*test_own.test_model.step.json*"])
    run(MODEL, "nn.SiLU()").assert_outcomes(passed=1)


def test_what_is_wrong_becomes_no_golden_and_is_told_as_wrong(run, pytester):
    """A mistake would be what later versions are held to."""
    first = run(BROKEN)
    first.assert_outcomes(failed=1)
    assert "is wrong, and a golden must not be" in first.stdout.str()
    assert not (pytester.path / "goldens").exists()
    run(MODEL, "nn.Tanh()")
    before = (pytester.path / "goldens" / "test_own.test_model.step.json").read_bytes()
    later = run(BROKEN, "", "--bpcompare-report", "reports")
    later.assert_outcomes(failed=1)
    text = later.stdout.str()
    assert "Half.backward" in text
    assert "accepts it" not in text
    assert list((pytester.path / "reports").iterdir())
    run(BROKEN, "", "--bpcompare-update").assert_outcomes(failed=1)
    assert (pytester.path / "goldens" / "test_own.test_model.step.json").read_bytes() == before


def test_where_ci_is_set_none_is_written(run, pytester, monkeypatch):
    """A machine would make the golden that it is then compared with."""
    monkeypatch.setenv("CI", "1")
    result = run(MODEL, "nn.Tanh()")
    result.assert_outcomes(failed=1)
    assert "CI is set, so none is written here" in result.stdout.str()
    assert not (pytester.path / "goldens").exists()

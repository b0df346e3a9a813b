"""Which step of a script is watched: wrapped optimizers, steps that share a backward pass, and what is printed between two."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bpcompare.own.script import ran, short_of  # noqa: E402 — a script needs torch

HEAD = """
import torch
from torch import nn

torch.manual_seed(0)
model, head = nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Linear(4, 2)


def loss():
    return head(model(torch.randn(5, 3))).square().mean()


class Signs(torch.optim.Optimizer):
    @torch.no_grad()
    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.data.mul_(0.999)
            p.add_(p.grad.sign(), alpha=-0.01)


class Around(torch.optim.Optimizer):
    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure=None):
        self.inner.step()


parameters = [*model.parameters(), *head.parameters()]
"""
LOOP = """
for _ in range(3):
    optimizer.zero_grad()
    error = loss()
    error.backward()
    optimizer.step()
    print(error.item())
"""
SHARED = """
first, second = torch.optim.SGD(model.parameters(), lr=0.1), torch.optim.Adam(head.parameters())
for _ in range(3):
    first.zero_grad(), second.zero_grad()
    loss().backward()
    first.step(), second.step()
"""


@pytest.fixture
def watched(tmp_path):
    def run(text, at, steps=1):
        path = tmp_path / "train.py"
        path.write_text(HEAD + text)
        return ran(str(path), [], at, steps)

    return run


def test_a_loss_that_is_printed_after_its_step(watched):
    """An optimizer that writes into parameters itself would leave them without a name: "what was watched reads none of them"."""
    step = watched("optimizer = Signs(parameters, {})" + LOOP, 2).step
    assert step.verdict == "certified", str(step)
    assert {"model.0.weight.gradient", "head.bias.gradient"} <= {claim.path for one in step.judged for claim, _ in one.findings}


def test_an_optimizer_around_another(watched):
    """The second step would be what is left of the first, behind the step of the inner one: no backward pass is in it."""
    run = watched("optimizer = Around(torch.optim.AdamW(parameters))" + LOOP, 2)
    assert "backward" in str(run.step).splitlines()[0]
    assert len([claim for one in run.step.judged for claim, _ in one.findings if claim.statement == "update"]) == 4
    assert watched("optimizer = Around(torch.optim.AdamW(parameters))" + LOOP, 9).steps == 3


RAISING = """
optimizer = torch.optim.SGD(parameters, lr=0.1)
for number in range(4):
    def closure():
        if number == 0:
            raise MemoryError
        optimizer.zero_grad()
        error = loss()
        error.backward()
        return error

    try:
        optimizer.step(closure)
    except MemoryError:
        pass
"""


def test_a_step_that_an_error_has_ended_is_over(watched):
    """torch tells nobody of its end: no step after it would be counted, and the script be said to make none."""
    assert watched(RAISING, 9).steps == 3
    assert watched(RAISING, 2).step.verdict == "certified"


def test_steps_that_share_a_backward_pass(watched):
    """Who has an optimizer for each part would read that there was no backward pass, and not how to watch it."""
    (first, *_) = watched(SHARED, 4).step.unexamined
    assert "--at-step 3 --steps 2 watches them together" in first.why
    assert watched(SHARED, 3, 2).step.verdict == "certified"
    assert not any("--at-step" in one.why for one in watched(SHARED, 3).step.unexamined)


def test_a_script_with_updates_of_its_own(watched):
    """Who trains by Keras, or by hand, would not be told which door is theirs."""
    run = watched("for _ in range(2): loss().backward()", 1)
    assert run.step is None
    assert "bpcompare.watch(model)" in short_of("train.py", run, 1)


def test_judging_draws_nothing_from_a_script_that_goes_on(tmp_path, capsys):
    """A script that goes on behind its verdict would train on other data."""
    path = tmp_path / "train.py"
    path.write_text(
        HEAD + "import numpy as np\nnp.random.seed(0)\noptimizer = torch.optim.SGD(parameters)" + LOOP + "print(np.random.rand())"
    )
    ran(str(path), [], 1, told=lambda _step: np.random.rand())
    np.random.seed(0)
    assert str(np.random.rand()) in capsys.readouterr().err

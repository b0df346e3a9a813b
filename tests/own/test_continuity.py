"""Between two steps, and between backward and step, nothing changes unseen: what does is named."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

IN_PART = "certified in part"


@pytest.fixture
def m():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def trained(m, between=None, after=None, *, steps=2, zero=True, make=torch.optim.Adam):
    """Steps of an optimizer, with something done between backward and step, and after each step."""
    optimizer = make(m.parameters(), 0.1)
    x = torch.randn(6, 4)
    with bpcompare.watch(m) as step:
        for _ in range(steps):
            if zero:
                optimizer.zero_grad()
            m(x).square().sum().backward()
            if between:
                between(m[0].weight, optimizer)
            optimizer.step()
            if after:
                after(m[0].weight, optimizer)
    return step


def by_numpy(p, _optimizer):
    p.detach().numpy()[:] *= 3


BETWEEN = {
    "a parameter, by NumPy": by_numpy,
}
AFTER = {
    "a parameter, by NumPy": by_numpy,
    "a moment begun anew": lambda p, optimizer: optimizer.state[p]["exp_avg"].zero_(),
    "a moment, by NumPy": lambda p, optimizer: optimizer.state[p]["exp_avg"].numpy().__imul__(2),
    "another tensor as a moment": lambda p, optimizer: optimizer.state[p].update(exp_avg_sq=torch.ones_like(p)),
    "the count begun anew": lambda p, optimizer: optimizer.state[p]["step"].fill_(0),
    "no state any more": lambda _p, optimizer: optimizer.state.clear(),
}


@pytest.mark.parametrize("what", [*AFTER, "another memory"])
def test_what_changes_after_the_last_step_is_named(what, m):
    """A step would be certified, and what the training goes on with be something else."""

    def after(p, optimizer):
        if what == "another memory":
            p.data = p.data * 1.5
        else:
            AFTER[what](p, optimizer)

    found = trained(m, after=after, steps=1)
    assert found.verdict == IN_PART, str(found)
    assert "0.weight" in str(found)


@pytest.mark.parametrize("what", BETWEEN)
def test_what_changes_before_a_step_is_named(what, m):
    """A parameter that moved between forward and step would be certified, as if the step had begun where the forward was."""
    found = trained(m, BETWEEN[what], steps=1)
    assert found.verdict == IN_PART, str(found)
    assert "0.weight" in str(found)


@pytest.mark.parametrize("what", AFTER)
def test_what_changes_between_steps_is_named(what, m):
    """Each step follows from where it began; where that is not where the last one ended, both would be certified all the same."""
    left = [AFTER[what]]
    found = trained(m, after=lambda p, optimizer: left and left.pop()(p, optimizer))  # after the first step alone
    assert found.verdict == IN_PART, str(found)
    assert any("0.weight" in one.what for one in found.unexamined), str(found)


def test_a_step_that_is_undone_unseen_is_named(m):
    """A training that stands still would be certified, for its parameters are again where they were before."""
    before = [m[0].weight.detach().clone().numpy()]  # which is put back after the first step alone

    def undo(p, _optimizer):
        if before:
            p.detach().numpy()[:] = before.pop()

    found = trained(m, after=undo)
    assert found.verdict == IN_PART, str(found)
    assert any("0.weight" in one.what for one in found.unexamined), str(found)


def test_a_state_that_is_written_into_before_the_first_watched_step_is_named(m):
    """A moment that is begun anew between backward and step would be certified: it is what the step started from."""
    optimizer, x = torch.optim.Adam(m.parameters(), 0.1), torch.randn(6, 4)
    m(x).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    with bpcompare.watch(m) as step:
        m(x).square().sum().backward()
        optimizer.state[m[0].weight]["exp_avg"].zero_()
        optimizer.step()
    assert step.verdict == IN_PART, str(step)


def test_a_gradient_that_is_used_twice_is_named(m):
    """Who forgets zero_grad would have both steps certified: each follows its rule, the second with both gradients."""
    found = trained(m, zero=False, make=torch.optim.SGD)
    assert found.verdict == IN_PART
    assert "not cleared" in str(found)


def test_honest_steps_go_on_where_the_last_one_ended(m):
    """Steps that nobody disturbs would be certified in part only."""
    assert trained(m, steps=3).verdict == "certified"


def test_forwards_before_a_step_are_none_that_saw_a_change(m):
    """Two forwards before the first step: the second backward reads parameters of before that step, and nothing was changed."""
    optimizer, x = torch.optim.SGD(m.parameters(), 0.1), torch.randn(6, 4)
    with bpcompare.watch(m) as step:
        with torch.no_grad():
            w = nn.Parameter(torch.randn(4))
        first, second = (x * w).square().sum(), m(x).square().sum()
        second.backward()
        optimizer.step()
        first.backward()
    assert not any("changed" in one.why for one in step.unexamined), str(step)


def test_gradients_that_no_step_uses_are_told(m):
    """A layer that somebody forgot to give to the optimizer would never be mentioned."""
    found = trained(m, make=lambda parameters, rate: torch.optim.SGD(list(parameters)[:2], rate))
    assert found.verdict == "certified"
    assert "2 gradients: no step of an optimizer used that of 2.bias, 2.weight" in " ".join(str(found).split())


def test_what_is_done_to_gradients_before_their_use_is_told(m):
    """Noise that is added to gradients, or a clipping nobody meant, would be judged as what it is, and never mentioned."""
    found = trained(m, lambda p, _optimizer: p.grad.add_(torch.randn_like(p)), steps=1)
    assert found.verdict == "certified"
    assert "gradients are changed before their use, by add (own/test_continuity.py" in " ".join(str(found).split())

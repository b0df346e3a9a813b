"""Updates that no rule is known of: optimizers of somebody's own, LBFGS, and parameters that are written into by hand."""

from functools import cache, wraps

import numpy as np
import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn, optim  # noqa: E402

from called import judged_with  # noqa: E402 — it needs torch

IN_PART = "certified in part"


class Lion(optim.Optimizer):
    """The sign of a running mean, with decoupled decay."""

    def __init__(self, parameters, lr=0.01):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.full_like(p, 0.01))
                p.mul_(1 - group["lr"] * 0.1)
                p.add_((m * 0.9 + p.grad * 0.1).sign(), alpha=-group["lr"])
                m.lerp_(p.grad, 0.01)


class Normed(optim.AdamW):
    """AdamW on gradients of norm one: a step of torch's within a step of somebody's own."""

    @torch.no_grad()
    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.grad.div_(p.grad.norm() + 1e-6)
        return super().step(closure)


class Lookahead(optim.Optimizer):
    """Another optimizer's steps, and halfway back to where they began."""

    def __init__(self, parameters):
        self.inner = optim.Adam(parameters)
        super().__init__(self.inner.param_groups[0]["params"], {})
        self.slow = {p: p.detach().clone() for p in self.param_groups[0]["params"]}

    @torch.no_grad()
    def step(self):
        self.inner.step()
        for p, slow in self.slow.items():
            slow.add_(p - slow, alpha=0.5)
            p.copy_(slow)


class Sharpness(optim.Optimizer):
    """Two evaluations a step, the second where the loss is higher; then SGD from where the first one was."""

    def __init__(self, parameters):
        self.inner = optim.SGD(parameters, 0.1, momentum=0.9)
        super().__init__(self.inner.param_groups[0]["params"], {})

    @torch.no_grad()
    def step(self, closure):
        closure = torch.enable_grad()(closure)
        closure()
        mine = self.param_groups[0]["params"]
        norm = torch.stack([p.grad.norm() for p in mine]).norm()
        before = [p.clone() for p in mine]
        for p in mine:
            p.add_(p.grad * (0.05 / (norm + 1e-12)))
        self.zero_grad()
        closure()
        for p, old in zip(mine, before, strict=True):
            p.data = old
        self.inner.step()


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))


def backward(model):
    torch.manual_seed(1)
    loss = nn.functional.cross_entropy(model(torch.randn(10, 6)), torch.randint(0, 3, (10,)))
    loss.backward()
    return loss


def trained(make, steps=2, *, clear=True):
    """Steps of an optimizer of somebody's own."""
    model = net()
    optimizer = make(model.parameters())

    def closure():
        optimizer.zero_grad()
        return backward(model)

    with bpcompare.watch(model) as step:
        for _ in range(steps):
            if make in (Sharpness, Quasi):
                optimizer.step(closure)
                continue
            if clear:
                optimizer.zero_grad()
            backward(model)
            optimizer.step()
    return step


def by_hand(update, steps=2, after=None):
    """Steps of a training that writes into its parameters by itself."""
    model = net()
    with bpcompare.watch(model) as step:
        for _ in range(steps):
            model.zero_grad()
            backward(model)
            update(model)
        if after:
            after(model)
    return step


def named(step):
    return "; ".join(f"{one.what}: {one.why}" for one in step.unexamined)


class Quasi(optim.LBFGS):
    """LBFGS, few steps."""

    def __init__(self, parameters):
        super().__init__(parameters, max_iter=3)


@pytest.mark.parametrize("make", [Lion, Normed, Lookahead, Sharpness, Quasi])
def test_a_step_without_a_law_is_judged_function_by_function(make):
    """Who writes an optimizer would have all but that examined; or be told that its rule was right, which nobody asked."""
    optim.AdamW(net().parameters())  # torch's class has its hooks by now
    step = trained(make)
    assert step.verdict == "certified", str(step)
    assert f"{make.__name__}.step, function by function" in " ".join(str(step).split()), str(step)


@cache
def lion():
    return trained(Lion, steps=1)


def own_values():
    (one,) = [one for one in lion().judged if one.recording.title == "Lion.step"]
    return one.recording, [claim.path for claim, finding in one.findings if finding.outcome == "holds" and not finding.terms]


def test_every_function_of_a_step_is_claimed():
    """A function of the step that leads to no parameter (a state for the next step) would be examined by nobody."""
    recording, paths = own_values()
    functions = [recording.places[path.removesuffix(".y")].function for path in paths]
    assert {name: functions.count(name) for name in set(functions)} == {"mul": 12, "add": 8, "sign": 4, "lerp": 4}


def test_a_number_planted_into_an_own_step_is_refuted_there():
    """A step of somebody's own would be called certified whatever its functions gave."""
    recording, paths = own_values()
    for path in paths:
        right = np.array(recording.recorded[path])
        found = judged_with(recording, path, lambda x: x + np.float32(0.01) * np.abs(x).max())
        assert path in {claim.path for claim, _ in found.refuted}, path
        assert np.array_equal(right, recording.recorded[path])


class Stranger(optim.Optimizer):
    """Updates that torch does not see."""

    def __init__(self, parameters):
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            self.move(p)

    def move(self, p):
        p.numpy()[...] -= 0.1 * p.grad.numpy()


class Swapping(Stranger):
    """One parameter moves by the gradient of another."""

    def step(self):
        mine = self.param_groups[0]["params"]
        with torch.no_grad():
            mine[0].sub_(mine[2].grad[0, 0])


class Descending(Stranger):
    """The plainest of all."""

    def move(self, p):
        p.sub_(p.grad, alpha=0.1)


@pytest.mark.parametrize(
    ("make", "clear", "words"),
    [
        (Stranger, True, "0.weight: a step of its optimizer changed it in a way that nobody saw"),
        (Swapping, True, "the update of 0.weight: it was made from gradients of other parameters alone"),
        (Descending, False, "the gradient of 0.weight: a step of an optimizer used it already"),
    ],
)
def test_what_is_wrong_with_an_own_step_is_named(make, clear, words):
    """Memory that was written into unseen, another's gradient, or one that was used before would be certified."""
    step = trained(make, clear=clear)
    assert step.verdict == IN_PART, str(step)
    assert words in named(step)


def no_grad(update):
    """For each parameter, with autograd off."""

    @torch.no_grad()
    @wraps(update)
    def all_of_them(model):
        for p in model.parameters():
            update(p)

    return all_of_them


def decayed(p):
    p.mul_(0.99)
    p.add_(p.grad, alpha=-0.1)


def legacy(model):
    for p in model.parameters():
        p.data.mul_(0.99)
        p.data.add_(p.grad.data * -0.1)


@torch.no_grad()
def all_at_once(model):
    mine = list(model.parameters())
    torch._foreach_mul_(mine, 0.99)
    torch._foreach_add_(mine, [p.grad for p in mine], alpha=-0.1)


def bounded(p):
    p.sub_(p.grad)
    p.clamp_(-0.1, 0.1)


def in_parts(p):
    p[:2].sub_(p.grad[:2])


@pytest.mark.parametrize("update", [no_grad(decayed), legacy, all_at_once, no_grad(bounded), no_grad(in_parts)])
def test_updates_by_hand_are_judged(update):
    """Decay or a bound would be called a write that nobody examined, though it is one function of the parameter itself."""
    step = by_hand(update)
    assert step.verdict == "certified", str(step)
    assert "updates outside of all optimizers, function by function" in " ".join(str(step).split())


def test_a_bound_after_a_step_of_torchs_is_judged():
    """A critic whose weights are clipped would be certified in part for ever."""
    model = net()
    optimizer = optim.RMSprop(model.parameters())
    with bpcompare.watch(model) as step:
        for _ in range(2):
            optimizer.zero_grad()
            backward(model)
            optimizer.step()
            for p in model.parameters():
                p.data.clamp_(-0.1, 0.1)
    assert step.verdict == "certified", str(step)
    assert any(claim.path.startswith("clamp") for _, claim, _ in step.findings)


def numpy_write(model):
    model[0].weight.detach().numpy()[0, 0] += 1


@torch.no_grad()
def numpy_between(model):
    numpy_write(model)
    decayed(model[0].weight)


@torch.no_grad()
def another(model):
    model[0].weight.copy_(torch.ones(12, 6))


def filled(p):
    p.fill_(1.0)


@torch.no_grad()
def drawn(model):
    model[0].weight.uniform_()


CHANGED = "changed between forward and step"


@pytest.mark.parametrize(
    ("update", "after", "words"),
    [
        (numpy_between, None, CHANGED),
        (no_grad(decayed), numpy_write, "changed after what read or left it last"),
        (another, None, "wrote into it, without reading a gradient"),
        (no_grad(filled), None, "wrote into it, without reading a gradient"),
        (drawn, None, "wrote into it, without reading a gradient"),
    ],
)
def test_what_nobody_saw_between_updates_by_hand_is_named(update, after, words):
    """An update by hand would be certified from numbers that nobody made, or be followed by a change that nobody saw."""
    step = by_hand(update, steps=1, after=after)
    assert step.verdict == IN_PART, str(step)
    assert f"0.weight: {'it was ' if 'changed' in words else 'code outside of all optimizers '}{words}" in named(step)


def put_back(restore, after=lambda _model, _old: None, steps=2):
    """Steps of sharpness-aware minimization as most write it: up, the gradient there, back, and a step of SGD with it."""
    model = net()
    optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
    mine = list(model.parameters())
    with bpcompare.watch(model) as step:
        for _ in range(steps):
            backward(model)
            with torch.no_grad():
                old = [p.data.clone() for p in mine]
                for p in mine:
                    p.add_(p.grad, alpha=0.05)
            optimizer.zero_grad()
            backward(model)
            with torch.no_grad():
                restore(mine, old)
            kept = [p.detach().clone() for p in mine]
            optimizer.step()
            after(mine, kept)
            optimizer.zero_grad()
    return step


def by_data(mine, old):
    for p, before in zip(mine, old, strict=True):
        p.data = before


def by_copy(mine, old):
    for p, before in zip(mine, old, strict=True):
        p.copy_(before)


def into_data(mine, old):
    for p, before in zip(mine, old, strict=True):
        p.data.copy_(before)


@pytest.mark.parametrize("restore", [by_data, by_copy, into_data, torch._foreach_copy_])
def test_a_look_at_a_place_nearby_is_told(restore):
    """Sharpness-aware training would be called changed in a way that nobody saw, though it is back where it was, bit by bit."""
    step = put_back(restore)
    assert step.verdict == "certified", str(step)
    assert "put back   0.weight, 0.bias" in str(step)


def nearly(mine, old):
    by_data(mine, [before * 1.0001 for before in old])


def test_what_is_not_put_back_whole_is_named():
    """A step from a place that nobody knows of would be certified."""
    step = put_back(nearly, steps=1)
    assert step.verdict == IN_PART, str(step)
    assert f"0.weight: it was {CHANGED}" in named(step)


@pytest.mark.parametrize("which", [1, 2])
def test_a_step_that_is_undone_is_no_look_at_a_place_nearby(which):
    """A training that stands still, for a step is taken back, would be certified."""
    calls = []

    def undone(mine, old):
        calls.append(mine)
        if len(calls) == which:
            by_data(mine, old)

    step = put_back(by_data, undone)
    assert step.verdict == IN_PART, str(step)
    assert "0.weight: it was changed" in named(step)


def test_a_step_without_gradients_moves_nothing_on():
    """A training that stands still would be certified: what was put back had its gradients taken away before the step."""

    def taken(mine, old):
        into_data(mine, old)
        for p in mine:
            p.grad = None

    step = put_back(taken)
    assert step.verdict == IN_PART, str(step)
    assert "0.weight: code moved it by hand and put it back" in named(step)


def test_who_goes_back_again_undoes_an_update_by_hand():
    """Every update by hand would begin at the first weights, and all be certified: only the last would be left."""
    model = net()
    mine = list(model.parameters())
    with bpcompare.watch(model) as step:
        first = [p.detach().clone() for p in mine]
        for number in range(3):
            model.zero_grad()
            backward(model)
            with torch.no_grad():
                if number:
                    by_copy(mine, first)
                for p in mine:
                    p.sub_(0.1 * p.grad)
    assert step.verdict == IN_PART, str(step)


@pytest.mark.parametrize("look", [True, False])
@pytest.mark.parametrize("restore", [by_data, by_copy, into_data])
def test_an_update_by_hand_that_is_undone_is_named(restore, look):
    """A training by hand that stands still would be certified, for each of its updates is put back."""
    model = net()
    mine = list(model.parameters())
    with bpcompare.watch(model) as step:
        for _ in range(2):
            model.zero_grad()
            backward(model)
            old = [p.data.clone() for p in mine]
            with torch.no_grad():
                for p in mine:
                    p.add_(p.grad, alpha=-0.1)
            if look:
                model.zero_grad()
                backward(model)
            with torch.no_grad():
                restore(mine, old)
    assert step.verdict == IN_PART, str(step)
    assert "0.weight: " in named(step)


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam], ids=lambda make: make.__name__)
def test_a_step_that_autograd_follows_is_judged_as_what_it_is(make):
    """A learned optimizer, or a rate that is learned through a step, would be named as changed in a way that nobody saw."""
    model, x = net(), torch.randn(10, 6)
    with bpcompare.watch(model) as step:
        moved = {name: p.clone() for name, p in model.named_parameters()}
        loss = torch.func.functional_call(model, moved, x).square().mean()
        for p, gradient in zip(moved.values(), torch.autograd.grad(loss, moved.values()), strict=True):
            p.grad = gradient
        optimizer = make(list(moved.values()), 0.1, differentiable=True)
        optimizer.step()
        torch.func.functional_call(model, moved, x).square().mean().backward()
    assert step.verdict == "certified", str(step)
    assert f"{make.__name__}.step, function by function" in " ".join(str(step).split())


def test_a_decay_that_is_undone_is_named():
    """What was moved by hand and put back, with no look from there, would be told as if it were meant: a decay that is lost."""
    model = net()
    optimizer = optim.SGD(model.parameters(), 0.1)
    backward(model)
    with bpcompare.watch(model) as step:
        optimizer.zero_grad()
        backward(model)
        old = [p.data.clone() for p in model.parameters()]
        with torch.no_grad():
            torch._foreach_mul_(list(model.parameters()), 0.99)
        by_data(model.parameters(), old)
        optimizer.step()
    assert step.verdict == IN_PART, str(step)
    assert f"0.weight: it was {CHANGED}" in named(step)

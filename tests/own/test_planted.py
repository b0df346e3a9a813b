"""Errors planted in recorded steps of small models, and in custom functions: each is found, where it is, and nothing else is."""

from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.wrong import Wrong  # noqa: E402
from called import judged_with  # noqa: E402 — it needs torch
from small_models import HOSTS, MODELS  # noqa: E402

SHARP = 1e-3
"""Claims that would show a smaller mistake than any that is planted."""


@cache
def recorded(name):
    """One step of a model, the second of its training: everything of it is recorded, and nothing is wrong with it."""
    torch.manual_seed(0)
    training = MODELS[name]()
    training.step()
    with bpcompare.watch(training.models) as step:
        training.step()
    assert step.verdict == "certified", str(step)
    return step


# planted numbers


def scaled(x, _random):
    return x * x.dtype.type(1.01)


def one_element(x, random):
    x = x.copy()
    x.flat[random.integers(x.size)] += x.dtype.type(0.01) * np.abs(x).max()
    return x


def turned(x, _random):
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        return x.T.copy()
    return np.roll(x, 1)


def nothing(x, _random):
    return np.zeros_like(x)


CHANGES = (scaled, one_element, turned, nothing)


@cache
def places(name):
    """Where something can be planted: the recording's number, and the claim's path."""
    return [
        (number, claim.path, claim.statement)
        for number, one in enumerate(recorded(name).judged)
        for claim, finding in one.findings
        if finding.outcome == "holds" and not finding.terms and finding.power < SHARP
    ]


def chosen(name, count):
    """`count` plants: places by turns of the kinds of quantities, changes by turns."""
    random = np.random.default_rng(len(name))
    by_kind = {}
    for place in places(name):
        by_kind.setdefault(place[2], []).append(place)
    kinds = [random.permutation(len(group)) for group in by_kind.values()]
    groups = list(by_kind.values())
    for at in range(count):
        kind = at % len(groups)
        number, path, _ = groups[kind][kinds[kind][(at // len(groups)) % len(groups[kind])]]
        yield number, path, CHANGES[(at // len(groups) + at) % len(CHANGES)], random


def planted(name, count):
    """Plant them, one by one. How many there were: a change that changes nothing is none."""
    done = 0
    for number, path, change, random in chosen(name, count):
        whole = recorded(name).judged[number]
        x = np.array(whole.recording.recorded[path])
        changed = change(x, random)
        if np.allclose(changed, x, rtol=1e-3, atol=1e-3 * float(np.abs(x).max(initial=0.0))):
            continue
        found = judged_with(whole.recording, path, lambda _x, changed=changed: changed)
        refuted = {claim.path: claim for claim, _ in found.refuted}
        assert path in refuted, (name, path, change.__name__)
        for other, claim in refuted.items():
            assert other == path or path in claim.premises, (name, path, change.__name__, other)
        assert not found.unexamined
        done += 1
    return done


@pytest.mark.parametrize("name", MODELS)
def test_a_planted_number_is_refuted_where_it_is(name):
    """A wrong number would pass, or another one would be accused that has nothing to do with it."""
    assert planted(name, 10) >= 7


@pytest.mark.slow
def test_hundreds_of_planted_numbers():
    """A wrong number among those of a step would go unnoticed, or take others with it."""
    assert sum(planted(name, 56) for name in MODELS) >= 300


# planted mistakes


def function(forward, backward):
    """A custom function of one tensor: `backward` has its input, its result, and Δ of that."""

    class Planted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = forward(x)
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return backward(*ctx.saved_tensors, g)

    return Planted


def swish(x):
    return x * torch.sigmoid(1.702 * x)


def normalized(x):
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)


def norm_backward(x, y, g):
    d = torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
    return d, g - g.mean(-1, keepdim=True), y * (g * y).mean(-1, keepdim=True)


def kept(x):
    return (torch.arange(x.numel()).view(x.shape) % 3 > 0).to(x.dtype)


MISTAKES = {
    "a factor of the chain rule": (swish, lambda x, _y, g: g * (s := torch.sigmoid(1.702 * x)) * (1 + x * (1 - s))),
    "one term of the product rule": (swish, lambda x, _y, g: g * torch.sigmoid(1.702 * x)),
    "the sign": (torch.sin, lambda x, _y, g: -g * torch.cos(x)),
    "Δ itself": (torch.sin, lambda x, _y, _g: torch.cos(x)),
    "x for y": (torch.tanh, lambda x, _y, g: g * (1 - x**2)),
    "a factor 2": (lambda x: x**2, lambda x, _y, g: g * x),
    "the sum of softmax": (lambda x: torch.softmax(x, -1), lambda _x, y, g: g * y * (1 - y)),
    "the mean of Δ": (normalized, lambda x, y, g: (g - norm_backward(x, y, g)[2]) / norm_backward(x, y, g)[0]),
    "the mask of Δ": (torch.relu, lambda _x, _y, g: g * (g > 0)),
    "the mask of dropout": (lambda x: 1.5 * x * kept(x), lambda _x, _y, g: 1.5 * g),
    "rows for columns": (
        lambda x: x * torch.linspace(0.5, 2.0, x.shape[-1]),
        lambda x, _y, g: g * torch.linspace(2.0, 0.5, x.shape[-1]),
    ),
    "a mean for a sum": (lambda x: x - x.mean(-1, keepdim=True), lambda _x, _y, g: g - g.sum(-1, keepdim=True)),
}
CORRECT = {
    "swish": (swish, lambda x, _y, g: g * (s := torch.sigmoid(1.702 * x)) * (1 + 1.702 * x * (1 - s))),
    "softmax": (lambda x: torch.softmax(x, -1), lambda _x, y, g: y * (g - (g * y).sum(-1, keepdim=True))),
    "normalized": (
        normalized,
        lambda x, y, g: (norm_backward(x, y, g)[1] - norm_backward(x, y, g)[2]) / norm_backward(x, y, g)[0],
    ),
}


def stepped(name, parts):
    made = function(*parts)

    class Activation(nn.Module):
        def forward(self, x):
            return made.apply(x)

    torch.manual_seed(3)
    training = MODELS[name](Activation)
    with bpcompare.watch(training.models) as step:
        training.step()
    return step


def accused(name, mistake):
    """The one thing that is accused is what was planted, in the module where it was."""
    step = stepped(name, MISTAKES[mistake])
    assert step.verdict == "wrong", (name, mistake)
    found = [Wrong(*one) for one in step.refuted]
    assert [(one.culprit, one.module) for one in found] == [("Planted.backward", HOSTS[name])], (name, mistake, str(step))
    assert not step.unexamined


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_backward_is_the_only_one_accused(mistake):
    """Somebody would look for it in the wrong place."""
    accused(list(MODELS)[list(MISTAKES).index(mistake) % len(MODELS)], mistake)


@pytest.mark.parametrize("right", CORRECT)
def test_a_right_backward_is_not_accused(right):
    """The places where mistakes are planted would be accused without any."""
    step = stepped("graph", CORRECT[right])
    assert step.verdict == "certified", str(step)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_mistake_in_every_model(name):
    """A typical mistake in a backward would pass, or be sought in another function or module."""
    for mistake in MISTAKES:
        accused(name, mistake)


# honest steps


def options(name, run):
    """How torch computes it: other implementations of the same step, other layouts in memory."""
    found = [{}, {"foreach": True}, {"foreach": False}]
    if name in ("mlp", "cnn", "transformer", "gan", "lora", "gru"):
        found.append({"fused": True})
    chosen_ = dict(found[run % len(found)])
    if name == "cnn" and run % 2:
        chosen_["layout"] = torch.channels_last
    return chosen_


@pytest.mark.slow
def test_a_hundred_honest_steps_are_not_accused():
    """Threads, layouts in memory and implementations of optimizers change roundings, and nothing else."""
    threads = torch.get_num_threads()
    try:
        for run in range(104):
            name = list(MODELS)[run % len(MODELS)]
            torch.set_num_threads(1 + run % 4)
            torch.manual_seed(run)
            training = MODELS[name](**options(name, run // len(MODELS)))
            for _ in range(run % 3):
                training.step()
            with bpcompare.watch(training.models) as step:
                training.step()
            assert step.verdict == "certified", (name, run, options(name, run // len(MODELS)), str(step))
    finally:
        torch.set_num_threads(threads)

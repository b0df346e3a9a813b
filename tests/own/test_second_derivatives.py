"""Backward of backward (create_graph=True): gradient penalties, meta-learning, and every function of torch's way back."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 — its usual name
from torch import nn
from torch.func import functional_call, vmap

import bpcompare
from bpcompare.own.judged import judged
from bpcompare_torch.recorder import TorchRecorder
from called import Call, between, normal, weighted
from calls_of_functions import CALLS

FORMATS = ["float64", "float32"]
TWICE = (
    "tanh", "sigmoid", "relu", "silu", "mish", "gelu", "gelu, tanh", "leaky_relu", "elu, 0.5", "elu in place", "celu",
    "softplus, steep", "logsigmoid", "hardtanh", "hardswish", "hardshrink", "softshrink", "prelu", "rrelu", "glu",
    "native_dropout",
)  # fmt: skip
BATCH = (normal(4, 3, 5), normal(3), normal(3))
SECOND = [
    *(call for call in CALLS if call.name in TWICE),
    Call("softmax", partial(F.softmax, dim=1), (normal(3, 4, 2),)),
    Call("log_softmax", partial(F.log_softmax, dim=0), (normal(3, 4),)),
    Call("cross_entropy", lambda x: F.cross_entropy(x, torch.tensor([0, 2, 1])), (normal(3, 4),)),
    Call("nll_loss, weighted", lambda x: F.nll_loss(x, torch.tensor([0, 2, 1]), torch.arange(1.0, 5.0).to(x)), (normal(3, 4),)),
    Call("mse_loss", F.mse_loss, (normal(3, 4), normal(3, 4))),
    Call("smooth_l1_loss", partial(F.smooth_l1_loss, reduction="sum"), (normal(3, 4), normal(3, 4))),
    Call("huber_loss", partial(F.huber_loss, reduction="none"), (normal(3, 4), normal(3, 4))),
    Call("soft_margin_loss", lambda x: F.soft_margin_loss(x, torch.ones(3, 4, dtype=x.dtype)), (normal(3, 4),)),
    Call("binary_cross_entropy", F.binary_cross_entropy, (between(0.1, 0.9, 3, 4), between(0.1, 0.9, 3, 4))),
    Call("layer_norm", lambda x, w, b: F.layer_norm(x, (3, 5), w[:, None].expand(3, 5), b[:, None].expand(3, 5)), BATCH),
    Call("layer_norm, alone", lambda x: F.layer_norm(x, (5,)), (normal(4, 5),)),
    Call("group_norm", lambda x, w, b: F.group_norm(x[:, :, None], 3, w, b), BATCH),
    Call("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), BATCH),
    Call("conv2d", lambda x, w, b: F.conv2d(x, w, b, padding=1, stride=2), (normal(2, 3, 5, 5), normal(4, 3, 3, 3), normal(4))),
    Call("conv2d, groups", lambda x, w: F.conv2d(x, w, groups=2), (normal(2, 4, 4, 4), normal(4, 2, 3, 3))),
    Call("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, stride=2), (normal(2, 3, 3, 3), normal(3, 2, 2, 2))),
    Call("max_pool2d", partial(F.max_pool2d, kernel_size=2), (normal(2, 3, 4, 4),)),
    Call("avg_pool2d", partial(F.avg_pool2d, kernel_size=2, stride=1), (normal(2, 3, 4, 4),)),
    Call("adaptive_avg_pool2d", partial(F.adaptive_avg_pool2d, output_size=(2, 3)), (normal(2, 3, 4, 4),)),
    Call("embedding", lambda x: F.embedding(torch.tensor([[0, 2], [2, 1]]), x, padding_idx=1), (normal(4, 3),)),
    Call("a part", lambda x: (x[1], x[:, 1::2], x.diagonal(1)), (normal(3, 5),)),
]
SECOND_BY_NAME = {call.name: call for call in SECOND}


def twice(call, dtype):
    """The second of two passes: of Σ (fixed weights) g², with the gradients g that the first one gave."""
    random = np.random.default_rng(3)
    model = nn.Module()
    for number, draw in enumerate(call.leaves):
        model.register_parameter(f"x{number}", nn.Parameter(torch.from_numpy(np.asarray(draw(random))).to(dtype)))
    torch.manual_seed(3)
    recorder = TorchRecorder({"": model})
    with recorder:
        found = call.f(*model.parameters())
        loss = sum(weighted(y * y, random) for y in (found if isinstance(found, tuple) else (found,)))
        gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        sum(weighted(g * g, random) for g in gradients).backward()
    seen = recorder.watched()
    assert not seen.unexamined
    return seen.recordings[1]


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", SECOND_BY_NAME)
def test_an_honest_second_derivative_holds(name, dtype):
    """A gradient penalty would be accused, or left half examined."""
    found = judged(twice(SECOND_BY_NAME[name], getattr(torch, dtype)))
    assert not found.unexamined, found.unexamined
    others = {claim.path: finding for claim, finding in found.findings if finding.outcome != "holds"}
    assert not others


def back(recording):
    """The steps that functions of the way back made."""
    return [step for step in recording.program.steps if step.op.function.endswith(("_backward", "_backward_data"))]


@pytest.mark.parametrize("name", SECOND_BY_NAME)
def test_a_wrong_second_derivative_is_refuted_at_its_place(name):
    """A mistake in what a backward computes, or in its derivative, passes; or another place is blamed."""
    recording = twice(SECOND_BY_NAME[name], torch.float64)
    for path in ["x0.gradient", *(one for step in back(recording) for one in (step.writes, f"{step.writes}.delta"))]:
        numbers = dict(recording.recorded)
        if path not in numbers or not np.any(numbers[path]):
            continue
        wrong = np.array(numbers[path], copy=True)
        wrong[np.unravel_index(np.argmax(np.abs(wrong)), wrong.shape)] *= 1.001
        refuted = {claim.path for claim, _ in judged(replace(recording, recorded=numbers | {path: wrong})).refuted}
        assert path in refuted, (path, refuted)


def critic(*, norm):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), norm(8), nn.LeakyReLU(0.2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(32, 1)
    )  # fmt: skip


def penalized(model, x, y, *, wrong=1.0):
    """Gulrajani et al. (2017): the critic's gradient at points between true and made ones shall have norm 1."""
    share = torch.rand(len(x), 1, 1, 1, dtype=x.dtype)
    z = (share * x + (1 - share) * y).requires_grad_()
    (g,) = torch.autograd.grad(model(z).sum(), z, create_graph=True)
    return model(x).mean() - model(y).mean() + 10 * wrong * (g.flatten(1).norm(2, dim=1) - 1).square().mean()


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("norm", [partial(nn.InstanceNorm2d, affine=True), nn.BatchNorm2d, partial(nn.GroupNorm, 2)])
def test_a_gradient_penalty_is_certified_whole(norm, dtype):
    """What every critic with a gradient penalty does would not be examined."""
    torch.manual_seed(0)
    model, dtype = critic(norm=norm).to(getattr(torch, dtype)), getattr(torch, dtype)
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(2, 4, 3, 8, 8, dtype=dtype)
    with bpcompare.watch(model, optimizer) as step:
        penalized(model, x, y).backward()
        optimizer.step()
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize("steps", [1, 2])
def test_inner_steps_are_certified_whole(steps):
    """Meta-learning through the inner loop's own gradients would not be examined."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3)).double()
    x, t = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    with bpcompare.watch(model) as step:
        inner = dict(model.named_parameters())
        for _ in range(steps):
            loss = F.cross_entropy(functional_call(model, inner, (x,)), t)
            gradients = torch.autograd.grad(loss, list(inner.values()), create_graph=True)
            inner = {name: p - 0.1 * g for (name, p), g in zip(inner.items(), gradients, strict=True)}
        F.cross_entropy(functional_call(model, inner, (x * 0.5,)), t).backward()
    assert step.verdict == "certified", str(step)


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("cleared", [False, True])
def test_gradients_that_stay_in_the_graph_are_certified(cleared):
    """`backward(create_graph=True)` leaves gradients that autograd follows: what a second pass adds to them would be nobody's."""
    torch.manual_seed(0)
    model, x = nn.Linear(4, 1).double(), torch.randn(5, 4, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bpcompare.watch(model, optimizer) as step:
        model(x).tanh().square().mean().backward(create_graph=True)
        penalty = sum(p.grad.square().sum() for p in model.parameters())
        if cleared:
            optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
    assert step.verdict == "certified", str(step)


class Cube(torch.autograd.Function):
    """x³, whose backward forgets that it depends on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x.detach() ** 2 * g


def test_a_custom_backward_that_is_differentiated_is_named():
    """A backward that is right, but constant to autograd, would be certified with a wrong second derivative."""
    model = nn.Linear(4, 1).double()
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    with bpcompare.watch(model) as step:
        (g,) = torch.autograd.grad(Cube.apply(model(x)).sum(), x, create_graph=True)
        g.square().sum().backward()
    assert step.verdict == "certified in part", str(step)
    assert [one.what for one in step.unexamined] == ["Cube.backward"], step.unexamined


def test_on_a_kink_there_is_no_second_derivative():
    """Where a function has none, whatever a framework gives would be certified."""
    call = Call("hardswish at its kink", lambda x: F.hardswish(x * 0 + 3.0), (normal(2, 2),))
    found = judged(twice(call, torch.float64))
    assert any("kink" in one.why for one in found.unexamined), found.unexamined
    assert not found.refuted


def test_batched_calls_of_a_module_are_calls_like_others():
    """A model that is called by torch.func (functional_call, vmap) would not be examined."""
    torch.manual_seed(0)
    model, x = nn.Linear(4, 3).double(), torch.randn(5, 4, dtype=torch.float64)
    with bpcompare.watch(model) as step:
        each = vmap(lambda one: functional_call(model, dict(model.named_parameters()), (one,)).tanh())
        each(x).square().sum().backward()
    assert step.verdict == "certified", str(step)

"""Gradients between backward and step: judged as what they are, or named; never silently taken for what backward delivered."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.own.judged import judged

torch = pytest.importorskip("torch")
from training import backward, error, named, net, refuted, watched  # noqa: E402 — it needs torch

clip, clip_value = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_
CHANGED = "what stands in .grad was not made from what a watched backward delivered to it, as far as anybody saw"


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)


def each(model, f):
    for p in model.parameters():
        f(p)


def assigned(p):
    p.grad = p.grad / 4


def decayed(p):
    p.grad.add_(p.detach(), alpha=0.1)


def scaled_through_numpy(p):
    p.grad.numpy()[...] *= 2


def replaced(p):
    p.grad = torch.ones_like(p)


def copied_from_numpy(p):
    p.grad.copy_(torch.from_numpy(2 * p.grad.numpy()))


JUDGED = {
    "norm 2, foreach": lambda m: clip(m.parameters(), 0.1, foreach=True),
    "norm 2, loop": lambda m: clip(m.parameters(), 0.1, foreach=False),
    "norm 1": lambda m: clip(m.parameters(), 0.1, norm_type=1, error_if_nonfinite=True),
    "norm inf": lambda m: clip(m.parameters(), 0.1, norm_type=float("inf"), foreach=False),
    "too short to clip": lambda m: clip(m.parameters(), 100.0),
    "value, foreach": lambda m: clip_value(m.parameters(), 0.01, foreach=True),
    "value, loop": lambda m: clip_value(m.parameters(), 0.01, foreach=False),
    "in place": lambda m: each(m, lambda p: p.grad.mul_(0.5)),
    "assigned": lambda m: each(m, assigned),
    "data": lambda m: each(m, lambda p: p.grad.data.div_(3.0)),
    "a view": lambda m: each(m, lambda p: p.grad.view(-1).mul_(0.5)),
    "a part": lambda m: each(m, lambda p: p.grad.view(-1)[:2].mul_(0.5)),
    "detached": lambda m: each(m, lambda p: p.grad.detach().mul_(0.5)),
    "a list": lambda m: torch._foreach_mul_([p.grad for p in m.parameters()], 0.5),
    "decay by hand": lambda m: each(m, decayed),
}


@pytest.mark.parametrize("how", JUDGED)
def test_what_torch_does_to_gradients_is_judged(how):
    """Clipping or scaling hides what it does, or is called wrong."""
    model = net()
    step = watched(model, sgd(model), JUDGED[how])
    assert step.verdict == "certified", str(step)
    recording = step.watched.recordings[1]
    assert recording.title == "gradients after backward"
    for path in recording.recorded:
        off = replace(recording, recorded={**recording.recorded, path: np.asarray(recording.recorded[path]) * (1 + 1e-3) + 1e-6})
        assert path in {claim.path for claim, _ in judged(off).refuted}, path


LISTS = ["clamp_max", "clamp_min", "div", "maximum", "minimum", "mul", "sub", "add", "addcmul", "addcdiv", "lerp"]


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_judged_member_by_member(name):
    """An argument of a function over lists has another name than the law of the function asks for."""
    function = getattr(torch, f"_foreach_{name}_")

    def between(model):
        gradients = [p.grad for p in model.parameters()]
        others = [torch.full_like(g, 0.3) for g in gradients]
        if name == "lerp":
            function(gradients, others, 0.25)
        elif name.startswith("addc"):
            function(gradients, others, others, 0.5)
            function(gradients, others, others, [0.5] * len(gradients))
        else:
            function(gradients, 0.5)
            function(gradients, others)
            function(gradients, [0.7] * len(gradients))

    model = net()
    step = watched(model, sgd(model), between)
    assert step.verdict == "certified", str(step)


UNSEEN = {
    "through NumPy": scaled_through_numpy,
    "replaced": replaced,
    "copied from NumPy": copied_from_numpy,
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_nobody_saw_is_named(how):
    """The optimizer used another gradient than the one that was examined, and the verdict says certified."""
    model = net()
    step = watched(model, sgd(model), lambda m: UNSEEN[how](m[2].bias))
    assert not step.refuted, str(step)
    assert named(step) == [f"the gradient of 2.bias: {CHANGED}"]


@pytest.mark.parametrize("to_none", [True, False])
def test_micro_batches_are_added_up(to_none):
    """Accumulation over several backward passes is called wrong, or its sum is not examined."""
    model = net()
    optimizer = sgd(model)
    with bpcompare.watch(model) as step:
        for _ in range(2):
            optimizer.zero_grad(set_to_none=to_none)
            for seed in range(3):
                (error(model, seed) / 3).backward()
            optimizer.step()
    assert step.verdict == "certified", str(step)
    sums = [one for one in step.watched.recordings if one.title == "gradients before step 2"]
    assert [len([s for s in one.program.steps if s.op.function == "add"]) for one in sums] == [8 if to_none else 12]


def test_several_passes_on_one_graph():
    """A graph that is run again delivers again."""
    model = net()
    optimizer = sgd(model)
    with bpcompare.watch(model) as step:
        value = error(model)
        value.backward(retain_graph=True)
        (3 * value).backward(retain_graph=True)
        value.backward()
        optimizer.step()
    assert step.verdict == "certified", str(step)


def test_what_stood_there_before_is_named():
    """A gradient from before the watch is part of the step, and nobody has examined it."""
    for value, words in (
        (0.0, []),
        (1.0, ["the gradient of 0.bias: it held numbers before anybody watched, to which this backward added"]),
    ):
        model = net()
        model[0].bias.grad = torch.full_like(model[0].bias, value)
        optimizer = sgd(model)
        with bpcompare.watch(model) as step:
            backward(model)
            optimizer.step()
        assert named(step) == words
        assert not step.refuted


def test_a_gradient_that_no_backward_delivered_is_named():
    """A frozen layer whose gradient was never cleared is moved by the optimizer."""
    model = net()
    optimizer = sgd(model)
    backward(model)
    model[0].requires_grad_(False)
    each(model[2], lambda p: setattr(p, "grad", None))
    with bpcompare.watch(model) as step:
        backward(model)
        optimizer.step()
    assert named(step) == [f"the gradient of 0.weight, 0.bias: {CHANGED}"]


# hooks


def halved(g):
    return g * 0.5


def halved_in_place(g):
    g.mul_(0.5)


@pytest.mark.parametrize("hook", [halved, halved_in_place])
@pytest.mark.parametrize("late", [False, True])
def test_a_hook_that_changes_a_gradient_is_named(hook, late):
    """What goes on to the optimizer is not the derivative, and the verdict says certified; or backward is called wrong for it."""
    model = net()
    optimizer = sgd(model)
    if not late:
        model[0].weight.register_hook(hook)
    with bpcompare.watch(model) as step:
        value = error(model)
        if late:
            model[0].weight.register_hook(hook)
        value.backward()
        optimizer.step()
    (found,) = step.unexamined
    assert found.what == "the gradient of 0.weight"
    assert "a hook changes it" in found.why
    assert found.by == (hook.__name__, "hook")
    assert not step.refuted
    assert step.verdict == "certified in part"


def test_a_hook_that_only_looks_changes_nothing():
    """Whoever logs the norms of gradients loses the verdict."""
    model = net()
    norms = []
    model[0].weight.register_hook(lambda g: norms.append(float(g.norm())))
    model[0].bias.register_hook(lambda g: g.clone())
    assert watched(model, sgd(model), steps=2).verdict == "certified"
    assert len(norms) == 2


def scaled_after(p):
    p.grad.mul_(0.5)


def assigned_after(p):
    p.grad = p.grad * 0.5


@pytest.mark.parametrize("hook", [scaled_after, assigned_after])
def test_a_hook_after_accumulation_is_judged(hook):
    """What a hook does to .grad is taken for a mistake of backward, or not seen at all."""
    model = net()
    model[2].weight.register_post_accumulate_grad_hook(hook)
    step = watched(model, sgd(model), steps=2)
    assert step.verdict == "certified", str(step)
    titles = [one.title for one in step.watched.recordings]
    assert titles[2:] == ["gradients before step 1", "SGD.step 1", "gradients before step 2", "SGD.step 2"]


def test_a_step_inside_of_backward_is_judged():
    """An optimizer for each parameter, called by its hook, is not seen."""
    model = net()
    optimizers = {p: torch.optim.Adam([p]) for p in model.parameters()}

    def stepped(p):
        optimizers[p].step()
        optimizers[p].zero_grad()

    each(model, lambda p: p.register_post_accumulate_grad_hook(stepped))
    with bpcompare.watch(model) as step:
        backward(model)
        backward(model, 2)
    assert step.verdict == "certified", str(step)
    assert len([claim for _, claim, _ in step.findings if claim.statement == "update"]) == 8


def test_gradients_that_are_asked_for_are_followed():
    """torch.autograd.grad leaves nothing in .grad, and what is put there by hand is not known."""
    model = net()
    optimizer = sgd(model)
    with bpcompare.watch(model) as step:
        for factor in (1.0, 0.5):
            gradients = torch.autograd.grad(error(model), list(model.parameters()))
            for p, g in zip(model.parameters(), gradients, strict=True):
                p.grad = g if factor == 1.0 else g * factor
            optimizer.step()
    assert step.verdict == "certified", str(step)


# loss scaling


def scaled(model, optimizer, steps=2, *, unscale=False, broken=False):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
    with bpcompare.watch(model) as step:
        for seed in range(steps):
            optimizer.zero_grad()
            value = error(model, seed)
            scaler.scale(value * float("inf") if broken and not seed else value).backward()
            if unscale:
                scaler.unscale_(optimizer)
                clip(model.parameters(), 0.1)
            scaler.step(optimizer)
            scaler.update()
    return step.step


@pytest.mark.parametrize("unscale", [False, True])
def test_scaled_losses_are_judged(unscale):
    """Gradients under a loss scale are called wrong, or what unscales them is not examined."""
    model = net()
    step = scaled(model, torch.optim.AdamW(model.parameters()), 4, unscale=unscale)
    assert step.verdict == "certified", str(step)
    functions = {s.op.function for one in step.watched.recordings for s in one.program.steps if hasattr(s.op, "function")}
    assert {"_amp_foreach_non_finite_check_and_unscale", "_amp_update_scale"} <= functions


def test_a_step_that_the_scaler_skips_is_no_step():
    """A skipped step is judged as one that forgot to move."""
    model = net()
    step = scaled(model, torch.optim.AdamW(model.parameters()), 3, broken=True)
    assert not step.refuted
    assert [one.title for one in step.watched.recordings if "AdamW" in one.title] == ["AdamW.step 1", "AdamW.step 2"]


def test_a_fused_step_that_unscales_is_named():
    """A fused step multiplies gradients inside, where nobody sees it."""
    model = net()
    step = scaled(model, torch.optim.AdamW(model.parameters(), fused=True), 1)
    assert not step.refuted
    assert [one for one in named(step) if "unscales gradients itself" in one and "0.weight" in one]
    model = net()
    assert scaled(model, torch.optim.AdamW(model.parameters(), fused=True), unscale=True).verdict == "certified"


# without an optimizer


def down(p):
    p.sub_(p.grad, alpha=0.1)


def down_as_data(p):
    p.data = p.data - 0.1 * p.grad


@pytest.mark.parametrize("how", [down, down_as_data])
def test_an_update_by_hand_is_judged(how):
    """A loop that needs no optimizer moves its parameters unexamined."""
    model = net()
    with bpcompare.watch(model) as step:
        for seed in range(2):
            model.zero_grad()
            backward(model, seed)
            with torch.no_grad():
                each(model, how)
    assert step.verdict == "certified", str(step)
    (recording,) = [one for one in step.watched.recordings if one.title == "updates by hand"]
    path = list(recording.recorded)[-1]
    off = replace(recording, recorded={**recording.recorded, path: recording.recorded[path] * (1 + 1e-3)})
    assert path in {claim.path for claim, _ in judged(off).refuted}


def test_averages_and_schedules_are_nobody_s_business():
    """Whoever keeps an average of the weights loses the verdict."""
    model, average = net(), net()
    optimizer = sgd(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with bpcompare.watch(model) as step:
        for seed in range(2):
            optimizer.zero_grad()
            backward(model, seed)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for p, q in zip(model.parameters(), average.parameters(), strict=True):
                    q.mul_(0.9).add_(p, alpha=0.1)
    assert step.verdict == "certified", str(step)


def test_a_parameter_that_changes_between_its_uses_is_named():
    """One gradient arrives for two values of a parameter, and the derivative for either of them is called wrong."""
    model = net()
    with bpcompare.watch(model) as step:
        first = error(model)
        model[0].weight.data.mul_(2)
        (first + error(model)).backward()
    assert not refuted(step)
    assert [one for one in named(step) if one.startswith("the gradient of 0.weight: it was changed, or frozen")]


def test_bits_are_the_same_without_a_watch():
    """Watching changes what it watches."""
    results = []
    for watching in (False, True):
        model = net()
        model[0].weight.register_hook(halved)
        model[2].weight.register_post_accumulate_grad_hook(scaled_after)
        optimizer = torch.optim.NAdam(model.parameters())
        with bpcompare.watch(model) if watching else torch.enable_grad():
            for seed in range(3):
                optimizer.zero_grad()
                backward(model, seed)
                clip(model.parameters(), 0.1)
                optimizer.step()
        results.append([p.detach().clone() for p in model.parameters()])
        assert len(model[0].weight._backward_hooks) == 1
        assert len(model[2].weight._post_accumulate_grad_hooks) == 1
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))

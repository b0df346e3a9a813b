"""Copies of parameters that an optimizer moves in their stead: in float32 for weights of 16 bits, or all in one vector."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn, optim  # noqa: E402


def net(dtype=torch.bfloat16):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)).to(dtype)


def backward(model, scale=1.0):
    torch.manual_seed(1)
    x = torch.randn(6, 4).to(model[0].weight.dtype)
    (nn.functional.cross_entropy(model(x).float(), torch.arange(6) % 4) * scale).backward()


def masters(make=optim.AdamW, *, dtype=torch.bfloat16, scale=1.0, graded=None, back=None, begun=None, clipped=False, steps=2):
    """Steps in which copies in float32 are what is moved."""
    model = net(dtype)
    own = list(model.parameters())
    wide = [nn.Parameter(p.detach().float().clone()) for p in own]
    if begun:
        begun(wide)
    optimizer = make(wide, lr=0.01)
    with bpcompare.watch(model) as step:
        for _ in range(steps):
            model.zero_grad()
            backward(model, scale)
            for p, q in zip(own, wide, strict=True):
                q.grad = p.grad.float() / scale
            if graded:
                graded(own, wide)
            if clipped:
                nn.utils.clip_grad_norm_(wide, 0.1)
            optimizer.step()
            with torch.no_grad():
                (back or brought_back)(own, wide)
    return step


def brought_back(own, wide):
    for p, q in zip(own, wide, strict=True):
        p.copy_(q)


def by_data(own, wide):
    for p, q in zip(own, wide, strict=True):
        p.data = q.data.to(p.dtype)


def said(step):
    return "; ".join(f"{one.what}: {one.why}" for one in step.unexamined)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": torch.float16, "scale": 128.0, "clipped": True, "back": by_data},
        {"make": lambda wide, lr: optim.SGD(wide, lr, momentum=0.9), "back": torch._foreach_copy_},
    ],
    ids=["bfloat16", "float16", "momentum"],
)
def test_a_copy_in_float32_is_judged_whole(options):
    """Who trains in 16 bits with master weights would be told for ever that two parameters may have been swapped."""
    step = masters(**options)
    assert step.verdict == "certified", str(step)
    assert "copies an optimizer moves copies of parameters:" in " ".join(str(step).split())


def swapped(own, wide):
    wide[0].grad, wide[2].grad = own[2].grad.float(), own[0].grad.float()


def turned(own, wide):
    wide[0].grad = own[0].grad.float().t().contiguous()


def uphill(own, wide):
    wide[0].grad = -own[0].grad.float()


def crossed(own, wide):
    brought_back(own, wide)
    own[0].copy_(wide[2])


def forgotten(own, wide):
    brought_back(own[1:], wide[1:])


def partly(own, wide):
    brought_back(own[1:], wide[1:])
    own[0][:2].copy_(wide[0][:2])


def apart(wide):
    with torch.no_grad():
        wide[0].add_(0.5)


OTHERS = "made from the gradients of other parameters"
STALE = "0.weight: an optimizer moved its copy AdamW.group0_0, but at the end it is not that"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"graded": swapped}, OTHERS),
        ({"graded": turned}, OTHERS),
        ({"graded": uphill}, OTHERS),
        ({"begun": apart}, OTHERS),
        ({"back": crossed}, "the update of 0.weight: it was made from gradients of other parameters alone"),
        ({"back": forgotten}, STALE),
        ({"back": partly, "steps": 1}, STALE),
    ],
    ids=["swapped", "turned", "uphill", "apart", "crossed", "forgotten", "partly"],
)
def test_what_is_no_copy_is_named(options, words):
    """A mistake in the hand-written half of a mixed-precision trainer would be certified."""
    step = masters(**options)
    assert step.verdict == "certified in part", str(step)
    assert words in said(step)


def vector(model, *, shared, order=1, steps=2, back=1):
    """Steps of one vector of all parameters, whose memory they share or not; gradients, and what is brought back, in an order."""
    own = list(model.parameters())
    flat = nn.Parameter(torch.cat([p.detach().float().flatten() for p in own]))
    parts = flat.detach().split([p.numel() for p in own])
    if shared:
        for p, part in zip(own, parts, strict=True):
            p.data = part.view_as(p)
    optimizer = optim.Adam([flat], 0.01)
    with bpcompare.watch(model) as step:
        for _ in range(steps):
            model.zero_grad()
            backward(model)
            flat.grad = torch.cat([p.grad.float().flatten() for p in own[::order]])
            optimizer.step()
            with torch.no_grad():
                for p, part in zip(own[::back], flat.split([p.numel() for p in own[::back]]), strict=True):
                    if not shared:
                        p.copy_(part.view_as(p))
    return step


@pytest.mark.parametrize("shared", [False, True])
def test_one_vector_of_all_parameters_is_judged_whole(shared):
    """Whoever flattens parameters would be told that they changed in a way that nobody saw."""
    step = vector(net(torch.float32 if shared else torch.bfloat16), shared=shared)
    assert step.verdict == "certified", str(step)


def test_a_vector_in_another_order_is_named():
    """Gradients that go to other parameters would be certified."""
    step = vector(net(), shared=False, order=-1)
    assert step.verdict == "certified in part"
    assert OTHERS in said(step)


def test_a_vector_that_is_brought_back_in_another_order_is_named():
    """Each parameter would be certified with the numbers of another one."""
    step = vector(net(), shared=False, steps=1, back=-1)
    assert step.verdict == "certified in part", str(step)
    assert "an optimizer moved its copy" in said(step)


def test_updates_by_hand_of_parameters_in_one_memory():
    """An update of one would be told as that of its neighbour, and be called a mistake."""
    model = net(torch.float32)
    own = list(model.parameters())
    flat = torch.cat([p.detach().flatten() for p in own])
    for p, part in zip(own, flat.split([p.numel() for p in own]), strict=True):
        p.data = part.view_as(p)
    with bpcompare.watch(model) as step:
        for _ in range(2):
            model.zero_grad()
            backward(model)
            with torch.no_grad():
                for p in own:
                    p.sub_(p.grad, alpha=0.1)
                flat.mul_(0.99)
    assert "one write moves several parameters" in said(step)  # the last one
    assert len(step.unexamined) == 1, str(step)


class Rounding(optim.Optimizer):
    """Momentum that is kept in eight bits; the gradient only where it is large."""

    def __init__(self, parameters):
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            state = self.state[p]
            if not state:
                state["q"], state["scale"] = torch.zeros_like(p, dtype=torch.int8), torch.ones(())
            m = 0.9 * state["q"].float() * state["scale"] / 127 + torch.where(p.grad.abs() > 1e-3, p.grad, 0.0)
            state["scale"] = m.abs().max().clamp_min(1e-12)
            state["q"] = (m / state["scale"] * 127).round().to(torch.int8)
            p.add_(m, alpha=-0.1)


def test_a_state_of_eight_bits_is_named():
    """A quantised optimizer would end in an error of ours; or its integers would be certified, of which no law speaks."""
    model = net(torch.float32)
    optimizer = Rounding(model.parameters())
    with bpcompare.watch(model) as step:
        for _ in range(2):
            model.zero_grad()
            backward(model)
            optimizer.step()
    assert step.verdict == "certified in part", str(step)
    assert "integers that _to_copy makes" in said(step)


def test_a_gradient_that_a_comparison_chooses_is_judged():
    """Adaptive clipping would be told to write a law for a comparison, which every forward may make."""
    model = net(torch.float32)
    optimizer = optim.SGD(model.parameters(), 0.1)
    with bpcompare.watch(model) as step:
        backward(model)
        for p in model.parameters():
            most = 0.1 * p.detach().norm().clamp_min(1e-3)
            p.grad.copy_(torch.where(p.grad.norm() > most, p.grad * (most / p.grad.norm()), p.grad))
        optimizer.step()
    assert step.verdict == "certified", str(step)


def in_one_buffer(model):
    """One buffer whose parts are the gradients of all parameters, as distributed training keeps them."""
    buffer = torch.zeros(sum(p.numel() for p in model.parameters()))
    parts = buffer.split([p.numel() for p in model.parameters()])
    for p, part in zip(model.parameters(), parts, strict=True):
        p.grad = part.view_as(p)
    return buffer


@pytest.mark.parametrize("planted", [False, True])
def test_gradients_that_are_parts_of_one_buffer_are_told_apart(planted):
    """If this fails, gradients in one memory are named as of nobody, or a write of bytes into one of them is not seen."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    buffer = in_one_buffer(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bpcompare.watch(model, optimizer) as step:
        optimizer.zero_grad(set_to_none=False)
        for number in range(2):
            (model(torch.randn(5, 3) + number).square().mean() / 2).backward()
        if planted:
            buffer.view(torch.uint8)[12:16].zero_()  # of 0.weight; counted in floats it were of 0.bias
        else:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
    assert step.verdict == ("certified in part" if planted else "certified"), str(step)
    assert planted == any("the gradient of 0.weight" in one.what for one in step.unexamined), str(step)

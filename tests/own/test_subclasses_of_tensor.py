"""Tensors of a class of somebody's own: torch turns each plain result into one of them where no mode sees it."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn, optim  # noqa: E402


class Marked(torch.Tensor):
    """A tensor that says what it holds, as libraries for pictures and units have them."""


class Untouched(torch.Tensor):
    """One whose functions are run by its own code."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {})


class Twice(torch.autograd.Function):
    """2 x, whose backward is what the test asks for."""

    factor = 2.0

    @staticmethod
    def forward(ctx, x):
        return 2.0 * x

    @staticmethod
    def backward(ctx, dy):
        return Twice.factor * dy


def watched(through, kind=Marked, parameters=None):
    """A step of a small net, of whose input a class is made."""
    torch.manual_seed(1)
    model = nn.Linear(4, 3)
    if parameters is not None:
        model.weight = nn.Parameter(model.weight.detach().as_subclass(parameters))
    optimizer = optim.Adam(model.parameters())
    x = torch.randn(5, 4).as_subclass(kind)
    with bpcompare.watch(model, optimizer) as step:
        through(model(x)).square().mean().backward()
        optimizer.step()
    return step


def written(h):
    """Writes into the tensor itself and into a view of it."""
    h = h * 1.0
    h.mul_(0.5)
    h[:, 0].sin_()
    return h


WAYS = {
    "as it is": lambda h: h,
    "views": lambda h: h.t().reshape(-1)[2:].view(-1),
    "written into": written,
    "mixed": lambda h: h.as_subclass(torch.Tensor) + torch.cat([h, torch.ones(5, 1)], 1)[:, 1:],
    "cut": lambda h: h * h.detach() + h.exp(),
    "custom": Twice.apply,
    "made within": lambda h: h.tanh().as_subclass(Untouched).cos(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_class_of_tensors_is_followed(way):
    """Otherwise nothing is proved of code whose data come as tensors of a library's own class."""
    step = watched(WAYS[way])
    assert (step.verdict, step.unexamined) == ("certified", ()), str(step)


@pytest.mark.parametrize("parameters", [Marked, Untouched])
def test_parameters_may_be_of_a_class_too(parameters):
    """Otherwise quantized or tagged parameters would be called unexamined, though torch computes with them as with any."""
    step = watched(torch.tanh, kind=torch.Tensor, parameters=parameters)
    assert (step.verdict, step.unexamined) == ("certified", ())


def test_a_wrong_backward_among_them_is_caught(monkeypatch):
    """Otherwise the alias that torch makes of a result would hide the function that made it."""
    monkeypatch.setattr(Twice, "factor", 2.02)
    step = watched(Twice.apply)
    assert step.verdict == "wrong"
    assert "Twice" in str(step)
    assert len(step.refuted) == 1


def test_an_alias_that_was_written_into_past_autograd_is_not_taken_for_its_source():
    """Otherwise code that shifts a value behind autograd's back would be accused of a wrong function before it."""

    def through(h):
        plain = 2.0 * h  # whose backward reads nothing that is changed here
        marked = plain.as_subclass(Marked)
        plain.detach().numpy()[0] += 1.0
        return marked.exp()

    step = watched(through, kind=torch.Tensor)
    assert step.verdict == "certified in part"
    assert "written into" in str(step)

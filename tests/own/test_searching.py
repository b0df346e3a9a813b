"""Custom functions whose backward often is meant to be no derivative: searches, steps, reversals. They are told how to say so."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


class Root(torch.autograd.Function):
    """y with y³ + y = x, by halving intervals; its derivative is that of the root."""

    halvings = 20

    @classmethod
    def forward(cls, ctx, x):
        low, high = -x.abs() - 1, x.abs() + 1
        for _ in range(cls.halvings):
            y = (low + high) / 2
            above = y**3 + y > x
            low, high = torch.where(above, low, y), torch.where(above, y, high)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g / (3 * y**2 + 1)


class Quick(Root):
    """The same, with too few steps to be called a search."""

    halvings = 2


class Searching(nn.Module):
    """A layer, and the roots of what it gives."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(3, 4), function

    def forward(self, x):
        return self.function.apply(self.layer(x))


def said(function, **intended):
    torch.manual_seed(0)
    return bpcompare.check(Searching(function), torch.randn(5, 3), loss=lambda y: y.square().mean(), as_is=True, **intended)


def test_what_to_say_where_it_is_meant():
    """Somebody whose backward is right for the root would be called wrong, and not told how to say what it is."""
    found = said(Root)
    assert found.verdict == "wrong"
    assert 'intended=("Root",)' in " ".join(str(found).split())
    assert said(Root, intended=("Root",)).verdict == "certified"


def test_a_few_choices_are_no_search():
    """Whoever compares twice would be told that a wrong backward may be meant."""
    found = said(Quick)
    assert found.verdict == "wrong"
    assert "intended=" not in str(found)


class Step(torch.autograd.Function):
    """Numbers cut to eighths; the gradient goes straight through."""

    @staticmethod
    def forward(ctx, x):
        return (x * 8).round() / 8

    @staticmethod
    def backward(ctx, g):
        return g


class Reversal(torch.autograd.Function):
    """What it is given; the gradient is turned round."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -g


class Doubled(torch.autograd.Function):
    """A forward that says what its derivative is, and a backward that is wrong."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g


class Over(torch.autograd.Function):
    """Written into memory behind autograd's back, as a solver of differential equations does it."""

    @staticmethod
    def forward(ctx, x):
        x.data[0] = 1.0
        return x

    @staticmethod
    def backward(ctx, g):
        return g


class Spike(torch.autograd.Function):
    """A neuron that fires beyond a threshold: a comparison alone, with the derivative of something smooth."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, 1.0, 0.0) * 2.0

    @staticmethod
    def backward(ctx, g):
        return g / (1 + ctx.saved_tensors[0].square())


class Narrow(Spike):
    """Numbers that are rounded to integers inside."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (10 * x).to(torch.int8).float()


MEANT = [
    (Step, "straight-through"),
    (Spike, "straight-through"),
    (Reversal, "to turn or to scale"),
    (Over, "what stood there before"),
    (Doubled, ""),
]


@pytest.mark.parametrize(("function", "words"), MEANT)
def test_whoever_may_mean_it_is_told_how_to_say_so(function, words):
    """A straight-through estimate would be called wrong for ever; or every mistake would come with an excuse."""
    report = " ".join(str(said(function)).split())
    assert report.startswith("wrong")
    assert words in report
    assert (f'intended=("{function.__name__}",) says so' in report) == bool(words)


def test_a_spike_is_certified_where_it_is_meant():
    """If this fails, no spiking net can be certified, or a forward that goes through integers counts as examined."""
    assert said(Spike, intended=("Spike",)).verdict == "certified"
    narrow = said(Narrow, intended=("Narrow",))
    assert narrow.verdict == "certified in part"
    assert [one for run in narrow.runs for one in run.unexamined if one.what == "Narrow.forward"]

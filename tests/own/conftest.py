"""Training steps as people write them, with a custom function whose backward is right or wrong."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


class Swish(torch.autograd.Function):
    """x σ(1.702 x), with its derivative."""

    factor = 1.702

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(1.702 * x)

    @classmethod
    def backward(cls, ctx, g):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(1.702 * x)
        return g * (s + cls.factor * x * s * (1 - s))


class Forgetful(Swish):
    """Forgets the factor of the chain rule."""

    factor = 1.0


class Turned(Swish):
    """With the wrong sign."""

    @staticmethod
    def backward(ctx, g):
        return -Swish.backward(ctx, g)


class Activation(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function.apply(x)


class Block(nn.Module):
    def __init__(self, units, act):
        super().__init__()
        self.dense = nn.Linear(units, units)
        self.act = act

    def forward(self, x):
        return x + self.act(self.dense(x))


def net(choose=None, blocks=1, units=4):
    """A small net of blocks; `choose`: a custom function for all of them, or for each by its number; None: gelu."""
    torch.manual_seed(0)

    def act(number):
        function = choose if choose is None or isinstance(choose, type) else choose(number)
        return nn.GELU() if function is None else Activation(function)

    return nn.Sequential(nn.Sequential(*(Block(units, act(number)) for number in range(blocks))), nn.Linear(units, 3))


def one_step(model, **options):
    """One step of SGD, watched."""
    torch.manual_seed(1)
    x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    with bpcompare.watch(model, optimizer, **options) as step:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return step


@pytest.fixture
def model():
    """model(Swish, blocks=2)."""
    return net


@pytest.fixture
def watched():
    """watched(model): one step of it."""
    return one_step


@pytest.fixture(scope="session")
def steps():
    """steps(Swish, 12): one step of such a net."""
    return lambda choose, blocks: one_step(net(choose, blocks))


@pytest.fixture(scope="session")
def own():
    """The custom functions above, by name."""
    return SimpleNamespace(Swish=Swish, Forgetful=Forgetful, Turned=Turned, Activation=Activation)

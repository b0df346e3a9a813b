"""What slip it is: a custom backward inside a model, wrong in one way that people write, and in none that anybody knows."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.wrong import wrongs  # noqa: E402
from own_slips import HONEST, SLIPS, swish, swish_back  # noqa: E402


class Net(nn.Module):
    """A layer, a custom function, and a layer."""

    def __init__(self, forward, backward, parameters):
        super().__init__()

        class Own(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *inputs):
                y, ctx.kept = forward(*inputs)
                ctx.inputs = inputs
                return y

            @staticmethod
            def backward(ctx, dy):
                return backward(dy, ctx.inputs, ctx.kept)

        torch.manual_seed(1)
        self.own, self.names = Own, parameters
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.w, self.v = nn.Parameter(torch.rand(8) + 0.5), nn.Parameter(torch.randn(8))
        self.u = nn.Parameter(torch.randn(8, 8) / 2)
        self.double()

    def forward(self, x):
        return self.last(self.own.apply(self.first(x), *(getattr(self, name) for name in self.names)))


def watched(forward, backward, parameters=()):
    model = Net(forward, backward, parameters)
    with bpcompare.watch(model) as step:
        model(torch.randn(5, 6, dtype=torch.float64)).square().mean().backward()
    return step


@pytest.mark.parametrize(("forward", "backward", "parameters"), HONEST.values(), ids=HONEST)
def test_right_ones_have_none(forward, backward, parameters):
    """The slips below would be looked for in code that has none."""
    assert watched(forward, backward, parameters).verdict == "certified"


@pytest.mark.parametrize("case", SLIPS.values(), ids=SLIPS)
def test_the_slip_is_named(case):
    """A person would be shown where and how much, and would look for days for what it is."""
    forward, backward, parameters, *words = case
    found = wrongs(watched(forward, backward, parameters))
    assert found
    assert all(wrong.culprit == "Own.backward" for wrong in found)
    for wrong in found:
        assert all(word in wrong.cause for word in words), wrong.cause


@pytest.mark.parametrize(
    "factor",
    [
        pytest.param(1 + 0.5 * (torch.arange(40).reshape(5, 8) == 11), id="one element"),
        pytest.param(1 + 1e-7 * (torch.arange(40).reshape(5, 8) == 11), id="one element, as little as float32 rounds"),
        pytest.param(torch.linspace(1.001, 1.02, 40).reshape(5, 8), id="as much as bfloat16 rounds"),
        pytest.param(torch.linspace(1.1, 1.9, 40, dtype=torch.float64).reshape(5, 8), id="another factor each"),
    ],
)
def test_no_slip_is_made_up(factor):
    """A cause would be told that is none: its author would change what is right."""
    (wrong,) = wrongs(watched(swish, lambda dy, inputs, s: factor * swish_back(dy, inputs, s)))
    assert wrong.cause == ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_lost_digits(dtype):
    """A person would look for a wrong formula, where the right one was rounded."""
    (wrong,) = wrongs(watched(swish, lambda dy, inputs, s: swish_back(dy, inputs, s).to(dtype).double()))
    assert f"right to the digits of {dtype}".replace("torch.", "") in wrong.cause


def test_two_formulas_that_give_the_same():
    """One would be told for sure, though another explains the numbers as well."""

    def capped(x):
        y = torch.tanh(x / 3.0)
        return 3.0 * y, y

    (wrong,) = wrongs(watched(capped, lambda dy, inputs, y: 3.0 * dy * (1 - y * y)))
    assert wrong.cause.startswith("one of these: as if the derivative of `mul`")
    assert "; or as if the derivative of `div`" in wrong.cause


def test_the_cause_is_read_in_the_report():
    """It would be known, and nobody told."""
    said = " ".join(str(watched(swish, lambda dy, inputs, s: dy * (s + inputs[0] * s))).split())
    assert "cause as if the derivative of `sigmoid`" in said


def test_the_slip_of_a_rule_of_jax():
    """Inside of a custom rule JAX shows no numbers: they are worked out, or every slip there would be unknown."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    @jax.custom_vjp
    def swish(x):
        return x * jax.nn.sigmoid(x)

    def back(x, dy):
        s = jax.nn.sigmoid(x)
        return (dy * (s + x * s),)

    swish.defvjp(lambda x: (swish(x), x), back)
    w, x = jnp.array([[0.3, -0.2, 0.1], [0.5, 0.4, -0.7]]), jnp.array([[1.0, 2.0], [3.0, -1.0]])
    checked = bpcompare.check(lambda w, x: jnp.mean(swish(x @ w) ** 2), w, x)
    (wrong,) = wrongs(checked.runs[0])
    assert "as if the derivative of `logistic`" in wrong.cause
    assert "were y, with y its result: it is y(1 − y)" in wrong.cause

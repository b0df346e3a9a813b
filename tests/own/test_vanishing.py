"""What a wide ball hides is no zero: a long loop inside of a custom function, and true zeros behind one."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        e = (x - x.amax(-1, keepdim=True)).exp()
        y = e / e.sum(-1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return y * (g - (g * y).sum(-1, keepdim=True))


@pytest.fixture
def checked():
    """Newton's cube root of a + (b − b): its backward gives `factor` times the gradient of a, and `of_b` times it for b."""
    jax = pytest.importorskip("jax")

    def check(factor, of_b):
        @jax.custom_vjp
        def root(a, b):
            return jax.lax.fori_loop(0, 30, lambda _, x: x - (x**3 - (a + (b - b))) / (3 * x**2), jax.numpy.ones_like(a))

        def back(x, g):
            g = g / (3 * x**2)
            return factor * g, of_b * g

        root.defvjp(lambda a, b: (root(a, b),) * 2, back)
        params = {"a": jax.numpy.array([2.0, 3.0]), "b": jax.numpy.array([0.5, 1.0])}
        return bpcompare.check(lambda p: (root(p["a"], p["b"]) ** 2).mean(), params)

    return check


@pytest.mark.sampled(2)
@pytest.mark.parametrize("factor", [1.0, 1.3])
def test_a_number_that_its_ball_hides_is_no_zero(checked, factor):
    """A gradient 30 % off would be certified as "0 up to rounding", for the terms of a long loop grow faster than its radius."""
    found = checked(factor, 0.0)
    assert [run.verdict for run in found.runs] == ["undecided", "undecided"], str(found)
    hidden = {claim.path for _, claim, finding in found.runs[0].findings if finding.outcome == "undecided"}
    assert hidden == {"a.gradient"}


def test_what_was_recorded_of_a_zero_must_be_one(checked):
    """A gradient that ought to be 0, and is not, would be certified as rounding where the ball is wide."""
    hidden = {claim.path for _, claim, finding in checked(1.0, 0.3).runs[0].findings if finding.outcome == "undecided"}
    assert hidden == {"a.gradient", "b.gradient"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_true_zero_behind_a_custom_function_is_one(dtype):
    """What a softmax takes away, the gradient of a shift, would make every such model undecided."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 5, dtype=dtype))
    shift = nn.Parameter(torch.randn((), dtype=dtype))
    y = torch.randn(16, 5, dtype=dtype)
    with bpcompare.watch(nn.ParameterList([weight, shift])) as step:
        (Softmax.apply(torch.randn(16, 4, dtype=dtype) @ weight + shift) * y).sum().backward()
    assert step.verdict == "certified", str(step)
    assert [claim.path for _, claim, finding in step.zeros if finding.terms] == ["1.gradient"]

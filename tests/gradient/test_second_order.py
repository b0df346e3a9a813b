"""The gradient differentiated again: in balls by the traced forward, and by differences where laws do not reach."""

import numpy as np
import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")
functional = torch.nn.functional
R = np.random.default_rng(5)
X = torch.tensor(R.standard_normal((4, 3)))
W = torch.tensor(R.standard_normal((3, 2)))


class Slope(torch.autograd.Function):
    """The gradient of x³ by hand, with a derivative of its own."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x, dy):
        ctx.save_for_backward(x, dy)
        return 3 * x**2 * dy

    @staticmethod
    def backward(ctx, d):
        x, dy = ctx.saved_tensors
        return 6 * x * dy * d * Slope.factor, 3 * x**2 * d


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return Slope.apply(x, dy)


def second(forward, *inputs):
    (found,) = check_gradient(forward, inputs=inputs, order=2, contracts=("second",)).contracts
    return found


@pytest.mark.parametrize(
    ("forward", "inputs"),
    [
        (lambda x, w: torch.tanh(x @ w), (X, W)),
        (lambda x: torch.softmax(x, -1) * x.exp(), (X,)),
        (lambda x: functional.layer_norm(x, (3,)), (X,)),
        (lambda x: functional.gelu(x) ** 3 / (1 + x * x), (X,)),
        (functional.relu, (X,)),
        (Cube, (X,)),
    ],
)
def test_it_is_held_in_balls(forward, inputs):
    """Otherwise second derivatives that are right rest on differences of differences, or are accused."""
    found = second(forward, *inputs)
    assert (found.outcome, found.said) == ("kept", "in balls, by the traced forward")


def test_a_mistake_that_differences_cannot_see_is_found(monkeypatch):
    """Otherwise a second derivative is certified to six digits, of fifteen."""
    monkeypatch.setattr(Slope, "factor", 1 + 1e-11)
    found = second(Cube, X)
    assert found.outcome == "broken"
    assert found.expected == pytest.approx(found.got, rel=1e-10)


def test_where_no_law_reaches_differences_stand_in():
    """Otherwise a maximum, or a part that nobody can follow, is called undecided, or certified in balls that are none."""
    found = second(lambda x: torch.cat([torch.sort(x, -1)[0] ** 2, x]), X)
    assert found.outcome == "kept"
    found = second(lambda x: torch.maximum(x, x.detach()) * x, X)  # a tie: there is no second derivative
    assert "in balls" not in found.said


def test_torchs_trigamma_has_nine_digits():
    """In float64 torch's trigamma is off by 5e-10 of itself: of what a framework does wrong nobody would learn here."""
    torch.manual_seed(0)
    x = torch.randn(3, 4, dtype=torch.float64)
    assert second(lambda x: torch.lgamma(x.abs() + 1), x).outcome == "broken"
    assert second(lambda x: torch.lgamma(x.abs() + 1), x.float()).outcome == "kept"


def test_jax_by_both_modes():
    """Otherwise forward over reverse is held against nothing."""
    jax = pytest.importorskip("jax")
    found = second(lambda x: jax.numpy.tanh(x) * jax.numpy.exp(x), jax.numpy.asarray(X.numpy().astype("float32")))
    assert (found.outcome, found.said) == ("kept", "in balls, by the traced forward")

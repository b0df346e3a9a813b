"""Forwards of which a part is worked out in a shorter format than their inputs have, and backwards that run that part again."""

import pytest

torch = pytest.importorskip("torch")

from bpcompare import check_gradient  # noqa: E402


def normalized(short):
    """RMSNorm with an island of another format, and a backward that runs it again by another formula."""

    def forward(x, w):
        x_ = x.to(short)
        return (x_ * torch.rsqrt((x_**2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * w

    def backward(x, w, dy):
        x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
        x_ = x.to(short)
        scale = torch.exp(-0.5 * torch.log((x_ * x_).sum(-1, keepdim=True) / x.shape[-1] + 1e-6))
        return torch.autograd.grad((x_ * scale).to(x.dtype) * w, (x, w), dy)

    return forward, backward


def inputs(dtype):
    """A batch, and a weight."""
    torch.manual_seed(0)
    return torch.randn(6, 8, dtype=dtype), torch.randn(8, dtype=dtype)


def test_a_float32_island_in_float64_is_no_mistake():
    """Normalizations and attention that work in float32 whatever they are given would be called wrong for their digits."""
    forward, backward = normalized(torch.float32)
    check = check_gradient(forward, backward, inputs(torch.float64))
    assert check.verdict == "certified", str(check)
    assert not check.untraced
    assert not [one for one in check.contracts if one.outcome == "broken"]


PLANTED = {
    "a factor": lambda gx, gw: (1.001 * gx, gw),
    "the weight's": lambda gx, gw: (gx, 1.001 * gw),
    "a row": lambda gx, gw: (torch.cat([gx[:-1], 0 * gx[-1:]]), gw),
    "transposed": lambda gx, gw: (gx.flip(0), gw),
}


@pytest.mark.parametrize("wrong", PLANTED.values(), ids=PLANTED)
def test_a_mistake_beside_a_float32_island_is_caught(wrong):
    """What is granted to an island would excuse mistakes, too."""
    forward, backward = normalized(torch.float32)
    assert check_gradient(forward, lambda *given: wrong(*backward(*given)), inputs(torch.float64)).verdict == "wrong"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_island_of_16_bits_accuses_nobody(dtype):
    """A backward that rounds to bfloat16 anew would be called wrong, in whichever way the forward is judged."""
    forward, backward = normalized(torch.bfloat16)
    check = check_gradient(forward, backward, inputs(dtype))
    assert check.verdict == "undecided"
    assert "shorter format" in str(check)
    assert check_gradient(forward, lambda *given: tuple(-g for g in backward(*given)), inputs(dtype)).verdict == "wrong"


def held(weight):
    """A rectifier before a weight that is no input."""
    return lambda x: torch.relu(x) @ weight


def test_a_forward_that_holds_a_weight_is_judged():
    """A wrong gradient behind a kink ended in an error of torch's, where the forward takes no other format than its weight's."""
    torch.manual_seed(0)
    weight, x = torch.randn(4, 3), torch.randn(5, 4)
    x[2] = 0

    def off(factor, at_0):
        return check_gradient(
            held(weight), lambda x, dy: factor * (x >= 0 if at_0 else x > 0) * (dy @ weight.T), (x,), contracts=False
        )

    assert off(1.0, at_0=False).verdict == "certified"
    assert off(1.01, at_0=False).verdict == "wrong"
    assert off(1.0, at_0=True).verdict == "undecided"


class Clamped(torch.autograd.Function):
    """Clamps to [−1, 1], and reads what it saved as if it lay row by row."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        lying = x.t().reshape(x.shape) if x.ndim == 2 and x.stride()[0] == 1 else x
        return dy * (lying.abs() < 1)


class Stepped(torch.autograd.Function):
    """Rounds to quarters, reads its input as if it lay row by row, and hands dy back as it is."""

    @staticmethod
    def forward(ctx, x):
        lying = x.t().reshape(x.shape) if x.ndim == 2 and x.stride()[0] == 1 else x
        return torch.round(4 * lying) / 4 + 1e-3 * lying

    @staticmethod
    def backward(ctx, dy):
        return 1e-3 * dy


@pytest.mark.parametrize("function", [Clamped, Stepped])
def test_a_kink_beside_some_numbers_excuses_no_other(function):
    """Whatever jumps somewhere in a large array would count as rough, and memory could be read without its strides."""
    torch.manual_seed(0)
    check = check_gradient(function.apply, None, (torch.randn(16, 32, dtype=torch.float64),), contracts=("layouts",))
    assert [one.outcome for one in check.contracts] == ["broken"], str(check)


@pytest.mark.parametrize(("wrong", "verdict"), [(1.0, "certified"), (1.02, "wrong")])
def test_an_island_beside_the_way_excuses_nothing(wrong, verdict):
    """A gradient would not be judged for another input's sake, which is added in a shorter format."""
    torch.manual_seed(0)

    def forward(x, z):
        return x.tanh() + z.to(torch.bfloat16).exp().to(z.dtype)

    def backward(x, z, dy):
        return wrong * (1 - x.tanh() ** 2) * dy, (z.to(torch.bfloat16).exp() * dy.to(torch.bfloat16)).to(z.dtype)

    check = check_gradient(forward, backward, (torch.randn(6, 8), torch.randn(6, 8)), contracts=False)
    assert check.findings[0].verdict == verdict, str(check)

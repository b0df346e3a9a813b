"""A single number of float64 beside arrays of float32: torch rounds it to float32 before it computes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from called import judged_with  # noqa: E402 — it needs torch

FACTOR = torch.tensor(2.816353123456789, dtype=torch.float64)
"""It lies in the middle between two numbers of float32, nearly: products with it show whether it was rounded."""

CALLS = {
    "mul": lambda y, c: y * c,
    "add": lambda y, c: y + c,
    "div": lambda y, c: y / c,
    "maximum": lambda y, c: torch.maximum(y, c * 0.01),
    "pow": lambda y, c: y.abs() ** c,
    "where": lambda y, c: torch.where(y > 0, y, c),
    "clamp": lambda y, c: torch.clamp(y, max=c * 0.1),
    "masked_fill": lambda y, c: y.masked_fill(y > 0, c),
}


class Scaled(nn.Module):
    """A layer, and a call with one number of float64."""

    def __init__(self, call, number):
        super().__init__()
        self.layer, self.call, self.number = nn.Linear(8, 8), call, number

    def forward(self, x):
        return self.call(self.layer(x), self.number)


def watched(call, number):
    torch.manual_seed(0)
    model = Scaled(call, number)
    with bpcompare.watch(model) as step:
        model(torch.randn(16, 8)).square().mean().backward()
    return step


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("learned", [False, True])
def test_it_is_rounded_first(call, learned):
    """Losses with an angle or a temperature from NumPy, and norms with a learned bound, would be accused of torch's rounding."""
    if learned and call == "masked_fill":
        pytest.skip("torch differentiates no value that is filled in as a number")
    step = watched(CALLS[call], nn.Parameter(FACTOR.clone()) if learned else FACTOR)
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize("learned", [False, True])
def test_a_wrong_factor_is_none_of_rounding(learned):
    """What is granted to the rounding of one number would hide that the product is another one's."""
    step = watched(CALLS["mul"], nn.Parameter(FACTOR.clone()) if learned else FACTOR)
    (one,) = step.judged
    path = next(claim.path for claim, _ in one.findings if claim.path.endswith("mul.y"))
    for change in (lambda x: x * np.float32(1 + 1e-6), lambda x: np.roll(x, 1)):
        refuted = [claim for claim, _ in judged_with(one.recording, path, change).refuted]
        assert path in [claim.path for claim in refuted]
        assert all(claim.path == path or path in claim.premises for claim in refuted)


def test_an_array_of_float64_makes_all_of_it_float64():
    """What is no single number would be rounded in the law, and not in torch."""
    step = watched(lambda y, c: y * c, torch.full((8,), FACTOR.item(), dtype=torch.float64))
    assert step.verdict == "certified", str(step)
    assert "float32/float64" in str(step)

"""Linear systems solved by the factors of their matrix: right sides whose first entries are 0, and large positive matrices."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from called import judged_with  # noqa: E402 — it needs torch


def watched(dtype):
    torch.manual_seed(0)
    layer, x = nn.Linear(8, 8).to(dtype), torch.randn(8, 8, dtype=dtype)
    right = torch.zeros(8, 2, dtype=dtype)
    right[5:] = 1.0
    with bpcompare.watch(layer) as step:
        factors, pivots = torch.linalg.lu_factor(layer(x) + 3 * torch.eye(8, dtype=dtype))
        (torch.linalg.lu_solve(factors, pivots, right) - 0.3).square().mean().backward()
    return step


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_what_is_zero_may_round(dtype):
    """torch multiplies the solution by a factor again, where the law knows a 0: its roundings would be called wrong."""
    step = watched(dtype)
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize("place", [(6, 0), (7, 6), (0, 3)])
def test_no_more_than_roundings(place):
    """Whatever stands where the law knows a 0, or beside it, would pass."""
    (one,) = watched(torch.float64).judged
    path = next(claim.path for claim, _ in one.findings if "lu_factor" in claim.path and claim.path.endswith(".delta"))

    def change(x):
        x = x.copy()
        x[place] += 1e-9 * np.abs(x).max()
        return x

    refuted = [claim for claim, _ in judged_with(one.recording, path, change).refuted]
    assert path in [claim.path for claim in refuted]
    assert all(claim.path == path or path in claim.premises for claim in refuted)


class Process(nn.Module):
    """A Gaussian process on 70 points, and how unlikely it makes what was seen there."""

    def __init__(self):
        super().__init__()
        self.width, self.noise = (nn.Parameter(torch.tensor(x, dtype=torch.float64)) for x in (0.3, 0.5))

    def forward(self, x):
        kernel = torch.exp(-(((x[:, None] - x) / self.width) ** 2) / 2) + self.noise * torch.eye(len(x), dtype=x.dtype)
        factor = torch.linalg.cholesky(kernel)
        solution = torch.linalg.solve_triangular(factor, torch.sin(6 * x)[:, None], upper=False)
        return solution.square().sum() / 2 + factor.diagonal().log().sum()


def test_the_likelihood_of_a_gaussian_process():
    """It would be undecided, as a bound that goes through the columns one by one says nothing after some thirty of them."""
    with bpcompare.watch(process := Process()) as step:
        process(torch.linspace(0, 1, 70, dtype=torch.float64)).backward()
    assert step.verdict == "certified", str(step)
    assert step.power[0] < 1e-9
    (one,) = step.judged
    for path in ("linalg_cholesky_ex.y", "linalg_cholesky_ex.y.delta"):
        other = judged_with(one.recording, path, lambda x: x + 1e-9 * np.tril(np.ones(x.shape)) * np.abs(x).max())
        assert path in [claim.path for claim, _ in other.refuted]

"""Memory that is asked for and written to bit by bit: what stands there before is no number of the model."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.proof import bits  # noqa: E402


def by_slices(out, a, b):
    """As rotary embeddings put heads together."""
    out[:, :2] = a
    out[:, 2:] = b
    return out


def by_rows(out, a, b):
    """As sums over neighbours by their number are put together."""
    whole = torch.cat([a, b], dim=1)
    for row in range(len(out)):
        out = out.index_copy(0, torch.tensor([row]), whole[row : row + 1])
    return out


class Joined(nn.Module):
    """Two layers, whose results are written into memory that held `before`."""

    def __init__(self, write, before):
        super().__init__()
        self.a, self.b, self.write, self.before = nn.Linear(3, 2), nn.Linear(3, 2), write, before

    def forward(self, x):
        """What a fresh piece of memory holds cannot be arranged, so it is written."""
        return self.write(torch.full((3, 4), self.before, dtype=x.dtype), self.a(x), self.b(x))


@pytest.mark.parametrize("write", [by_slices, by_rows])
@pytest.mark.parametrize("before", [float("nan"), float("-inf"), 1e-45, 1e38])
def test_what_stood_there_before_says_nothing(write, before):
    """A right model would be undecided in one run and certified in the next, by what its memory was used for before."""
    torch.manual_seed(0)
    found = bpcompare.check(Joined(write, before), torch.randn(3, 3), loss=lambda y: y.square().mean(), as_is=True)
    assert found.verdict == "certified", str(found)


def test_nan_is_moved_as_it_is():
    """A NaN in the place of a number, or a number in that of a NaN, would pass for a move."""
    x = np.array([np.nan, 1.0, np.inf, 2.0])
    assert bits._same(x, x.copy())
    for at in range(4):
        other = x.copy()
        other[at] = 3.0
        assert not bits._same(x, other)
        assert not bits._same(other, x)
    assert not bits._same(np.full(3, np.nan), np.full(3, np.nan))
    assert not bits._same(np.array([np.nan, 0.0]), np.array([np.nan, 0.0]))

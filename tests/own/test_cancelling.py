"""Sums whose terms nearly cancel: what is undecided there says so."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


class Shifted(nn.Module):
    """y + b, of which the loss sees what is left of terms that nearly cancel."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return ((x + self.b) * x).sum()


def test_what_is_undecided_for_its_terms_cancel_says_so():
    """A person would look for a mistake, or think that any float32 step is beyond proof, where one sum is all but 0."""
    torch.manual_seed(0)
    x = torch.randn(4096)
    x += 30 / 4096 - x.mean()
    model = Shifted()
    with bpcompare.watch(model) as step:
        model(x).backward()
    said = " ".join(str(step).split())
    assert step.verdict == "undecided", said
    assert "for its terms cancel: at most 0.009 of their size is left" in said

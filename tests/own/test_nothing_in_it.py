"""Arrays without entries: parameters, sources and groups of size 0, as models have them whose parts are switched off."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from called import judged_with  # noqa: E402 — it needs torch


class Placed(nn.Module):
    """A layer into whose results the numbers of another one are put where a mask says, here nowhere."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.unused, self.frozen = nn.Parameter(torch.randn(1, 0, 3)), nn.Parameter(torch.randn(0, 2), requires_grad=False)

    def forward(self, x):
        y = self.layer(x)
        return y.masked_scatter(torch.zeros_like(y, dtype=torch.bool), self.layer(x[:0])).square().mean()


def watched():
    torch.manual_seed(0)
    model = Placed()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    with bpcompare.watch(model, optimizer) as step:
        model(torch.randn(5, 4)).backward()
        optimizer.step()
    return step


def test_what_has_no_entries_is_judged_with_the_rest():
    """One empty parameter, or one batch without pictures, would leave a whole model unexamined."""
    step = watched()
    assert step.verdict == "certified", str(step)


def test_nothing_put_somewhere_changes_nothing():
    """Where the source is empty, a result that was changed all the same would pass."""
    (one, *_) = watched().judged
    path = next(claim.path for claim, _ in one.findings if "masked_scatter" in claim.path and claim.path.endswith(".y"))
    refuted = [claim.path for claim, _ in judged_with(one.recording, path, lambda x: x + np.float32(0.01)).refuted]
    assert path in refuted

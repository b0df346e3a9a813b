"""Numbers that pass the format's largest one: an infinity that IEEE demands holds, any other does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402

LOWEST = {dtype: torch.finfo(getattr(torch, dtype)).min for dtype in ("float32", "float64")}


class Masked(torch.nn.Module):  # type: ignore[name-defined, misc]
    """Scores of an attention, masked by `mask`."""

    def __init__(self, mask: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.score, self.mask = torch.nn.Linear(4, 4), mask

    def forward(self, x: Any) -> Any:
        """Their softmax."""
        return torch.softmax(self.mask(self.score(x), torch.ones(4, 4).triu(1).bool()), dim=-1)


def twice(s: Any, off: Any) -> Any:
    """A causal mask and one of padding, both added: their sum is −∞."""
    low = torch.zeros_like(s).masked_fill(off, LOWEST[str(s.dtype).removeprefix("torch.")])
    return s + low + low


def narrowed(s: Any, off: Any) -> Any:
    """The lowest number of float64 in float32 is −∞."""
    return s.double().masked_fill(off, LOWEST["float64"]).float()


def doubled(s: Any, off: Any) -> Any:
    """Twice the lowest number is −∞."""
    return s.masked_fill(off, LOWEST[str(s.dtype).removeprefix("torch.")]) * 2.0


def taken_off(s: Any, off: Any) -> Any:
    """From the lowest number a maximum is taken off: it stays where it is."""
    low = s.masked_fill(off, LOWEST[str(s.dtype).removeprefix("torch.")])
    return low - s.max(dim=-1, keepdim=True).values.detach()


def bounded(s: Any, off: Any) -> Any:
    """No lower than the lowest number."""
    low = LOWEST[str(s.dtype).removeprefix("torch.")]
    return torch.maximum(s.masked_fill(off, low), torch.tensor(low, dtype=s.dtype))


def weighted(s: Any, off: Any) -> Any:
    """e^−∞ is 0."""
    return torch.exp(s.masked_fill(off, -torch.inf))


def gated(s: Any, off: Any) -> Any:
    """σ(−∞) and softplus(−∞) are 0, tanh(−∞) is −1: gates of experts that were not chosen."""
    low = s.masked_fill(off, -torch.inf)
    return s * torch.sigmoid(low) * torch.tanh(low) * torch.nn.functional.softplus(low)


@pytest.mark.parametrize("mask", [twice, narrowed, doubled, taken_off, bounded, weighted, gated])
@pytest.mark.parametrize("dtype", LOWEST)
def test_an_infinity_that_must_be_holds(mask: Callable[[Any, Any], Any], dtype: str) -> None:
    """Where one operation passes the largest number."""
    torch.manual_seed(0)
    model = Masked(mask).to(getattr(torch, dtype))
    with bpcompare.watch(model) as step:
        (model(torch.randn(4, 4, dtype=getattr(torch, dtype))) ** 2).sum().backward()
    assert step.verdict == "certified", str(step)


class Broken(torch.autograd.Function):  # type: ignore[misc]
    """A sum that is −∞ one entry too early."""

    @staticmethod
    def forward(ctx: Any, s: Any, low: Any) -> Any:
        """With an entry spoiled."""
        out = s + low
        out.view(-1)[0] = -np.inf
        return out

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """Right."""
        return g, None


def test_an_infinity_that_must_not_be_is_no_sum() -> None:
    """The sum itself is finite there, and its softmax is not what it would be."""
    torch.manual_seed(0)
    model = Masked(lambda s, off: Broken.apply(s, torch.zeros_like(s).masked_fill(off, LOWEST["float32"])))
    with bpcompare.watch(model) as step:
        (model(torch.randn(4, 4)) ** 2).sum().backward()
    assert step.verdict != "certified", str(step)

"""Operands of two formats: each claim is judged in the format that the call computes in, and gradients in that of the operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402


class Island(torch.nn.Module):  # type: ignore[name-defined, misc]
    """Two layers of float64, one of them with its result in float32, as norms of large models have it."""

    def __init__(self, join: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.a, self.b, self.join = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), join

    def forward(self, x: Any) -> Any:
        """Both together, in float64."""
        return self.join(torch.tanh(self.a(x)).float(), self.b(x))


JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda s, t: s + t,
    "sub": lambda s, t: t - s,
    "mul": lambda s, t: s * t,
    "div": lambda s, t: s / (2.0 + t * t),
    "where": lambda s, t: torch.where(t > 0, s, t),
    "maximum": torch.maximum,
    "masked": lambda s, t: torch.softmax(s + torch.zeros_like(t).masked_fill(t > 0.5, torch.finfo(t.dtype).min), dim=-1),
    "pow": lambda s, t: (s * s + 0.5) ** t,
    "cat": lambda s, t: torch.cat([s, t], dim=-1),
    "lerp": lambda s, t: torch.stack([s, t]).mean(0) * s,
}


@pytest.mark.parametrize("join", JOINS)
def test_two_formats(join: str) -> None:
    """Certified; and sharper than float32 where the sum is in float64."""
    torch.manual_seed(0)
    model = Island(JOINS[join]).double()
    with bpcompare.watch(model) as step:
        (model(torch.randn(5, 4, dtype=torch.float64)) ** 2).mean().backward()
    assert step.verdict == "certified", str(step)
    last = {claim.path: finding.power for _, claim, finding in step.findings}
    assert last["mean.y" if join != "lerp" else "mean (2).y"] < 1e-12

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


def normalized_in_float16(weight: float) -> Any:
    """One step through a batch norm in float16, whose sums of squares pass the largest number of float16."""
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(4).half()
    with torch.no_grad():
        norm.weight.fill_(weight)
    x = (300.0 * torch.randn(16, 4, 16, 16)).half().requires_grad_()
    with bpcompare.watch(norm) as found:
        y = norm(x)
        (y.float() * torch.linspace(0.5, 1.5, y.numel()).reshape(y.shape)).sum().backward()
    return found


def outcome(found: Any, function: str) -> Any:
    """What is found of the value of a function."""
    return next(f for _, claim, f in found.findings if claim.path.startswith(function) and claim.statement == "forward")


def test_a_normalization_in_float16_is_worked_out_in_float32():
    """Nothing at all could be seen in a batch norm of float16, for squares that no number of float16 ever held."""
    found = outcome(normalized_in_float16(1.0), "native_batch_norm")
    assert found.outcome == "holds"
    assert found.power < 0.1  # what is kept of a batch is in float16 there


def test_what_passes_float16_after_all():
    """A result that is infinite, for float16 ends there, would be called wrong; or any number in its place would pass."""
    found = outcome(normalized_in_float16(60000.0), "native_batch_norm")
    assert found.outcome == "undecided"
    assert found.doubt in ("infinite", "unbounded")

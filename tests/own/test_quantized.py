"""Training with numbers on a grid, as they will be once a model is quantized: what torch's fake_quantize says it does is held."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.own.judged import judged

torch = pytest.importorskip("torch")


class Quantized(torch.nn.Module):
    """A layer whose weights are on a grid: one for all, one for each row, one whose scale is learned."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.weight = kind, torch.nn.Parameter(torch.randn(4, 3))
        if kind.startswith("learned"):
            self.scale = torch.nn.Parameter(torch.tensor([0.05] if kind == "learned" else [0.05, 0.02, 0.03, 0.1]))
            self.zero = torch.nn.Parameter(torch.tensor([1.0] if kind == "learned" else [0.0, 1.0, -2.0, 0.0]))

    def forward(self, x):
        return torch.nn.functional.linear(x, self.on_grid())

    def on_grid(self):
        if self.kind == "number":
            return torch.fake_quantize_per_tensor_affine(self.weight, 0.1, 1, -8, 7)
        if self.kind == "tensor":
            return torch.fake_quantize_per_tensor_affine(self.weight, torch.tensor([0.1]), torch.tensor([1]).int(), -8, 7)
        if self.kind == "channels":
            return torch.fake_quantize_per_channel_affine(self.weight, torch.full((4,), 0.1), torch.arange(4).int(), 0, -8, 7)
        if self.kind == "learned":
            return torch._fake_quantize_learnable_per_tensor_affine(self.weight, self.scale, self.zero, -8, 7, 0.5)
        return torch._fake_quantize_learnable_per_channel_affine(self.weight, self.scale, self.zero, 0, -8, 7, 0.5)


def watched(kind):
    """A step of it."""
    torch.manual_seed(1)
    model = Quantized(kind)
    with bpcompare.watch(model) as step:
        model(torch.randn(5, 3)).square().sum().backward()
    return step


@pytest.mark.parametrize("kind", ["number", "tensor", "channels", "learned", "learned channels"])
def test_grids_are_certified_and_planted_gradients_are_not(kind):
    """If this fails, quantization-aware training is not examined, or a weight beyond the grid may receive a gradient."""
    step = watched(kind)
    assert step.verdict == "certified", str(step)
    assert "straight-through" in str(step)
    (recording,) = step.watched.recordings
    for path in [path for path in recording.recorded if path.endswith(".gradient")]:
        g = np.asarray(recording.recorded[path])
        wrongs = [g + (g == 0) * np.abs(g).max(), g * np.float32(1.001)] if path.startswith("weight") else [g * 1.01 + 0.01]
        for wrong in wrongs:
            altered = replace(recording, recorded={**recording.recorded, path: wrong.astype(g.dtype)})
            assert {claim.path for claim, _ in judged(altered).refuted} == {path}


@pytest.mark.parametrize("kind", ["tensor", "channels"])
def test_a_copy_in_float64_is_held_as_well(kind):
    """If this fails, `check` calls every model with fake quantization certified in part, for its copy in float64."""
    torch.manual_seed(1)
    found = bpcompare.check(Quantized(kind), torch.randn(5, 3), loss=lambda y: y.square().sum())
    assert found.verdict == "certified", str(found)

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


class Observing(torch.nn.Module):
    """A layer whose weights are observed and put on a grid in one call: one range for all, or one for each row."""

    def __init__(self, *, rows, symmetric):
        super().__init__()
        self.weight, self.rows, self.symmetric = torch.nn.Parameter(torch.randn(4, 3) + 1.0), rows, symmetric
        self.register_buffer("low", torch.tensor([]) if rows else torch.tensor([torch.inf]))
        self.register_buffer("high", torch.tensor([]) if rows else torch.tensor([-torch.inf]))
        self.register_buffer("scale", torch.ones(4 if rows else 1))
        self.register_buffer("zero", torch.zeros(4 if rows else 1, dtype=torch.int32))
        self.observes = self.quantizes = 1

    def forward(self, x):
        switches = torch.tensor([self.observes]), torch.tensor([self.quantizes])
        kept = self.low, self.high, self.scale, self.zero
        rest = 0.1, -8, 7, 0, self.rows, self.symmetric
        return torch.nn.functional.linear(x, torch.fused_moving_avg_obs_fake_quant(self.weight, *switches, *kept, *rest))


def observed(model, change=lambda _model: None):
    """Two steps, the second watched, with something changed in between."""
    model(torch.randn(5, 3)).square().sum().backward()
    with torch.no_grad():
        model.weight *= 1.5
    model.zero_grad()
    change(model)
    with bpcompare.watch(model) as step:
        model(torch.randn(5, 3)).square().sum().backward()
    return step


GRIDS = [(rows, symmetric) for rows in (False, True) for symmetric in (False, True)]


@pytest.mark.parametrize(("rows", "symmetric"), GRIDS)
def test_a_range_that_is_observed_is_held_and_planted_ones_are_not(rows, symmetric):
    """If this fails, torch's own way to train for quantization is not examined, or its grid may be of another range or scale."""
    torch.manual_seed(1)
    step = observed(Observing(rows=rows, symmetric=symmetric))
    assert step.verdict == "certified", str(step)
    (recording,) = step.watched.recordings
    name = "_fused_moving_avg_obs_fq_helper"
    for what in ("y", "running_min", "running_max", "scale"):
        path = f"{name}.{what}"
        wrong = np.asarray(recording.recorded[path]) * np.float32(1.001)
        altered = replace(recording, recorded={**recording.recorded, path: wrong})
        assert path in {claim.path for claim, _ in judged(altered).refuted}
    fixed = next(one.op.arguments["zero_point_after"].name for one in recording.program.steps if one.op.function == name)
    zero = next(path for path in recording.given if path.endswith(f".{fixed}"))
    off = np.asarray(recording.given[zero]) + 1
    altered = replace(recording, given={**recording.given, zero: off}, recorded={**recording.recorded, f"{name}.zero_point": off})
    assert f"{name}.zero_point" in {claim.path for claim, _ in judged(altered).refuted}


def test_a_first_range_is_what_is_there():
    """If this fails, the first step of such a training is called wrong: there is no range yet that could be moved."""
    for rows in (False, True):
        model = Observing(rows=rows, symmetric=False)
        with bpcompare.watch(model) as step:
            model(torch.randn(5, 3)).square().sum().backward()
        assert step.verdict == "certified", str(step)
        assert {"running_min", "running_max", "scale", "zero_point"} <= {
            claim.path.rpartition(".")[2] for _, claim, _ in step.findings
        }


@pytest.mark.parametrize("switch", ["observes", "quantizes"])
def test_a_switch_that_is_off_leaves_what_it_switches(switch):
    """If this fails, the last epochs of such a training, whose ranges stay, are called wrong."""
    torch.manual_seed(1)
    step = observed(Observing(rows=False, symmetric=True), lambda model: setattr(model, switch, 0))
    assert step.verdict == "certified", str(step)
    states = {claim.path.rpartition(".")[2] for _, claim, _ in step.findings if claim.statement == "state"}
    assert states == ({"scale", "zero_point"} if switch == "observes" else {"running_min", "running_max"})


def test_a_copy_in_float64_observes_as_well():
    """If this fails, `check` has no copy in float64 of torch's own way to train for quantization."""
    for rows in (False, True):
        torch.manual_seed(1)
        found = bpcompare.check(Observing(rows=rows, symmetric=True), torch.randn(5, 3), loss=lambda y: y.square().sum())
        assert found.verdict == "certified", str(found)


def test_a_symmetric_range_about_a_whole_zero_is_certified():
    """From -127 to 127 torch rounds the ends of the range and a quotient before them: its scale would be called wrong."""
    torch.manual_seed(0)
    w, far = torch.nn.Parameter(torch.randn(4, 5)), torch.full((1,), float("inf"))
    model = torch.nn.ParameterList([w])
    state = [torch.tensor([1]), torch.tensor([1]), far, -far, torch.ones(1), torch.zeros(1, dtype=torch.int32)]
    with bpcompare.watch(model) as step:
        torch.fused_moving_avg_obs_fake_quant(w, *state, 0.1, -127, 127, 0, False, True).square().sum().backward()
    assert step.verdict == "certified", str(step)

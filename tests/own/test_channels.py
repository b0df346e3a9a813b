"""Batch normalization is judged on some channels after the other: nothing else is said than of all at once."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from bpcompare.own.judged import judged  # noqa: E402
from bpcompare.proof import evaluation  # noqa: E402


@pytest.fixture(scope="module")
def recording():
    """A step of a net with two batch normalizations."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm2d(6), nn.Tanh(), nn.BatchNorm2d(6, momentum=0.3), nn.Sigmoid()).double()
    with torch.no_grad():
        model[0].weight.uniform_(0.5, 2)
        model[0].bias.normal_()
        model[2].bias.normal_()
    x = torch.randn(4, 6, 80, 80, dtype=torch.float64) * torch.arange(1.0, 7.0).reshape(-1, 1, 1) + 2
    with bpcompare.watch(model) as step:
        (model(x) * torch.rand(4, 6, 80, 80)).mean().backward()
    return step.watched.recordings[0]


@pytest.fixture
def blocks(monkeypatch):
    """How many claims were judged by their channels."""
    seen, before = [], evaluation._by_channels
    monkeypatch.setattr(evaluation, "_by_channels", lambda claim, *rest: seen.append(claim.path) or before(claim, *rest))
    return seen


def outcomes(recording):
    return {claim.path: finding for claim, finding in judged(recording).findings}


def test_findings_are_those_of_all_channels_at_once(recording, blocks, monkeypatch):
    """A part of a ball would be another part's, or sharper than it is."""
    found = outcomes(recording)
    assert {one.outcome for one in found.values()} == {"holds"}
    assert len(blocks) >= 8
    monkeypatch.setattr(evaluation, "_channels", lambda *_: 0)
    whole = outcomes(recording)
    assert found.keys() == whole.keys()
    for path, one in found.items():
        other = whole[path]
        assert (one.outcome, one.worst, one.recorded) == (other.outcome, other.worst, other.recorded), path
        assert np.allclose((one.power, one.radius, one.expected), (other.power, other.radius, other.expected), 1e-9, 1e-300), path


ERRORS = {
    "scale": lambda x: x * np.float32(1.01),
    "element": lambda x: np.where(np.arange(x.size).reshape(x.shape) == x.size - 1, x + np.abs(x).max(), x),
    "zero": np.zeros_like,
    "turned": lambda x: np.ascontiguousarray(x[..., ::-1]),
    "channels": lambda x: np.roll(x, 1, axis=min(x.ndim - 1, 1)),
}


@pytest.mark.parametrize("error", ERRORS)
def test_planted_errors_are_caught_the_same(recording, blocks, error, monkeypatch):
    """A mistake in one channel alone, or of one with another, would be certified."""
    for path in [claim.path for claim, _ in judged(recording).findings if claim.path in blocks]:
        numbers = dict(recording.recorded)
        wrong = ERRORS[error](numbers[path]).astype(numbers[path].dtype)
        if np.array_equal(wrong, numbers[path]):
            continue
        planted = replace(recording, recorded={**numbers, path: wrong})
        assert outcomes(planted)[path].outcome == "refuted", path
        with monkeypatch.context() as context:
            context.setattr(evaluation, "_channels", lambda *_: 0)
            assert outcomes(planted)[path].outcome == "refuted", path

"""Small calls of torch's functions, as somebody's model makes them, and what the recorder and the judge say of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.own.judged import Judged, judged
from bpcompare.program import Recording
from bpcompare_torch.recorder import TorchRecorder

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Call:
    """`f` of some leaves, whose numbers are drawn. `known`: a fault of torch, or what cannot be decided, by dtype and path."""

    name: str
    f: Callable[..., Any]
    leaves: tuple[Draw, ...]
    known: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Formats that it is not tried in."""


def normal(*shape: int) -> Draw:
    """Numbers around 0."""
    return lambda random: random.normal(0.0, 1.5, shape)


def between(low: float, high: float, *shape: int) -> Draw:
    """Numbers between two bounds."""
    return lambda random: random.uniform(low, high, shape)


def watched(call: Call, dtype: torch.dtype, seed: int = 1) -> Recording:
    """One pass of the call, forward and back from Σ (fixed weights) y, as a recording."""
    random = np.random.default_rng(seed)
    model = nn.Module()
    for number, draw in enumerate(call.leaves):
        model.register_parameter(f"x{number}", nn.Parameter(torch.from_numpy(np.asarray(draw(random))).to(dtype)))
    torch.manual_seed(seed)
    recorder = TorchRecorder({"": model})
    with recorder:
        found = call.f(*model.parameters())
        loss = sum(weighted(y, random) for y in (found if isinstance(found, (tuple, list)) else (found,)))
        loss.backward()
    seen = recorder.watched()
    assert not seen.unexamined
    assert not [name for name, why in seen.parameters.items() if why]
    return seen.recordings[0]


def weighted(y: Tensor, random: np.random.Generator) -> Tensor:
    """Σ (fixed weights) y: no element weighs as much as another."""
    return (y * torch.from_numpy(np.asarray(random.uniform(0.5, 1.5, tuple(y.shape)))).to(y.dtype)).sum()


def judged_with(recording: Recording, path: str, change: Callable[[np.ndarray], np.ndarray]) -> Judged:
    """The recording with one of its arrays changed."""
    numbers = dict(recording.recorded)
    numbers[path] = change(np.array(numbers[path], copy=True))
    return judged(replace(recording, recorded=numbers))

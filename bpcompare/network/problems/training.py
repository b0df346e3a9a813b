"""Training: dtype, steps, batch and where in the course of training a run starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

from bpcompare.network.network import Dtype, Network, Problem, Training
from bpcompare.text.words import did_you_mean, quote

MINIMUM = {"steps": 1, "batch": 1, "first": 0, "seed": 0, "updates_done": 0}
MAXIMUM = {"steps": 10**6, "updates_done": 10**7}
"""The largest value of a field. Each step is recorded completely; optimizers that count steps in float32 stop at 2²⁴."""


def training_problems(network: Network) -> tuple[Problem, ...]:
    """Numbers too small or too large, and words that are not among the choices. No field may be of a wrong type."""
    return tuple(_problems(network.training))


def ill_typed_training(training: Any) -> Iterator[Problem]:
    """What is no Training, and its numbers that are not whole."""
    if not isinstance(training, Training):
        yield Problem(("training",), f"must be a Training, is {type(training).__name__}")
        return
    for name in MINIMUM:
        value = getattr(training, name)
        if name == "batch" and value is None:
            continue
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            yield Problem(("training", name), f"must be a whole number, is {quote(value)}")


def _problems(training: Training) -> Iterator[Problem]:
    choices = {"dtype": get_args(Dtype), "slots": ("zero", "drawn")}
    for name, allowed in choices.items():
        value = getattr(training, name)
        if not isinstance(value, str) or value not in allowed:
            message = f"must be {' or '.join(quote(choice) for choice in allowed)}, is {quote(value)}"
            yield Problem(("training", name), message, did_you_mean(value, allowed))
    for name, low in MINIMUM.items():
        value = getattr(training, name)
        if value is None:
            continue
        if value < low:
            yield Problem(("training", name), f"must be at least {low}, is {value}")
        elif value > MAXIMUM.get(name, value):
            yield Problem(("training", name), f"must be at most {MAXIMUM[name]:,}, is {value:,}")

"""Slips that forget how elements depend on each other: only the diagonal of a Jacobian counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.trial import Other, Trial

ELEMENTS, VALUES = 64, 6
"""Elements of an input, and values of its shape, up to which it is tried: each is a backward pass."""


def diagonal(trial: Trial, outside: set[str]) -> Iterator[Other]:
    """Gradients by ∂zᵢ/∂xᵢ alone, of values z of the input's shape."""
    shape = trial.shape(trial.claim.path)
    if not trial.source or not 1 < int(np.prod(shape)) <= ELEMENTS:
        return
    steps = [step for step in reversed(trial.steps) if step.name not in outside and trial.shape(step.writes) == shape]
    for step in [one for one in steps if not trial.program.values[one.writes].open][:VALUES]:
        words = f"as if each element of {trial.where(step)} depended on its own element alone: the diagonal of the Jacobian"
        yield words, partial(_by_itself, trial, step.writes)


def _by_itself(trial: Trial, path: str) -> Array:
    arrived = trial.back(path, {})
    found = np.zeros(arrived.shape)
    for index in np.ndindex(arrived.shape):
        alone = np.zeros(arrived.shape)
        alone[index] = arrived[index]
        found[index] = trial.through(path, alone)[index]
    return found

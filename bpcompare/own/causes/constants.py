"""Slips in the numbers that a backward works with: another ε, or none, ε outside of the root, another ddof, another axis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bpcompare.own.causes.trial import Other, Trial, arguments, exactly, function
from bpcompare.program import Step

LARGEST = 0.1
"""What people add so as not to divide by 0 is smaller."""
USUAL = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12)
"""Epsilons that people use."""
ROOTS = ("sqrt", "rsqrt")
ALONG = frozenset({"_softmax", "softmax", "_log_softmax", "log_softmax", "cumsum"})
"""Functions along an axis that is another one in no other shape."""


def changed(trial: Trial) -> Iterator[Other]:
    """Gradients by a forward whose constants are others."""
    for step in trial.steps:
        if function(step) in ("add", "sub"):
            yield from _epsilon(trial, step)
        if function(step) in ("var", "std", "var_mean") and "correction" in arguments(step):
            for ddof in (0, 1):
                other = {step.name: exactly(step, correction=ddof)}
                yield f"as if {trial.where(step)} were with ddof={ddof}", partial(_with, trial, other)
        if function(step) in ALONG:
            for axis in range(len(trial.shape(step.writes))):
                other = {step.name: exactly(step, dim=axis)}
                yield f"as if {trial.where(step)} were along axis {axis}", partial(_with, trial, other)


def _with(trial: Trial, steps: dict[str, Step]) -> object:
    return trial.gradient({}, trial.recomputed(steps))


def _epsilon(trial: Trial, step: Step) -> Iterator[Other]:
    for name in ("self", "other"):
        value = arguments(step).get(name)
        if not isinstance(value, float) or not 0 < abs(value) < LARGEST:
            continue
        line = trial.line(step)
        words = f"as if the {value:g} that is added{line} were not there"
        yield words, partial(_with, trial, {step.name: exactly(step, **{name: 0.0})})
        for usual in USUAL:
            if usual != value:
                words = f"as if {usual:g} were added, where it is {value:g}{line}"
                yield words, partial(_with, trial, {step.name: exactly(step, **{name: usual})})
        yield from _moved(trial, step, name, value)


def _moved(trial: Trial, step: Step, name: str, value: float) -> Iterator[Other]:
    """ε outside of a root that it is within, and the other way round."""
    bare = {step.name: exactly(step, **{name: 0.0})}
    readers = trial.program.readers[step.writes]
    root = readers[0][0] if len(readers) == 1 else None
    if root is not None and function(root) in ROOTS:

        def outside() -> object:
            far = {"sqrt": lambda y: y + value, "rsqrt": lambda y: 1 / (1 / y + value)}[function(root)]
            return trial.gradient({}, trial.recomputed(bare, {root.name: far}))

        yield f"as if the {value:g} were added outside of {trial.where(root)}, not within it", outside
    before = trial.program.writers.get(step.reads[0])
    inner = trial.program.writers.get(before.reads[0]) if before is not None and function(before) == "sqrt" else None
    if before is not None and inner is not None and len(trial.program.readers[inner.writes]) == 1:

        def within() -> object:
            return trial.gradient({}, trial.recomputed(bare, {inner.name: lambda y: y + value}))

        yield f"as if the {value:g} were added within {trial.where(before)}, not outside of it", within

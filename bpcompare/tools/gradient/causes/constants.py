"""Slips in the numbers that a backward works with: another ε, or none, ε outside of the root, another ddof, another axis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bpcompare.ops.call import Call, Read
from bpcompare.program import Step
from bpcompare.tools.gradient.causes.trial import Other, Trial, exactly, function

LARGEST = 0.1
"""What people add so as not to divide by 0 is smaller."""
USUAL = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12)
"""Epsilons that people use."""
ROOTS = ("sqrt", "rsqrt")


def changed(trial: Trial) -> Iterator[Other]:
    """Gradients by a forward whose constants are others."""
    for step in trial.steps:
        if function(step) in ("add", "sub"):
            yield from _epsilon(trial, step)
        if function(step) in ("var", "std", "var_mean") and "correction" in step.op.arguments:  # type: ignore[attr-defined]
            for ddof in (0, 1):
                yield (
                    f"as if {trial.where(step)} were with ddof={ddof}",
                    partial(_with, trial, {step.name: exactly(step, correction=ddof)}),
                )
        if function(step) in ("_softmax", "softmax", "_log_softmax", "log_softmax", "cumsum") and isinstance(step.op, Call):
            for other in range(len(trial.shape(step.writes))):
                if other != step.op.arguments["dim"] % len(trial.shape(step.writes)):
                    yield (
                        f"as if {trial.where(step)} were along axis {other}",
                        partial(_with, trial, {step.name: exactly(step, dim=other)}),
                    )


def _with(trial: Trial, steps: dict[str, Step]) -> object:
    return trial.gradient({}, trial.recomputed(steps))


def _epsilon(trial: Trial, step: Step) -> Iterator[Other]:
    assert isinstance(step.op, Call)
    for name in ("self", "other"):
        value = step.op.arguments.get(name)
        given = ""
        if isinstance(value, Read) and trial.program.values[step.reads[value.slot]].given:
            given = step.reads[value.slot]
            number = trial.plain(given)
            value = (
                float(number.reshape(-1)[0]) if getattr(number, "size", 0) and (number == number.reshape(-1)[0]).all() else None
            )
        if not isinstance(value, float) or not 0 < abs(value) < LARGEST:
            continue
        line = trial.line(step)

        def other(epsilon: float, name: str = name) -> dict[str, Step]:
            return {step.name: exactly(step, **{name: epsilon})}

        if not given:
            yield f"as if the {value:g} that is added{line} were not there", partial(_with, trial, other(0.0))
            for usual in USUAL:
                if usual != value:
                    yield f"as if {usual:g} were added, where it is {value:g}{line}", partial(_with, trial, other(usual))
        yield from _moved(trial, step, name, value, given)


def _moved(trial: Trial, step: Step, name: str, value: float, given: str) -> Iterator[Other]:
    """ε outside of a root that it is within, and the other way round."""
    after = [reader for reader, _ in trial.program.readers[step.writes] if function(reader) in ROOTS]
    bare = {step.name: exactly(step, **{name: 0.0})}
    if len(after) == 1 and len(trial.program.readers[step.writes]) == 1 and not given:
        root = after[0]

        def outside() -> object:
            if function(root) == "sqrt":
                return trial.gradient({}, trial.recomputed(bare, {root.name: lambda y: y + value}))
            return trial.gradient({}, trial.recomputed(bare, {root.name: lambda y: 1 / (1 / y + value)}))

        yield f"as if the {value:g} were added outside of {trial.where(root)}, not within it", outside
    read = next((path for path in step.reads if path != given), "")
    before = trial.program.writers.get(read)
    inner = trial.program.writers.get(before.reads[0]) if before is not None and function(before) == "sqrt" else None
    if inner is not None and len(trial.program.readers[inner.writes]) == 1 and not given:

        def within() -> object:
            return trial.gradient({}, trial.recomputed(bare, {inner.name: lambda y: y + value}))

        yield f"as if the {value:g} were added within {trial.where(before)}, not outside of it", within  # type: ignore[arg-type]

"""Values that several steps read: their gradients must be added up, and each taken at its own time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.edits import nothing
from bpcompare.own.causes.trial import Edit, Other, Trial, function, ordinal, right
from bpcompare.program import Step

VALUES, READERS = 12, 64
"""Values, and readers of each, that are looked at."""
TIMES = 3
"""Readers from which on one line is a loop."""
MOVES = frozenset({"take", "index", "index_select", "gather", "embedding", "select", "slice", "unfold", "reread", "as_strided"})
CHOSEN = MOVES | {"max_pool2d", "max_pool2d_with_indices", "max_pool1d", "max_pool1d_with_indices", "lax.reduce_window_max"}
"""What takes entries out of an array, perhaps several times."""
ASSIGNED = "the gradients that several {} give are overwritten (=), not added up (+=): only the {} of them counts"


def overwritten(trial: Trial, outside: set[str]) -> Iterator[Other]:
    """Gradients where the last or the first part to arrive stands alone. Steps `outside` are no part of the code."""
    for step in trial.steps:
        if function(step) in CHOSEN and step.name not in outside:
            for which in ("last", "first"):
                words = (
                    f"{trial.where(step)} takes some entries several times: their gradients are overwritten (=), not added up "
                    f"(+=); only the {which} counts"
                )
                yield words, partial(trial.gradient, {step.name: partial(_assigned, which == "first")})
    yield from _by_uses(trial, outside, calls=True)


def used_again(trial: Trial, outside: set[str]) -> Iterator[Other]:
    """The same of values that several functions use."""
    yield from _by_uses(trial, outside, calls=False)


def _by_uses(trial: Trial, outside: set[str], *, calls: bool) -> Iterator[Other]:
    """`calls`: of those values that only calls of one function use."""
    several = [(path, steps) for path in trial.program.values if 1 < len(steps := _readers(trial, path, outside)) <= READERS]
    for path, steps in several[:VALUES]:
        names = {step.name for step in steps}
        alike = len({function(step) for step in steps}) == 1
        for which, order in (("last", steps), ("first", steps[::-1])) if alike == calls else ():
            words = ASSIGNED.format(f"calls of {trial.where(steps[-1])}" if alike else "uses of one value", which)
            if len(steps) > 2 or len(names) > 2:
                yield words, partial(_alone, trial, path, order)


def _readers(trial: Trial, path: str, outside: set[str]) -> list[Step]:
    mine = {step.name for step in trial.steps} - outside
    found = {step.name: step for step, _ in trial.program.readers[path] if step.name in mine}
    return list(found.values())


def _alone(trial: Trial, path: str, steps: list[Step]) -> Array:
    """The gradient where each step writes what it has over what was there, wherever it has something."""
    whole = np.zeros(trial.shape(path))
    slots = {step.name: {slot for reader, slot in trial.program.readers[path] if reader is step} for step in steps}

    def silent(name: str) -> Edit:
        """Nothing by the operands that are this value; what the others receive goes on."""
        return lambda law, at: nothing(law, at) if at.slot in slots[name] else right(law, at)

    for step in steps:
        part = trial.back(path, {one.name: silent(one.name) for one in steps if one is not step})
        whole = np.where(part != 0, part, whole)
    return trial.through(path, whole)


def _assigned(first: bool, law: Any, at: Any) -> Array:
    """Δ that is assigned to the entries that were taken."""
    x, dy = np.asarray(at.xs[0], np.float64), np.asarray(at.dy, np.float64)
    order = np.argsort(x, axis=None, kind="stable")
    ranks = np.empty(x.size)
    ranks[order] = np.arange(x.size)
    taken = order[np.asarray(law.forward(at.but(xs=[ranks.reshape(x.shape)]))).astype(int).ravel()]
    found = np.zeros(x.size)
    sequence = slice(None, None, -1 if first else 1)
    found[taken[sequence]] = dy.ravel()[sequence]
    if not np.allclose(x.ravel()[taken], np.asarray(law.forward(at)).ravel()):
        raise ValueError("entries are not only taken")
    return found.reshape(x.shape)


def shifted(trial: Trial, outside: set[str]) -> Iterator[Other]:
    """Gradients of a loop over time that take the numbers of the step before, or after."""
    for steps in trial.groups:
        times = [step for step in trial.steps if step in steps and step.name not in outside]
        if len(times) < TIMES:
            continue
        for slot in range(len(times[0].reads)):
            if any(slot >= len(step.reads) for step in times):
                break
            numbers = [step.reads[slot] for step in times]
            if len(set(numbers)) == len(numbers) and len({trial.shape(path) for path in numbers}) == 1:
                for by, words in ((1, "after"), (-1, "before")):
                    cause = f"as if {trial.where(times[0])} had read the numbers of the step {words}: off by one in time"
                    if len(times[0].reads) > 1:
                        cause += f" (its {ordinal(slot)} operand)"
                    yield cause, partial(_at_other_times, trial, times, slot, by)


def _at_other_times(trial: Trial, times: list[Step], slot: int, by: int) -> Array:
    """Each step's Δ with the numbers that its neighbour in time has read."""
    known = [step.reads[slot] for step in times]
    writer = trial.program.writers.get(known[1])
    group = next((steps for steps in trial.groups if writer is not None and any(step is writer for step in steps)), ())
    series = [step.writes for step in trial.steps if any(step is one for one in group)]
    beyond = [path for path in series if path not in known and trial.steps.index(trial.program.writers[path]) > 0]
    numbers = [trial.number(path) for path in known]
    zero = np.zeros_like(numbers[0])
    moved = [*numbers[1:], trial.number(beyond[-1]) if beyond else zero] if by > 0 else [zero, *numbers[:-1]]

    def edit(number: int, law: Any, at: Any) -> Array:
        xs = [moved[number] if k == slot else at.xs[k] for k in range(len(times[number].reads))]
        return right(law, at.but(kept=None, xs=xs))

    return trial.gradient({step.name: partial(edit, number) for number, step in enumerate(times)})

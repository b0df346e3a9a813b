"""Slips that take one value for another: what was not yet normalized, the result of a later step, another parameter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.edits import PRODUCTS
from bpcompare.own.causes.formulas import ALONE, BY_RESULT
from bpcompare.own.causes.trial import Edit, Other, Trial, function, only, ordinal, right, seen
from bpcompare.program import Step

VALUES = 16
"""Values that are tried in the place of one."""
FACTORS = frozenset({"mul", "div"}) | PRODUCTS
"""Functions whose Δ by one operand takes the other one."""


def mistaken(trial: Trial) -> Iterator[Other]:
    """Gradients by steps that read another value of the same shape."""
    for step in reversed(trial.steps):
        where, name = trial.where(step), function(step)
        if name in FACTORS and len(step.reads) == 2:
            for slot in (0, 1):
                words = f"as if the {ordinal(1 - slot)} operand of {where} were"
                yield from _instead(trial, step, step.reads[1 - slot], words, partial(_factor, slot))
        elif name in ALONE and len(step.reads) == 1:
            yield from _instead(trial, step, step.reads[0], f"as if the input of {where} were", _input)
            if name in BY_RESULT:
                words = f"as if y, in the derivative {BY_RESULT[name][0]} of {where}, were"
                yield from _instead(trial, step, step.writes, words, partial(_result, name))


def _instead(trial: Trial, step: Step, path: str, words: str, edit: Any) -> Iterator[Other]:
    """Each other value in the place of the one at `path`, unless it holds the same numbers, or is the step's own."""
    tried = [one for one in trial.numbered if one not in (*step.reads, step.writes) and trial.shape(one) == trial.shape(path)]
    known = [trial.number(one) for one in (*step.reads, step.writes)]
    known += [np.swapaxes(x, -1, -2) for x in known if np.ndim(x) > 1]
    for one in tried[:VALUES]:
        x = trial.number(one)
        if any(np.array_equal(x, other) for other in known):
            continue
        known.append(x)
        yield f"{words} {trial.named(one)}, not {trial.named(path)}", partial(_with, trial, step, one, edit)


def _with(trial: Trial, step: Step, path: str, edit: Any) -> Array:
    return trial.gradient({step.name: edit(trial.number(path))})


def _factor(slot: int, x: Array) -> Edit:
    def edit(law: Any, at: Any) -> Array:
        return right(law, at.but(kept=None, xs=[at.xs[k] if k == slot else x for k in range(2)]))

    return only(slot, edit)


def _input(x: Array) -> Edit:
    return lambda law, at: right(law, at.but(kept=None, xs=[x]))


def _result(name: str, y: Array) -> Edit:
    return lambda _, at: BY_RESULT[name][1](y) * seen(at)

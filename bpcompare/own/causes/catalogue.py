"""Every slip that is known, tried until one gives exactly the wrong numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.constants import changed
from bpcompare.own.causes.diagonal import diagonal
from bpcompare.own.causes.edits import MASKS, STAIRS, edits, losses, nothing, passed
from bpcompare.own.causes.factor import Factors
from bpcompare.own.causes.likely import scaled
from bpcompare.own.causes.mistaken import mistaken
from bpcompare.own.causes.outputs import Outputs, dropped, otherwise_begun
from bpcompare.own.causes.readers import overwritten, shifted, used_again
from bpcompare.own.causes.same import Same
from bpcompare.own.causes.trial import Edit, Other, Trial, all_of, function, only, ordinal, right
from bpcompare.own.judged import Judged
from bpcompare.program import Step
from bpcompare.proof.claims import Claim

MOST_SINGLE = 80
"""Steps up to which each is tried alone, and not only with all others that the same call made."""
STEPS, NUMBERS = 300_000, 300_000_000
"""How many steps, and numbers in them, may be worked out for all slips together: seconds."""
STATISTICS = frozenset({"mean", "var", "std", "var_mean", "amax", "amin", "max", "linalg_vector_norm"})
"""What is made of many numbers, and often taken for a constant."""
NAMED = 3
"""Of formulas that give the same numbers, so many are told."""
ANY_FACTOR = 3
"""Elements of a term that must agree on a factor that nobody knows before it is one."""


Slips = Callable[[Step], Iterator[tuple[str, Edit]]]
"""What may be wrong at a step."""


def slip(one: Judged, claim: Claim, got: Array, same: Same, factors: Factors) -> str:
    """In words, with the line of the step; "" where no slip that is known gives these numbers.

    Where several formulas give them, each is told: "one of these". What is only lost on the way (a term, a factor, rows) is
    looked for after those, and told once: along a chain of steps it may be lost anywhere.
    """
    trial = Trial(one, claim)
    numbers = sum(prod(trial.shape(step.writes)) for step in trial.steps)
    most = min(STEPS // max(len(trial.steps), 1), NUMBERS // max(numbers, 1))
    with np.errstate(all="ignore"):
        outputs = Outputs(trial)
        formulas = islice(_formulas(trial, outputs), most)
        found = list(islice(_told(formulas, got, same), NAMED))
        if not found:
            losses = islice(_losses(trial, outputs, got, same, factors), most)
            found = list(islice(_told(losses, got, same), 1))
    return f"{'one of these: ' if len(found) > 1 else ''}{'; or '.join(found)}"


def _told(tried: Iterator[Other], got: Array, same: Same) -> Iterator[str]:
    return (words for words, other in tried if _gives(other, got, same))


def _each(*parts: Callable[[], Iterable[Other]]) -> Iterator[Other]:
    """The slips of all parts. One whose slips this program cannot have ends there, and hides no other."""
    for part in parts:
        try:
            yield from part()
        except Exception:  # noqa: BLE001, S112 — words about a mistake decide nothing
            continue


def _numbers(x: Array) -> Array:
    return x


def _gives(other: Callable[[], Any], got: Array, same: Same) -> bool:
    try:
        return same(got, np.asarray(other(), np.float64))
    except Exception:  # noqa: BLE001 — a slip that this step cannot have
        return False


def _formulas(trial: Trial, outputs: Outputs) -> Iterator[Other]:
    """Slips that are formulas of their own; those that people make most often come first."""
    groups = _groups(trial, outputs)
    few = len(trial.steps) <= MOST_SINGLE
    yield from _each(
        lambda: otherwise_begun(trial),
        lambda: dropped(trial, outputs),
        lambda: _constant_statistics(trial, groups),
        lambda: _edited(trial, groups, edits),
        lambda: _through_stairs(trial, groups),
        lambda: mistaken(trial),
        lambda: changed(trial),
        lambda: overwritten(trial, outputs.tail),
        lambda: shifted(trial, outputs.tail),
        lambda: _edited(trial, _alone(groups) if few else (), edits),
    )


def _losses(trial: Trial, outputs: Outputs, got: Array, same: Same, factors: Factors) -> Iterator[Other]:
    """Slips that lose a term, a factor, rows, or what lies before some step."""
    groups = _groups(trial, outputs)
    alone = _alone(groups) if len(trial.steps) <= MOST_SINGLE else []
    yield from _each(
        lambda: _edited(trial, groups, losses),
        lambda: _nearer(trial, outputs),
        lambda: ((words, partial(_numbers, found)) for words, found in scaled(got, same.right, factors)),
        lambda: _factors(trial, groups, got, factors),
        lambda: used_again(trial, outputs.tail),
        lambda: _one_of_a_loop(trial, groups),
        lambda: _edited(trial, alone, losses),
        lambda: _factors(trial, alone, got, factors),
        lambda: diagonal(trial, outputs.tail),
    )


def _groups(trial: Trial, outputs: Outputs) -> list[tuple[Step, ...]]:
    return [group for group in trial.groups if not any(step.name in outputs.tail for step in group)]


def _alone(groups: Sequence[tuple[Step, ...]]) -> list[tuple[Step, ...]]:
    return [(step,) for group in groups if len(group) > 1 for step in group]


def _edited(
    trial: Trial, groups: Sequence[Sequence[Step]], slips: Callable[[Step], Iterator[tuple[str, Edit]]]
) -> Iterator[Other]:
    for group in groups:
        for words, edit in slips(group[0]):
            yield words.format(trial.where(group[0])), partial(trial.gradient, all_of(group, edit))


def _constant_statistics(trial: Trial, groups: Sequence[Sequence[Step]]) -> Iterator[Other]:
    found = [group for group in groups if function(group[0]) in STATISTICS]
    for group in found:
        words = f"as if {trial.where(group[0])} were a constant: its term is missing"
        yield words, partial(trial.gradient, all_of(group, nothing))
    if len(found) > 1:
        where = " and ".join(dict.fromkeys(trial.where(group[0]) for group in reversed(found)))
        steps = [step for group in found for step in group]
        yield f"as if {where} were constants: their terms are missing", partial(trial.gradient, all_of(steps, nothing))


def _nearer(trial: Trial, outputs: Outputs) -> Iterator[Other]:
    """Gradients of values between, of the same shape: what lies before them was forgotten."""
    for step in reversed(trial.steps):
        value = trial.program.values[step.writes]
        if step.name in outputs.tail or value.open or trial.shape(step.writes) != trial.shape(trial.claim.path):
            continue
        words = (
            f"it is the gradient by the result of {trial.where(step)}, not by the input: what the forward does before that is "
            "not differentiated"
        )
        yield words, partial(trial.back, step.writes, {})
        words = f"as if the derivative of what lies before the result of {trial.where(step)} were there twice"
        yield words, partial(_twice, trial, step.writes)


def _twice(trial: Trial, path: str) -> Array:
    return trial.through(path, trial.through(path, trial.back(path, {})))


def _factors(trial: Trial, groups: Sequence[Sequence[Step]], got: Array, factors: Factors) -> Iterator[Other]:
    """One term of the gradient with a constant factor, which follows from the numbers, and is held against all of them."""
    for group in groups:
        slots = range(len(group[0].reads)) if len(group[0].reads) > 1 else [None]
        for slot in slots:
            cut = nothing if slot is None else only(slot, nothing)
            try:
                term = trial.right - trial.gradient(all_of(group, cut))
            except Exception:  # noqa: BLE001, S112 — a step that cannot be cut there
                continue
            seen = np.isfinite(got) & np.isfinite(term)
            size = float((term[seen] ** 2).sum())
            if not size:
                continue
            factor = 1 + float(((got - trial.right)[seen] * term[seen]).sum()) / size
            which = "" if slot is None else f"the {ordinal(slot)} operand of "
            where = f"{which}{trial.where(group[0])}"
            for exact, words in factors.near(factor):
                yield f"what comes through {where} is what it must be times {words}", partial(_scaled, trial, group, slot, exact)
            if np.count_nonzero(term) >= ANY_FACTOR and abs(factor) > 1e-9:
                words = f"what comes through {where} is what it must be times {factor:.6g}"
                yield words, partial(_scaled, trial, group, slot, factor)


def _scaled(trial: Trial, group: Sequence[Step], slot: int | None, factor: float) -> Array:
    def edit(law: Any, at: Any) -> Array:
        return factor * right(law, at)

    return trial.gradient(all_of(group, edit if slot is None else only(slot, edit)))


def _one_of_a_loop(trial: Trial, groups: Sequence[Sequence[Step]]) -> Iterator[Other]:
    """The first or the last step of a loop forgotten."""
    for group in groups:
        for step, which in ((group[0], "first"), (group[-1], "last")) if len(group) > 1 else ():
            words = f"as if {trial.where(step)} had not been called the {which} time: its term is missing"
            yield words, partial(trial.gradient, {step.name: nothing})


def _through_stairs(trial: Trial, groups: Sequence[Sequence[Step]]) -> Iterator[Other]:
    """Straight through a step function, and another slip beside it."""
    stairs = [step for group in groups if function(group[0]) in STAIRS for step in group]
    if not stairs:
        return
    straight = all_of(stairs, passed)
    for group in groups:
        if function(group[0]) in MASKS:
            words = (
                f"straight through {trial.where(stairs[0])}, and as if {trial.where(group[0])} let every element through: its "
                "mask is missing"
            )
            yield words, partial(trial.gradient, {**straight, **all_of(group, passed)})

"""The outputs of a forward in its program: behind them are steps of ours, which only add up Σ dy · y."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call
from bpcompare.program import Program, Step
from bpcompare.tools.gradient.causes.edits import nothing, only
from bpcompare.tools.gradient.causes.trial import Edit, Other, Trial, function, ordinal

ADDED = frozenset({"sum", "stack", "add", "cat", "view", "reshape"})
"""What such sums are made of."""
DY: Mapping[str, Any] = {
    "as if dy were 1 everywhere: it is not multiplied by dy": np.ones_like,
    "as if dy were |dy|": np.abs,
    "as if dy were dy²: it is multiplied by dy twice": np.square,
    "as if dy were the same everywhere, its mean: it is not used element by element": lambda dy: np.full_like(dy, dy.mean()),
    "as if dy were only its sign": np.sign,
}
"""What may stand in the place of dy."""


class Outputs:
    """`paths` of the outputs in their order, each with the step and slot that read it in `tail`: steps that are not the author's."""

    def __init__(self, program: Program) -> None:
        self.paths: list[tuple[str, Step, int]] = []
        self.tail: set[str] = {"backward"}
        end = next((step for step in program.steps if step.name == "backward"), None)
        if end is not None:
            self._follow(program, end, 0)

    def _follow(self, program: Program, step: Step, slot: int) -> None:
        path = step.reads[slot]
        writer = program.writers.get(path)
        if writer is None or not isinstance(writer.op, Call):
            self.paths.append((path, step, slot))
        elif function(writer) == "mul" and len(writer.reads) == 2 and self.tail != {"backward"} and _given(program, writer.reads[1]):
            self.tail.add(writer.name)
            self.paths.append((writer.reads[0], writer, 0))
        elif function(writer) in ADDED and (step.name != "backward" or _is_ours(program, writer)):
            self.tail.add(writer.name)
            for number in range(len(writer.reads)):
                self._follow(program, writer, number)
        else:
            self.paths.append((path, step, slot))


def _given(program: Program, path: str) -> bool:
    return path in program.values and program.values[path].given


def _is_ours(program: Program, end: Step) -> bool:
    """Whether all that is added up there is a product with a number that was given, or an open view: Σ dy · y."""
    waiting, products = [end], 0
    for step in waiting:
        if program.values[step.writes].open:
            products += 1
            continue
        for path in step.reads:
            writer = program.writers.get(path)
            if writer is None:
                continue  # a zero to which the rest is added
            if function(writer) == "mul" and len(writer.reads) == 2 and _given(program, writer.reads[1]):
                products += 1
            elif function(writer) in ADDED:
                waiting.append(writer)
            else:
                return False
    return products > 0


def dropped(trial: Trial, outputs: Outputs) -> list[Other]:
    """The gradient without what arrives by one of several outputs."""
    if len(outputs.paths) < 2:
        return []
    found: list[Other] = []
    for number, (path, step, slot) in enumerate(outputs.paths):
        delta = trial.program.values[path].delta
        words = f"as if dy of the {ordinal(number)} output were 0: what arrives by it is not used"
        edits: dict[str, Edit] = {step.name: only(slot, nothing)}
        get = partial(_zeroed, trial, delta) if delta is not None else None
        found.append((words, partial(trial.gradient, edits, get)))
    return found


def _zeroed(trial: Trial, delta: str, path: str) -> Any:
    return np.zeros_like(trial.plain(path)) if path == delta else trial.plain(path)


def otherwise_begun(trial: Trial) -> list[Other]:
    """The gradient with something else in the place of dy."""
    deltas = {
        value.delta for value in trial.program.values.values() if value.delta is not None and not value.parameter
    }

    def get(seed: Any, path: str) -> Any:
        return -seed(-trial.plain(path)) if path in deltas else trial.plain(path)

    def begun(seed: Any, _law: Any, at: Any) -> Array:
        return -seed(np.asarray(at.xs[1]))

    return [
        (words, partial(trial.gradient, {"backward": partial(begun, seed)}, partial(get, seed))) for words, seed in DY.items()
    ]

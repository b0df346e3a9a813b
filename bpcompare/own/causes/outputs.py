"""Where Δ comes from that a backward goes on with: the outputs of what is judged, or the Δ that were recorded beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.edits import nothing
from bpcompare.own.causes.trial import Edit, Other, Trial, function, only, ordinal
from bpcompare.program import Program, Step

ADDED = frozenset({"sum", "stack", "add", "cat", "view"})
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
    """`paths` of the outputs in their order, each with a step, and the slot by which that reads it; the `tail`: steps of ours.

    Where a claim is about one step of a longer way, the step is the one that gives the output, and nothing is ours.
    """

    def __init__(self, trial: Trial) -> None:
        self.paths: list[tuple[str, Step, int]] = []
        self.tail: set[str] = {"backward"}
        if not any(name == "backward" for name, _ in trial.claim.owners):
            # One step of a longer way: it begins at Δ that were recorded.
            written = (step.writes for step in trial.steps if trial.program.values[step.writes].delta is not None)
            self.paths = [(path, trial.program.writers[path], 0) for path in written]
            return
        end = next((step for step in trial.program.steps if step.name == "backward"), None)
        if end is None:
            return
        seed = trial.one.values.given.get("error.seed")
        # Where several outputs are added up, that is ours, and begins with 1; a dy that is drawn never is.
        summed = trial.shape(end.reads[0]) == () and seed is not None and bool(np.all(np.asarray(seed) == 1.0))
        if not self._follow(trial.program, end, 0, summed=summed):
            self.paths, self.tail = [(end.reads[0], end, 0)], {"backward"}

    def _follow(self, program: Program, step: Step, slot: int, *, summed: bool) -> bool:
        """Go through our steps to what the author's have given; whether what was met is as we make it."""
        path = step.reads[slot]
        writer = program.writers.get(path)
        if not program.is_open(path) and not summed:
            self.paths.append((path, step, slot))
            return True
        if writer is None:
            return True  # the zero that the rest is added to
        self.tail.add(writer.name)
        if summed and function(writer) == "mul" and len(writer.reads) == 2 and program.values[writer.reads[1]].given:
            self.paths.append((writer.reads[0], writer, 0))
            return True
        ours = function(writer) in ADDED
        return ours and all(self._follow(program, writer, k, summed=summed) for k in range(len(writer.reads)))


def dropped(trial: Trial, outputs: Outputs) -> list[Other]:
    """The gradient without what arrives by one of several outputs."""
    if len(outputs.paths) < 2:
        return []
    found: list[Other] = []
    for number, (path, step, slot) in enumerate(outputs.paths):
        delta = trial.program.values[path].delta
        words = f"as if dy of the {ordinal(number)} output were 0: what arrives by it is not used"
        edits: dict[str, Edit] = {step.name: only(slot, nothing)} if path in step.reads else {}
        get = partial(_zeroed, trial, delta) if delta is not None else None
        found.append((words, partial(trial.gradient, edits, get)))
    return found


def _zeroed(trial: Trial, delta: str, path: str) -> Any:
    return np.zeros_like(trial.plain(path)) if path == delta else trial.plain(path)


def otherwise_begun(trial: Trial) -> list[Other]:
    """The gradient with something else in the place of dy."""
    deltas = {value.delta for value in trial.program.values.values() if value.delta is not None and not value.parameter}

    def get(seed: Any, path: str) -> Any:
        return -seed(-trial.plain(path)) if path in deltas else trial.plain(path)

    def begun(seed: Any, _law: Any, at: Any) -> Array:
        return np.asarray(-seed(np.asarray(at.xs[1])))

    return [
        (words, partial(trial.gradient, {"backward": partial(begun, seed)}, partial(get, seed))) for words, seed in DY.items()
    ]

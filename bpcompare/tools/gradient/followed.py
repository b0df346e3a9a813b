"""One forward, followed once, and held against another backward than the one that was asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.exchanged import Exchanged
from bpcompare.own.step import WatchedStep
from bpcompare.tools.gradient.answer import Answer, answered_by
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.ways import way_of
from bpcompare.tools.gradient.door import CodeUnderTest
from bpcompare.tools.gradient.recorded import drawn
from bpcompare.tools.gradient.tries import Tries

if TYPE_CHECKING:
    from bpcompare.tools.gradient.finding import GradientCheck
    from bpcompare.tools.gradient.question import Question

SAME = 1e-3
"""Relative to the largest element: two calls of one backward are no farther apart than that, compiled or not."""


@dataclass(frozen=True, eq=False)
class Followed:
    """What is known of a forward when one backward has been held against it: its program, judged, and its differences."""

    question: Question
    answer: Answer
    step: WatchedStep | None
    why: str
    tries: Tries

    def against(self, backward: Any) -> GradientCheck:
        """The check of another backward, without contracts. Where it cannot be exchanged, all of it is done anew."""
        question = self.question.about(backward)
        if self._exchangeable:
            answer = answered_by(self.answer, question.code())
            if answer.malformed:
                return question.found(answer, None, "", self.tries)
            step = self._exchanged(answer)
            if step is not None or self.step is None:
                return question.found(answer, step, self.why, self.tries.of(answer.code))
        return question.answer()

    @cached_property
    def _exchangeable(self) -> bool:
        """Whether the first backward was a function beside the forward, and gives the same again when it is called by itself."""
        limited = self.question.budget.limited  # what there was no time for is unknown
        if limited or self.answer.malformed or self.answer.code.convention or self.answer.code.given.backward is None:
            return False
        if self.step is None:
            return True
        try:
            found = self._gradients(self.answer)
        except Exception:  # noqa: BLE001 — the author's code, called in another way than the first time
            return False
        return self._fit(found) and all(_same(g, found[name]) for name, g in self._recorded.items())

    @cached_property
    def _parts(self) -> tuple[Exchanged, ...]:
        return tuple(map(Exchanged, self.step.judged)) if self.step is not None else ()

    @cached_property
    def _recorded(self) -> Mapping[str, Array]:
        return {name: g for one in self._parts for name, g in one.gradients.items()}

    def _fit(self, found: Mapping[str, Array]) -> bool:
        """Whether they can stand where gradients were recorded."""
        return all(
            name in found and found[name].shape == g.shape and found[name].dtype == g.dtype for name, g in self._recorded.items()
        )

    def _exchanged(self, answer: Answer) -> WatchedStep | None:
        """The forward as a program, with the gradients of this backward; None where they cannot stand there."""
        if self.step is None:
            return None
        try:
            found = self._gradients(answer)
        except Exception:  # noqa: BLE001 — the author's code
            return None
        if not self._fit(found):
            return None
        return self.step.with_judged(tuple(one.judged(found) for one in self._parts))

    def _gradients(self, answer: Answer) -> Mapping[str, Array]:
        """What a backward gives for the dys that the recorded way back began with, by the names of the inputs."""
        code: CodeUnderTest = answer.code
        if code.framework == "numpy":
            return {code.names[i]: g for i, g in answer.carried.items()}
        asked = Asked(answer, way_of(code), {})
        shapes = [(y.shape, y.dtype) for y in asked.pullback.outputs]
        dys = tuple(drawn(self.question.seed, k, shape).astype(dtype) for k, (shape, dtype) in enumerate(shapes))
        return {code.names[i]: g for i, g in asked.gradients(dys).items()}


def _same(one: Array, other: Array) -> bool:
    """Whether they are the same but for rounding."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(all="ignore"):
        off = np.abs(a - b).max(initial=0.0)
        return bool(np.array_equal(a, b, equal_nan=True) or off <= SAME * np.abs(a).max(initial=0.0))

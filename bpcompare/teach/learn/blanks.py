"""An exercise: a network, and steps to be filled in."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bpcompare.network import Network
from bpcompare.plan.draw import plan as draw
from bpcompare.teach.learn.answering import answers
from bpcompare.teach.learn.feedback import feedback
from bpcompare.teach.learn.marking import Mark, mark
from bpcompare.teach.learn.questions import Sheet, unfit
from bpcompare.teach.learn.views import STEPS
from bpcompare.text.arguments import told

Style = Literal["node", "vectorized"]
Function = Callable[[Any], Any]


class ExerciseError(ValueError):
    """An exercise that cannot be set, or a step that it does not have."""


@dataclass(frozen=True)
class Result:
    """Every blank, marked. Printed, it is the feedback."""

    marks: tuple[Mark, ...]
    reveal: bool = False

    @property
    def passed(self) -> bool:
        """Whether every public check passed."""
        return all(one.passed for one in self.marks)

    def __str__(self) -> str:
        return feedback(self.marks, reveal=self.reveal)

    __repr__ = __str__


class Exercise:
    """Steps of backpropagation to be written, on one network. See `bpcompare.teach.learn.views.View` for what they are given."""

    def __init__(self, network: Network, blank: Sequence[str] | str, *, reveal: bool = False) -> None:
        if isinstance(blank, str):
            blank = (blank,)
        listed: object = blank
        if isinstance(listed, bytes) or not isinstance(listed, Sequence):
            raise TypeError(f"blank: names of steps ({', '.join(STEPS)}) are wanted, not {told(listed)}")
        if unknown := [step for step in blank if step not in STEPS]:
            raise ExerciseError(f"there is no step {', '.join(map(repr, unknown))}; there are {', '.join(STEPS)}")
        if problems := unfit(network, blank, vectorized=False):
            raise ExerciseError(
                "\n".join([f"{network.name} is no network for this exercise:", *(f"  {one}" for one in problems)])
            )
        self.network = network
        self.blank = tuple(step for step in STEPS if step in blank)
        self._reveal = reveal
        self._sheet = Sheet(draw(network, "float64", 1))
        self._written: dict[str, tuple[Function, bool]] = {}

    def step(self, name: str, style: Style = "node") -> Callable[[Function], Function]:
        """Decorator: this function is the student's answer to the blank `name`, per node or vectorized. Raises ExerciseError."""
        if name not in self.blank:
            raise ExerciseError(f"{name!r} is no blank of this exercise; there are {', '.join(self.blank)}")
        if style not in ("node", "vectorized"):
            raise ExerciseError(f'style: "node" or "vectorized", is {style!r}')
        if style == "vectorized" and (problems := unfit(self.network, self.blank, vectorized=True)):
            raise ExerciseError("\n".join(problems))

        def keep(function: Function) -> Function:
            self._written[name] = (function, style == "vectorized")
            return function

        return keep

    def check(self, *names: str) -> Result:
        """Mark the blanks (all, or those named); each gets correct inputs. Raises ExerciseError for a name that is no blank."""
        if unknown := [name for name in names if name not in self.blank]:
            raise ExerciseError(f"{', '.join(map(repr, unknown))}: no blank of this exercise; there are {', '.join(self.blank)}")
        return Result(tuple(self._mark(name) for name in names or self.blank), self._reveal)

    def _mark(self, name: str) -> Mark:
        if name not in self._written:
            return Mark(name, passed=False, problem="not written yet")
        function, vectorized = self._written[name]
        asked = self._sheet.asked(name, vectorized=vectorized)
        code = getattr(function, "__code__", None)
        found = answers(
            function,
            [given for one in asked for given in one.given],
            vectorized=vectorized,
            file=code.co_filename if code else "",
        )
        return mark(self._sheet, name, asked, found.numbers, found.problem)


def exercise(spec: str | os.PathLike[str] | Network, blank: Sequence[str] | str = STEPS, *, reveal: bool = False) -> Exercise:
    """An exercise on a spec (a file, an example's name, or a Network) with these steps, or this one, left to the student.

    `reveal`: feedback may print the right numbers. Raises SpecError, ExerciseError.
    """
    if isinstance(spec, Network):
        return Exercise(spec, blank, reveal=reveal)
    from bpcompare.spec import read

    return Exercise(read(spec), blank, reveal=reveal)

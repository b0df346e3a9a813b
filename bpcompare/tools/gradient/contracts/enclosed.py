"""Second derivatives in balls: the traced program and its Δ, on dual numbers of balls, along one direction of one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.dual import Dual
from bpcompare.numbers.number import closed
from bpcompare.own.judged import Judged
from bpcompare.own.step import WatchedStep
from bpcompare.proof.balls import Balls
from bpcompare.proof.question import Question
from bpcompare.proof.walk import Walk
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.derivative import Derivative
from bpcompare.tools.gradient.differences import kinks
from bpcompare.tools.gradient.recorded import drawn
from bpcompare.tools.gradient.traced import opened
from bpcompare.tools.gradient.tries import GRANTED


class UnenclosedError(Exception):
    """There is no such derivative: on a kink, or for want of a law or of a rule."""


class Enclosed:
    """How gradients move when an input moves. Of a step all of which could be followed, in one program."""

    def __init__(self, step: WatchedStep) -> None:
        if len(step.judged) != 1 or step.unexamined:
            raise UnenclosedError("not all of it could be followed")
        (self._one,) = step.judged
        self.kinks = kinks(step)
        """Whether some law on the way has any."""

    def gradients(self, moved: str, v: Array) -> Mapping[str, Dual]:
        """The gradients by the names of their inputs, and how they move when the input `moved` moves along `v`.

        Raises UnenclosedError where that is not defined, or not known.
        """
        try:
            with np.errstate(all="ignore"):
                return self._gradients(moved, v)
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise UnenclosedError(f"{type(error).__name__}: {error}") from error

    def _gradients(self, moved: str, v: Array) -> Mapping[str, Dual]:
        one = self._one
        open_ = opened(one.recording)
        question = Question(open_.program)
        get = _Moving(one, open_, moved, v)
        found: dict[str, Dual] = {}
        for claim in question.claims:
            if claim.statement == "gradient":
                value = closed(claim.value(get, one.laws))
                found[claim.subject] = value if isinstance(value, Dual) else Dual(Ball(np.asarray(value, np.float64), get.fmt))
        return found


class _Moving:
    """A lookup of balls, each with its tangent: of a value between by the law of its step, on what it reads."""

    def __init__(self, one: Judged, recording: Any, moved: str, v: Array) -> None:
        self._program, self._laws, self._moved, self._v = recording.program, one.laws, moved, v
        dtype = next(value.dtype for value in recording.program.values.values() if value.parameter)
        balls = Balls(one.values, format_of(dtype if dtype in ("float32", "float64") else "float32"))
        self.fmt = balls.fmt(rearranged=True)
        self._get = balls.lookup(self.fmt)
        self._known: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        if path not in self._known:
            self._known[path] = self._found(path)
        return self._known[path]

    def _found(self, path: str) -> Any:
        x = self._get(path)
        if not isinstance(x, Ball):
            return x
        if path == self._moved:
            return Dual(x, Ball(np.asarray(self._v, np.float64), self.fmt))
        step = self._program.writers.get(path)
        if step is None or self._program.values[path].given:
            return Dual(x)
        made = closed(Walk(self._program, self, self._laws).forward(step))
        return Dual(x, made.tangent if isinstance(made, Dual) else None)


def of_traced(asked: Asked, step: WatchedStep, seed: int) -> tuple[Asked, Enclosed]:
    """The code asked with the dys that were traced, and its second derivatives.

    Raises UnenclosedError where they are not those of the code: the traced program has other gradients, or none.
    """
    dys = tuple(np.asarray(drawn(seed, k, y.shape), y.dtype) for k, y in enumerate(asked.pullback.outputs))
    asked, enclosed = asked.with_dys(dys), Enclosed(step)
    i = asked.code.carrying[0]
    plain = enclosed.gradients(asked.names[i], np.zeros(asked.code.inputs[i].shape))
    for k in asked.code.carrying:
        found = plain.get(asked.names[k])
        if found is None or not _is(found.value, asked.first[k]):
            raise UnenclosedError("the traced program has other gradients")
    return asked, enclosed


def _is(ball: Any, g: Array) -> bool:
    granted = np.asarray(ball.final_radius()) + GRANTED * ball.fmt.unit * ball.magnitude()
    return ball.shape == g.shape and bool((np.abs(ball.mid - g) <= granted).all())


def derivative(found: Mapping[str, Dual], weights: Mapping[str, Array]) -> Derivative:
    """⟨weights, how the gradients move⟩, with its radius. Raises UnenclosedError where it has none."""
    value = error = bulk = 0.0
    for name, w in weights.items():
        if name not in found or found[name].tangent is None:
            continue
        t = found[name].tangent
        mid, radius = (t.mid, t.final_radius()) if isinstance(t, Ball) else (np.asarray(t), 0.0)
        magnitude = t.magnitude() if isinstance(t, Ball) else np.abs(mid)
        value += float((w * mid).sum())
        error += float((np.abs(w) * radius).sum())
        bulk += float((np.abs(w) * magnitude).sum())
    if not (np.isfinite(value) and np.isfinite(error) and np.isfinite(bulk)):
        raise UnenclosedError("it has no bound")
    return Derivative(value, error, bulk, value - error, value + error, enclosed=True)

"""What code under test answers: its output, and the gradients that its backward gives for a dy that is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.door import CodeUnderTest, RefusedError, per_input, with_parameters
from bpcompare.tools.gradient.finding import InputFinding


class ComplexOutputError(ValueError):
    """The forward gives complex numbers, and was not asked for pairs."""


@dataclass(frozen=True, eq=False)
class Answer:
    """`gradients` of each of the `code`'s inputs for `dy`, None where there is none; `problem` is wrong with all of them."""

    code: CodeUnderTest
    names: tuple[str, ...]
    y: Array
    dy: Array
    gradients: tuple[Array | None, ...]
    problem: str

    @property
    def carried(self) -> Mapping[int, Array]:
        """The gradients of the inputs that carry one, by their numbers; zeros stand for none."""
        return {i: np.zeros(self.code.inputs[i].shape) if (g := self.gradients[i]) is None else g for i in self.code.carrying}

    @property
    def malformed(self) -> list[InputFinding]:
        """Gradients that are none, whatever their numbers are."""
        found = []
        for i in self.code.carrying:
            g, x, name = self.gradients[i], self.code.inputs[i], self.names[i]
            if self.problem:
                found.append(InputFinding(name, x.shape, "wrong", 0.0, 0, note=self.problem))
            elif g is not None and g.dtype.kind == "c":
                cause = "take its real part: what an imaginary part would move is not there"
                note = "its gradient is complex, and the input is real"
                found.append(InputFinding(name, x.shape, "wrong", 0.0, 0, cause=cause, note=note))
            elif g is not None and g.shape != x.shape:
                last = -1 if name in self.code.complexes else None
                note = f"its gradient has shape {list(g.shape[:last])}, the input has {list(x.shape[:last])}"
                cause = (
                    "this input is broadcast: its gradient must be summed over the axes along which that happens"
                    if g.size > x.size
                    else ""
                )
                found.append(InputFinding(name, x.shape, "wrong", 0.0, 0, cause=cause, note=note))
        return found


def widened(answer: Answer) -> Answer:
    """The same answer with the gradients of a module's parameters; as it is, where there are none or it cannot be called so."""
    code = with_parameters(answer.code)
    if not code.parameters:
        return answer
    gradients, problem = _gradients(code, answer.dy)
    return answer if problem else replace(answer, code=code, names=code.names, gradients=tuple(gradients))


def answered(code: CodeUnderTest, names: Sequence[str], seed: int) -> Answer:
    """Call both. Every element of dy counts, and none is like another. Raises ValueError for code that cannot be tried."""
    _numbers(code, names)
    y = _output(code)
    random = np.random.default_rng(seed)
    dy = (random.uniform(0.5, 1.5, y.shape) * random.choice([-1.0, 1.0], y.shape)).astype(y.dtype)
    gradients, problem = _gradients(code, dy)
    return Answer(code, tuple(names), y, dy, tuple(gradients), problem)


def answered_by(answer: Answer, code: CodeUnderTest) -> Answer:
    """What another backward for the same forward gives for the same dy."""
    gradients, problem = _gradients(code, answer.dy)
    return replace(answer, code=code, gradients=tuple(gradients), problem=problem)


def _numbers(code: CodeUnderTest, names: Sequence[str]) -> None:
    if not code.carrying:
        raise ValueError("inputs: none of them holds floating-point numbers, so nothing has a gradient")
    for x, name in zip(code.inputs, names, strict=True):
        if not isinstance(x, np.ndarray):
            continue
        if x.dtype.kind not in "fiub":
            raise ValueError(f"{name}: is of dtype {x.dtype}; numbers are needed")
        if not x.size:
            raise ValueError(f"{name}: has shape {list(x.shape)}, so there is nothing in it")
        if not np.isfinite(x).all():
            raise ValueError(f"{name}: holds NaN or infinity")


def _output(code: CodeUnderTest) -> Array:
    before = [x.copy() if isinstance(x, np.ndarray) else x for x in code.inputs]
    try:
        y, again = code.forward(code.inputs), code.forward(code.inputs)
    except Exception as error:
        raise ValueError(f"forward: it raised {type(error).__name__} on these inputs: {error}") from error
    if any(isinstance(x, np.ndarray) and not np.array_equal(x, was) for x, was in zip(code.inputs, before, strict=True)):
        raise ValueError("forward: it changes its inputs in place; work on a copy of them")
    if y.dtype.kind == "c":
        raise ComplexOutputError("forward: gives complex numbers")
    if y.dtype.kind != "f" or not y.size:
        raise ValueError(f"forward: it gives an array of {y.dtype} of shape {list(y.shape)}; floating-point numbers are needed")
    if not np.isfinite(y).all():
        raise ValueError("forward: it gives NaN or infinity on these inputs, so there is no derivative; try others")
    if not np.array_equal(y, again):
        raise ValueError("forward: it gives something else when it is called again; set the seed of its random numbers inside it")
    return y


def _gradients(code: CodeUnderTest, dy: Array) -> tuple[list[Array | None], str]:
    """What the backward gives, or what is wrong with all of it."""
    nothing: list[Array | None] = [None] * len(code.inputs)
    try:
        found = code.backward(code.inputs, dy)
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001 — the author's code
        return nothing, f"the backward raised {type(error).__name__}: {error}"
    try:
        return per_input(found, code.inputs), ""
    except ValueError as error:
        return nothing, str(error)

"""The forward of code under test as a program, judged: by the recorder of its framework, or by arrays that write down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.step import WatchedStep
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.arrays import UntraceableError
from bpcompare.tools.gradient.arrays import asked as written_down
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.door import CodeUnderTest
from bpcompare.tools.gradient.traced import traced


def drawn(seed: int, number: int, shape: tuple[int, ...]) -> Array:
    """The dy that a recorded way back begins with, for the number of an output and its shape."""
    random = np.random.default_rng((seed, number))
    return np.asarray(random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape))


def recorded(
    answer: Answer, seed: int, reference: Mapping[Any, Callable[..., Any]], budget: Budget
) -> tuple[WatchedStep | None, str]:
    """The forward as a program, judged as long as there is time; and why it could not be followed, or in which part."""
    code = answer.code

    weights = partial(drawn, seed)
    if budget.over():
        return None, budget.leave("the forward, function by function")
    budget.tell("recording the forward")
    try:
        if code.framework == "numpy":
            arrays = dict(zip(code.names, code.inputs, strict=True))
            given = {code.names[i]: g for i, g in answer.carried.items()}
            step = _written_down(code, arrays, given, answer, budget)
        else:
            step = traced(code.framework, code.given.forward, code.given.backward, code.given.inputs, weights, reference, budget)
    except UntraceableError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 — what cannot be followed is judged by differences
        return None, f"{type(error).__name__}: {error}"
    for one in step.left:
        budget.leave(one.what)
    missing = [f"{one.what}: {one.why}" for one in step.unexamined]
    return step, missing[0] + (f"; and {len(missing) - 1} more" if missing[1:] else "") if missing else ""


def _written_down(
    code: CodeUnderTest, arrays: Mapping[str, Any], gradients: Mapping[str, Array], answer: Answer, budget: Budget
) -> WatchedStep:
    """A forward of NumPy as a program. Raises UntraceableError where NumPy's own numbers leave a law: nobody here made them."""
    try:
        step = WatchedStep(written_down(code.given.forward, arrays, gradients, answer.dy, answer.y), sample=budget.sample())
    finally:
        code.forward(code.inputs)  # what it keeps for its backward are arrays again, and not ours
    step.judge(budget.observed)
    strange = next((claim for _, claim, _ in step.refuted if claim.statement == "forward"), None)
    if strange is not None:
        raise UntraceableError(
            f"NumPy gives other numbers than the law of {getattr(strange.owners[-1][1], 'function', 'it')} at {strange.path}"
        )
    return step

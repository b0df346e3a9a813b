"""Two halves of a batch: the gradients of examples stand behind each other, those of what all share add up."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked, Gradients
from bpcompare.tools.gradient.contracts.comparison import compared
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.gap import SCREEN
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome

ADVICE = (
    "each row must count once, and no row may change another's gradient: look at the last block, and at means where sums are "
    "meant"
)


def batch(asked: Asked, options: Options) -> Outcome:
    """The examples in two parts, beside all of them at once. Only where the forward itself can be split so."""
    if options.batch is None:
        return Outcome(
            "batch", "not tried", "say along which axis examples lie: batch=0, or batch=(names of the inputs that have it)"
        )
    axis = options.batch if isinstance(options.batch, int) else 0
    outputs, inputs = asked.pullback.outputs, asked.code.inputs
    if not outputs or any(y.ndim <= axis or y.shape[axis] != outputs[0].shape[axis] for y in outputs):
        return Outcome("batch", "not tried", f"not every output has examples along axis {axis}")
    n = outputs[0].shape[axis]
    names = (options.batch,) if isinstance(options.batch, str) else options.batch
    split = [
        i
        for i, x in enumerate(inputs)
        if isinstance(x, np.ndarray)
        and x.ndim > axis
        and i not in asked.code.parameters
        and (x.shape[axis] == n if isinstance(names, int) else asked.names[i] in names)
    ]
    if n < 2 or not split or any(inputs[i].shape[axis] != n for i in split):
        return Outcome("batch", "not tried", f"its inputs do not have the {n} examples of the output along axis {axis}")

    def part(x: Any, at: slice) -> Any:
        return x[(slice(None),) * axis + (at,)]

    halves = [slice(0, n // 2 + n % 2), slice(n // 2 + n % 2, n)]
    given = [[part(x, at) if i in split else x for i, x in enumerate(inputs)] for at in halves]
    try:
        apart = [asked.open(asked.arguments(one)).outputs for one in given]
    except Exception:  # noqa: BLE001 — it may be meant for one size alone
        return Outcome("batch", "not tried", f"the forward does not take {halves[0].stop} of the {n} examples alone")
    if not all(_same(np.concatenate(ys, axis), y) for *ys, y in zip(*apart, outputs, strict=True)):
        return Outcome("batch", "not tried", "the forward itself mixes examples, so the gradient may")

    def ask() -> Gradients:
        found = [
            asked.gradients([part(dy, at) for dy in asked.dys], asked.arguments(one))
            for one, at in zip(given, halves, strict=True)
        ]
        return {
            i: np.concatenate([g[i] for g in found], axis) if i in split else found[0][i] + found[1][i]
            for i in asked.code.carrying
        }

    done = f"the {n} examples were given in two parts"
    return compared(asked, "batch", done, ask, Expected(asked.first, asked.dys), ADVICE) or Outcome("batch", "kept")


def _same(a: Array, b: Array) -> bool:
    u = float(np.finfo(b.dtype).eps)
    return a.shape == b.shape and bool((np.abs(a - b) <= SCREEN * u * np.abs(b).max(initial=0.0)).all())

"""Gradients on a kink: elements that tie are moved together, for then there is one derivative and no choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.derivative import Along
from bpcompare.tools.gradient.finding import InputFinding
from bpcompare.tools.gradient.tries import GRANTED, TRUSTED

GROUPS = 16
"""Groups of equal elements that are moved together."""
TOGETHER = (
    "several elements are equal (a tie). Each of these gradients may be right alone, but not all of them: if all these elements "
    "grow by the same amount, the output has one derivative, and these gradients do not add up to it"
)


def together(answer: Answer, findings: list[InputFinding], budget: Budget) -> list[InputFinding]:
    """The findings; wrong where every element is valid by itself, but those that tie are not together.

    Only gradients that hold otherwise are asked. A forward that refuses the numbers beside a kink leaves it undecided.
    """
    verdicts = {one.name: one.verdict for one in findings}
    if "convention" not in verdicts.values():
        return findings
    if budget.over():
        note = budget.leave("elements that tie, together")
        return [replace(one, verdict="undecided", note=note) if one.verdict == "convention" else one for one in findings]
    asked = {i: g for i, g in answer.carried.items() if verdicts.get(answer.names[i]) in ("convention", "certified")}
    try:
        found = _shown(answer, asked) if asked else None
    except Exception as error:  # noqa: BLE001 — the author's code
        note = f"not decided: it is on a kink, and the forward refuses inputs close to it ({type(error).__name__}: {error})"
        return [replace(one, verdict="undecided", note=note) if one.verdict == "convention" else one for one in findings]
    if found is None:
        return findings
    at, wrong = found
    return [replace(wrong, name=one.name, power=one.power) if one.name == answer.names[at] else one for one in findings]


def _shown(answer: Answer, gradients: Mapping[int, Array]) -> tuple[int, InputFinding] | None:
    """The first group of elements whose gradients add up to no valid derivative, with the input that it begins in."""
    code = answer.code
    inputs = [np.asarray(x, np.float64) if i in code.carrying else x for i, x in enumerate(code.inputs)]
    ends = np.cumsum([0, *(inputs[i].size for i in gradients)])
    whole = np.concatenate([inputs[i].ravel() for i in gradients])
    flat = np.concatenate([np.asarray(g, np.float64).ravel() for g in gradients.values()])

    def moved(x: Array) -> Array:
        parts = {i: x[start:end].reshape(inputs[i].shape) for i, start, end in zip(gradients, ends[:-1], ends[1:], strict=True)}
        return code.forward([parts.get(i, one) for i, one in enumerate(inputs)])

    along = Along(moved, whole, np.asarray(answer.dy, np.float64), analytic=False)
    u = max(float(np.finfo(code.inputs[i].dtype).eps) / 2 for i in gradients)
    values, counts = np.unique(whole, return_counts=True)
    groups = [whole == value for value in values[np.argsort(-counts, kind="stable")][:GROUPS]]
    for group in [*(one for one in groups if np.count_nonzero(one) > 1), np.ones(whole.shape, bool)]:
        v = group.astype(np.float64)
        found, got = along(v), float(flat @ v)
        radius = TRUSTED * found.error + GRANTED * u * (found.bulk + float(np.abs(flat) @ v))
        if not found.low - radius <= got <= found.high + radius:
            first, tried = int(np.argmax(group)), int(group.sum())
            at = list(gradients)[int(np.searchsorted(ends, first, side="right")) - 1]
            shape = inputs[at].shape
            index = tuple(int(i) for i in np.unravel_index(first - ends[list(gradients).index(at)], shape))
            return at, InputFinding("", shape, "wrong", 0.0, tried, index, got, found.value, found.error, tried, TOGETHER)
    return None

"""The whole run worked out from the plan alone: as enclosures, with some numbers replaced, or under wrong laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Plan
from bpcompare.proof.claims import Claim
from bpcompare.proof.values import given_values

Run = list[dict[str, Any]]
"""For every step: numbers by path, those that it starts from and those that are worked out."""
Fixed = Mapping[tuple[int, str], Sequence[tuple[tuple[int, ...], float, float]]]
"""Elements of a step's quantity whose number is given: index, midpoint, radius."""


def enclosures(plan: Plan, listed: Sequence[Claim], laws: Laws, fixed: Fixed) -> Run:
    """Every quantity of every step as a ball that holds its exact value, each step going on from the balls before it.

    Where an element is `fixed`, everything that is computed from it starts from that number; the ball returned for the element
    itself is what the numbers before it give.
    """
    fmt = format_of("float64")

    def start(x: Array) -> Ball:
        return Ball(x.astype(np.float64), fmt)

    def settle(value: Any) -> Ball:
        ball = value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), fmt)
        return Ball(ball.mid, fmt, 0.0, np.broadcast_to(np.asarray(ball.final_radius()), ball.mid.shape))

    def replaced(step: int, path: str, ball: Ball) -> Ball:
        here = fixed.get((step, path))
        if not here:
            return ball
        mid, rad = np.array(ball.mid), np.array(np.broadcast_to(ball.rad, ball.mid.shape))
        for index, middle, radius in here:
            mid[index], rad[index] = middle, radius
        return Ball(mid, fmt, 0.0, rad)

    return _run(plan, listed, laws, start, settle, replaced)


def values(plan: Plan, listed: Sequence[Claim], laws: Laws) -> Run:
    """Every quantity of every step in plain float64, under `laws`, which may be wrong ones."""
    return _run(plan, listed, laws, lambda x: x.astype(np.float64), np.asarray, lambda step, path, x: x)


def _run(
    plan: Plan,
    listed: Sequence[Claim],
    laws: Laws,
    start: Callable[[Array], Any],
    settle: Callable[[Any], Any],
    replaced: Callable[[int, str, Any], Any],
) -> Run:
    found: Run = []
    before: dict[str, Any] = {}
    laws.begin()
    with np.errstate(all="ignore"):
        for step in range(1, len(plan.batches) + 1):
            given = {
                path: x if isinstance(x, int) or x.dtype.kind != "f" else start(x)
                for path, x in given_values(plan, step, None).items()
            } | before
            given = {path: replaced(step, path, x) for path, x in given.items()}
            worked: dict[str, Any] = {}
            going: dict[str, Any] = {}

            def get(path: str, given: dict[str, Any] = given, going: dict[str, Any] = going) -> Any:
                return going[path] if path in going else given[path]

            for claim in listed:
                worked[claim.path] = settle(claim.value(get, laws))
                going[claim.path] = replaced(step, claim.path, worked[claim.path])
            found.append({path: x for path, x in given.items() if not isinstance(x, int)} | worked)
            before = {name: going[f"{name}.update"] for name in plan.parameters}
            before |= {f"{path}.before": going[path] for path in (*plan.state, *plan.slots)}
            laws.next_step()
    return found

"""Which claims about nodes hold, found out for all nodes that are alike at once.

The laws are asked as they are for one node, of the same numbers with the same radii. Whatever does not plainly hold (an entry
near the edge of its ball or outside, a number that is not finite, too little power) is left, to be judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.nodes import FEWEST
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.plan import Plan
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claims, Statement
from bpcompare.proof.entrywise import LARGE
from bpcompare.proof.inside import NEARLY_ONE, SMALLEST
from bpcompare.proof.nodes.groups import Group, Groups
from bpcompare.proof.power import least as needed


@dataclass(frozen=True, eq=False)
class Held:
    """Claims that hold: their paths, the largest share and the power of each, and their rows of the law's ball."""

    statement: Statement
    paths: list[str]
    shares: Array
    powers: Array
    rows: Array
    mid: Array
    radius: Array


class SideBySide:
    """The claims of one step that hold, found out side by side; `left` are the places of those that are to be judged alone.

    `statements`, `shares` and `powers` are of all claims, "" and 0 for those that are left. Laws that differ from owner to owner,
    and algorithms with bounds of their own, are asked of each node by itself.
    """

    def __init__(self, plan: Plan, listed: Claims, balls: Balls, laws: Laws) -> None:
        self._fmt = balls.fmt
        self._parts = list(_parts(plan, balls, laws))
        self._part, self._row = np.full(len(listed), -1), np.zeros(len(listed), np.int64)
        self.statements = np.full(len(listed), "", "U9")
        self.shares, self.powers = np.zeros(len(listed)), np.zeros(len(listed))
        for number, part in enumerate(self._parts):
            places = np.fromiter((listed.numbers[path] for path in part.paths), np.int64, len(part.paths))
            self._part[places], self._row[places] = number, part.rows
            self.statements[places], self.shares[places], self.powers[places] = part.statement, part.shares, part.powers
        self.left: list[int] = np.flatnonzero(self._part < 0).tolist()

    def law(self, place: int) -> Ball:
        """The ball of the law of a claim that holds."""
        part, row = self._parts[self._part[place]], self._row[place]
        return Ball(part.mid[row], self._fmt, 0.0, part.radius[row])


def _parts(plan: Plan, balls: Balls, laws: Laws) -> Iterator[Held]:
    if type(laws) is not Laws or balls.algorithms or len(plan.network.nodes.names) < FEWEST:
        return
    for group in Groups(plan, balls, laws):
        ball = group.ball() if prod(group.shape) < LARGE else None  # large ones have quicker ways of their own
        if ball is not None and ball.shape == (len(group.paths), *group.shape):
            yield _held(group, ball, balls)


def _held(group: Group, ball: Ball, balls: Balls) -> Held:
    m, one = ball.mid, tuple(range(1, ball.ndim))
    recorded = balls.values.recorded
    x = np.concatenate([recorded[path] for path in group.paths], axis=0).reshape(m.shape)
    r = np.array(np.broadcast_to(np.asarray(ball.final_radius(), np.float64), m.shape))
    floored = r + SMALLEST
    share = np.abs(np.subtract(x, m, dtype=np.float64))
    share /= floored
    largest = share.max(axis=one)  # a NaN is the largest
    step = m if group.statement != "update" else m - _before(group, balls).reshape(m.shape)
    power = 2 * np.divide(floored, np.abs(step)).min(axis=one)
    sure = (largest <= NEARLY_ONE) & np.isfinite(r.max(axis=one)) & (r.min(axis=one) >= 0) & (power <= needed(balls.fmt.u))
    rows = np.flatnonzero(sure)
    return Held(group.statement, [group.paths[row] for row in rows.tolist()], largest[rows], power[rows], rows, m, r)


def _before(group: Group, balls: Balls) -> Array:
    given = balls.values.given
    return np.concatenate([given[path.removesuffix(".update")] for path in group.paths], axis=0)

"""Small claims of several steps of a record, judged at once: to ask a law takes longer than what it works out for one step.

The examples of all steps stand below one another, and their parameters along a new first axis; the laws say how they are asked of
that (`PlainLaw.stacked`). Each entry is worked out by the same operations as for its step alone, with the same radius, and what a
mistake must have shown is asked of each step. Where a step does not plainly hold, nothing is said of it: it is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.nodes import FEWEST
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.numbers.inner import Inner
from bpcompare.ops.op import Op
from bpcompare.plan import Plan
from bpcompare.proof import updates
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim, Claims
from bpcompare.proof.entries import Entries, is_entrywise
from bpcompare.proof.entrywise import SAMPLED, narrowest, unsure
from bpcompare.proof.evaluation import evaluate, format_for
from bpcompare.proof.inside import NEARLY_ONE, SMALLEST
from bpcompare.proof.power import least as needed
from bpcompare.proof.products import FEW, allowed, sums, worked_out
from bpcompare.proof.values import StepValues

MOST = 2**15
"""Claims about arrays of more numbers are judged step by step."""

AT_ONCE = 2**17
"""So many numbers of an array, of all steps together, stay in the processor's cache."""

Measures = tuple[Array, Array]
"""For each step the largest share of its balls, and its power."""


class Stacked:
    """The claims that hold of `steps`, found out for several of them at once.

    `shares` and `powers` have a row for each step and a column for each claim: NaN where a claim is to be judged by itself.
    """

    def __init__(self, plan: Plan, listed: Claims, steps: Sequence[Balls], laws: Laws) -> None:
        self.shares, self.powers = np.full((2, len(steps), len(listed)), np.nan)
        if type(laws) is not Laws or len(plan.network.nodes.names) >= FEWEST or not all(balls.quick for balls in steps):
            return
        for rows in _runs(steps):
            some = [steps[row] for row in rows]
            numbers = _Numbers(plan, some)
            joined = Balls(StepValues(numbers.given, numbers.recorded), some[0].fmt)
            asked = _StackedLaws(laws, len(some))
            for place, claim in enumerate(listed):
                if _suits(claim, some[0]):
                    self._hold(rows, place, claim, joined, asked)
        if len(steps) > 1:
            for places, some_rows, share, power in updates.measured(listed, steps, laws):
                self._keep(some_rows, places, share, power, steps[0].fmt.u)

    def _hold(self, rows: range, place: int, claim: Claim, joined: Balls, laws: Laws) -> None:
        try:
            found = _measured(claim, joined, laws, len(rows))
        except Exception:  # noqa: BLE001 — whatever it is, it is found again where each step is judged by itself
            return
        if found is not None:
            self._keep(slice(rows.start, rows.stop), place, *found, joined.fmt.u)

    def _keep(self, rows: slice, places: Any, share: Array, power: Array, u: float) -> None:
        holds = (share <= NEARLY_ONE) & (power <= needed(u))  # NaN is not
        self.shares[rows, places] = np.where(holds, share, np.nan)
        self.powers[rows, places] = np.where(holds, power, np.nan)


def _runs(steps: Sequence[Balls]) -> Iterator[range]:
    """Steps one after the other with equally many examples, two or more, as many as the cache has room for."""
    for _, alike in groupby(range(len(steps)), lambda row: len(steps[row].values.given["target"])):
        rows = list(alike)
        sizes = [x.size for x in steps[rows[0]].values.recorded.values()]
        most = max(2, AT_ONCE // max(size for size in (1, *sizes) if size <= MOST))
        for start in range(rows[0], rows[-1] + 1, most):
            found = range(start, min(start + most, rows[-1] + 1))
            if len(found) > 1:
                yield found


def _suits(claim: Claim, balls: Balls) -> bool:
    """Whether it is small, and about values, Δ or gradients. Update rules have a way of their own."""
    if claim.statement not in ("forward", "base", "inductive", "gradient") or claim.dtype or not claim.owners:
        return False
    sizes = [np.size(balls.number(path)) for path in (claim.path, *claim.premises)]
    return max(sizes) <= MOST


class _StackedLaws(Laws):
    """Laws that are asked of several steps at once."""

    def __init__(self, laws: Laws, steps: int) -> None:
        super().__init__(laws.ops, laws.updates, laws.calls, laws.rules)
        self._steps = steps

    def of(self, owner: str, op: Op) -> Any:
        """The law of `op` at `owner`, of several steps. Raises LookupError if they cannot be asked at once."""
        law: Any = super().of(owner, op)
        return law.stacked(self._steps)


class _Numbers:
    """The numbers of some steps: parameters, their gradients and E along a new first axis, all others below one another."""

    def __init__(self, plan: Plan, steps: Sequence[Balls]) -> None:
        own = frozenset({*plan.parameters, *(f"{name}.gradient" for name in plan.parameters)})
        self.given = _Joined([balls.values.given for balls in steps], own)
        self.recorded = _Joined([balls.values.recorded for balls in steps], own)


class _Joined(Mapping[str, Any]):
    """Arrays of several steps by path, joined when one is asked for."""

    def __init__(self, steps: Sequence[Mapping[str, Any]], own: frozenset[str]) -> None:
        self._steps, self._own = steps, own
        self._found: dict[str, Any] = {}

    def __getitem__(self, path: str) -> Any:
        if path not in self._found:
            parts = [step[path] for step in self._steps]
            stands = path in self._own or not np.ndim(parts[0])  # E is one number for each step
            self._found[path] = np.stack(parts) if stands else np.concatenate(parts)
        return self._found[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps[0])

    def __len__(self) -> int:
        return len(self._steps[0])

    def __contains__(self, path: object) -> bool:
        return path in self._steps[0]


def _measured(claim: Claim, balls: Balls, laws: Laws, steps: int) -> Measures | None:
    """What is known of each step; None if nothing is."""
    x, fmt = balls.values.recorded[claim.path], format_for(claim, balls, laws)
    if x.dtype.kind != "f" or not x.size:
        return None
    if sum(getattr(op, "connects", None) is not None for _, op in claim.owners) > 1:
        return None  # as one sum, the products of two layers have fewer roundings than two sums
    found = _entry_by_entry(claim, x, balls, laws, fmt, steps) if is_entrywise(claim, balls, laws) else None
    if found is None and (value := sums(claim, balls, laws)) is not None:
        found = _same(x, value, fmt, steps) if value.n == 0 else _sums(x, value, fmt, steps)
    return _by_balls(claim, x, balls, laws, steps) if found is None else found


def _entry_by_entry(claim: Claim, x: Array, balls: Balls, laws: Laws, fmt: Format, steps: int) -> Measures | None:
    """As `entrywise`: balls of the entries that are not near enough to the law's plain value, of large ones, and of a sample."""
    entries = Entries(balls, x.shape)
    m = claim.value(lambda path: entries.points(path, slice(None)), laws)
    far = unsure(x.reshape(-1), m, fmt.u * narrowest(claim, fmt, laws))
    if far is None:
        return None
    at = np.concatenate([far, _first(x.size, steps) + _largest(m, steps), np.arange(0, x.size, SAMPLED)])
    if at.size > x.size // 2:
        return None
    value = claim.value(lambda path: entries.ball(path, fmt, at), laws)
    radius = np.broadcast_to(np.asarray(value.final_radius(), np.float64), at.shape) + SMALLEST
    return _of_each(at, x.size, steps, np.abs(x.reshape(-1)[at] - value.mid), radius, value.mid)


def _same(x: Array, value: Inner, fmt: Format, steps: int) -> Measures | None:
    """What is only moved, by its bits: all of it is finite, for it does not come near the format's largest number."""
    same = (value.mid == x).reshape(steps, -1).all(axis=1)
    largest = np.abs(x).reshape(steps, -1).max(axis=1).astype(np.float64)
    return np.where(same, 0.0, np.nan), 2 * (max(value.rel, fmt.u) + (value.rad + fmt.tiny) / largest)


def _sums(x: Array, value: Inner, fmt: Format, steps: int) -> Measures | None:
    """As `products.near`: the entries that are not near enough, the least near of each step, and its largest one."""
    sure = allowed(value, fmt)
    if sure is None:
        return None
    taken = np.abs(value.mid - x) / (value.low * value.low.dtype.type(sure) + value.low.dtype.type(fmt.tiny))
    first = _first(x.size, steps)
    at = np.concatenate([np.flatnonzero(~(taken <= 1)), first + _largest(taken, steps), first + _largest(value.mid, steps)])
    if at.size > FEW // value.n or (found := worked_out(x, value, fmt, at)) is None:
        return None
    off, radius, exact = found
    return _of_each(at, x.size, steps, off, radius, exact)


def _by_balls(claim: Claim, x: Array, balls: Balls, laws: Laws, steps: int) -> Measures | None:
    """Every entry by its ball."""
    ball = evaluate(claim, balls, laws)
    if ball.shape != x.shape:
        return None
    radius = np.asarray(ball.final_radius(), np.float64) + SMALLEST
    share = (np.abs(x - ball.mid) / radius).reshape(steps, -1).max(axis=1)  # NaN is the largest
    power = 2 * (radius / np.abs(ball.mid)).reshape(steps, -1).min(axis=1)
    finite = np.isfinite(np.broadcast_to(radius, x.shape).reshape(steps, -1).max(axis=1))
    return np.where(finite, share, np.nan), power


def _of_each(at: Array, size: int, steps: int, off: Array, radius: Array, scale: Array) -> Measures:
    """Share and power of each step, by the entries `at` of all."""
    step = at // (size // steps)
    shares, powers = np.zeros(steps), np.full(steps, np.inf)
    np.maximum.at(shares, step, off / radius)
    np.minimum.at(powers, step, 2 * radius / np.abs(scale))
    return np.where(np.isfinite(powers), shares, np.nan), powers


def _first(size: int, steps: int) -> Array:
    return np.arange(0, size, size // steps)


def _largest(x: Array, steps: int) -> Array:
    """Where each step has its largest number."""
    return np.asarray(np.abs(x).reshape(steps, -1).argmax(axis=1))

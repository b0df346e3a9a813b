"""What is asked of every backend, and what one of them answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from bpcompare.numbers.ball import Format
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.record import Record
from bpcompare.program import Program
from bpcompare.proof.claims import ByPath, Claim, Claims, claims
from bpcompare.proof.values import StepValues, step_values


@dataclass(frozen=True, eq=False)
class Question:
    """A program and its claims: listed once, found by path."""

    program: Program

    @cached_property
    def claims(self) -> Claims:
        """Every claim of one step, each after those it rests on."""
        return claims(self.program)

    @cached_property
    def by_path(self) -> Mapping[str, Claim]:
        """The claims by their paths."""
        return ByPath(self.claims)


@dataclass(frozen=True, eq=False)
class Answer:
    """A record of a plan: the values of its steps, and the format that they were computed in."""

    plan: Plan
    record: Record

    @property
    def question(self) -> Question:
        """What it answers."""
        return question(self.plan)

    @cached_property
    def steps(self) -> tuple[StepValues, ...]:
        """What each step was given, and what was recorded of it."""
        return tuple(step_values(self.plan, self.record))

    @property
    def format(self) -> Format:
        """The format of its numbers."""
        return format_of(self.plan.dtype, self.record.provenance.flushes)


_ASKED: WeakKeyDictionary[Plan, Question] = WeakKeyDictionary()
"""Questions by plan. They hold no reference to their plan, so that a plan that is no longer used is freed with its numbers."""


def question(plan: Plan) -> Question:
    """The question of a plan: one for each plan, as long as that is kept."""
    if plan not in _ASKED:
        _ASKED[plan] = Question(plan.program)
    return _ASKED[plan]


def paths(plan: Plan) -> list[str]:
    """The path of every claim of every step of a run."""
    listed = question(plan).claims.paths
    return [step_prefix(number) + path for number in range(1, len(plan.batches) + 1) for path in listed]

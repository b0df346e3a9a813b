"""Gradients add up in `.grad`: of two backward passes without a step between, there is twice as much."""

from __future__ import annotations

from bpcompare.tools.gradient.contracts.asked import Asked, Gradients
from bpcompare.tools.gradient.contracts.comparison import compared
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.of_torch import TorchWay

ADVICE = "give back a gradient and leave .grad to autograd: what writes into .grad, or keeps what it gave, is added up wrong"


def accumulate(asked: Asked) -> Outcome:
    """`backward()` twice, into the same leaves."""
    way = asked.way
    if not isinstance(way, TorchWay):
        return Outcome("accumulate", "not tried", "only torch adds gradients up in the leaves")
    if way.partial:
        return Outcome("accumulate", "not tried", way.partial)

    def ask() -> Gradients:
        return asked.named(way.accumulated(asked.arguments(), [asked.raw(asked.dys) for _ in range(2)]))

    twice = {i: 2 * g for i, g in asked.first.items()}
    done = "backward() was called twice, without zero_grad() between"
    return compared(asked, "accumulate", done, ask, Expected(twice, asked.dys, scale=2.0), ADVICE) or Outcome(
        "accumulate", "kept"
    )

"""Gradients add up in `.grad`: of two backward passes without a step between, and of two calls in one backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.tools.gradient.contracts.asked import Asked, Dys, Gradients
from bpcompare.tools.gradient.contracts.comparison import compared
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.of_torch import TorchWay

KEPT = "give back a new tensor: autograd keeps the one of the first call until that of the second is there, and adds them up"
ADVICE = "give back a gradient and leave .grad to autograd: what writes into .grad, or keeps what it gave, is added up wrong"


def accumulate(asked: Asked) -> Outcome:
    """`backward()` twice, into the same leaves; and once through two calls, which get other dys."""
    way = asked.way
    if not isinstance(way, TorchWay):
        return Outcome("accumulate", "not tried", "only torch adds gradients up in the leaves")
    if way.partial:
        return Outcome("accumulate", "not tried", way.partial)

    def gradients(*passes: Sequence[Dys]) -> Gradients:
        raw = [[asked.raw(dys) for dys in forwards] for forwards in passes]
        return asked.named(way.accumulated(asked.arguments(), raw))

    def times(factor: float) -> Expected:
        return Expected({i: factor * g for i, g in asked.first.items()}, asked.dys, scale=factor)

    dys, done = asked.dys, "backward() was called twice, without zero_grad() between"
    twice = compared(asked, "accumulate", done, lambda: gradients([dys], [dys]), times(2.0), ADVICE)
    if twice is not None:
        return twice
    done = "it was called twice in one forward, and one backward() went through both calls"
    other = tuple((2 * dy).astype(dy.dtype) for dy in dys)
    both = compared(asked, "accumulate", done, lambda: gradients([dys, other]), times(3.0), KEPT)
    return both or Outcome("accumulate", "kept")

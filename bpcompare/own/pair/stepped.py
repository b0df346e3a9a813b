"""Where two programs part in the optimizer's step, though their gradients are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpcompare.ops.rule import Rule
from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.misreading import misreading
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.settings import WORDS, said, unlike
from bpcompare.own.pair.updates import Move
from bpcompare.own.pair.used import differing
from bpcompare.report.numbers import short


def stepped(updates: Sequence[Held], first: Mapping[str, Move], second: Mapping[str, Move]) -> Parting | None:
    """The first parameter whose update is another one; None where there is none."""
    found = next((one for one in updates if one.outcome == "differs"), None)
    if found is None:
        return None
    a, b = first[found.match.firsts[0]], second[found.match.seconds[0]]
    made = differing(first, second) or misreading(updates, first, second)
    return Parting("update", a.spot, b.spot, causes=(made,) if made else tuple(_causes(a, b, updates)))


def _causes(a: Move, b: Move, updates: Sequence[Held]) -> list[str]:
    """Settings of the two rules that are not the same; else a constant factor."""
    one, other = (move.rule.op if move.rule is not None else None for move in (a, b))
    if isinstance(one, Rule) and isinstance(other, Rule):
        if one.function != other.function:
            return [f"the rule: {one.function} in the first, {other.function} in the second"]
        names = list(unlike(one, other))
        if names:
            values = ((name, said(one.settings.get(name)), said(other.settings.get(name))) for name in names[:2])
            return [f"{WORDS.get(name, name)}: {x} in the first, {y} in the second" for name, x, y in values]
    ratios = {short(held.ratio) for held in updates if held.outcome != "same"}
    if len(ratios) == 1 and "nan" not in ratios:
        return [f"the first moves {ratios.pop()} times as far: the learning rate, most likely"]
    return []

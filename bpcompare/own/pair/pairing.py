"""Values of two programs that hold the same, and where the pairs end: on the way forward, and on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bpcompare.own.pair.parameters import Matched
from bpcompare.own.pair.prints import Index, distance
from bpcompare.own.pair.side import Side
from bpcompare.program import Step

AMPLIFIED = 4.0
"""How much wider pairs may be apart than the radii of all claims on the way, added up: some steps amplify what they are given."""


def tolerance(a: float, b: float) -> float:
    """How far apart, relative to their size, two numbers may be that rounding moved by as much as `a` and `b`."""
    return AMPLIFIED * (a + b)


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two passes, value by value. A value's partners are all values of the other program that hold the same numbers.

    They must come from the same parameters, too: so equal-looking values of different layers are no pairs.
    """

    first: Side
    second: Side
    matched: Matched

    @cached_property
    def forward(self) -> Partners:
        """Of values."""
        return self._partners(delta=False)

    @cached_property
    def back(self) -> Partners:
        """Of Δ."""
        return self._partners(delta=True)

    @cached_property
    def origins(self) -> tuple[dict[str, int], dict[str, int]]:
        """By value of each program: the groups of parameters that it comes from, as bits."""
        a: dict[str, int] = {}
        b: dict[str, int] = {}
        for match in self.matched.matches:
            a |= dict.fromkeys(match.firsts, 1 << match.alike)
            b |= dict.fromkeys(match.seconds, 1 << match.alike)
        return _spread(self.first, a), _spread(self.second, b)

    def _partners(self, *, delta: bool) -> Partners:
        a, b = self.first, self.second
        slack_a, slack_b = (a.slack_back, b.slack_back) if delta else (a.slack, b.slack)
        origin_a, origin_b = self.origins
        printed = [(path, one) for path in b.program.values if (one := b.print(path, delta=delta)) is not None]
        index, prints = Index(printed), dict(printed)
        widest = max(slack_b.values(), default=0.0)
        forward: dict[str, list[str]] = {}
        backward: dict[str, list[str]] = {}
        mute: tuple[set[str], set[str]] = set(), {path for path, one in printed if one.mute or (delta and b.terms(path))}
        for path in a.program.values:
            one = a.print(path, delta=delta)
            if one is None:
                continue
            if one.mute or (delta and a.terms(path)):
                mute[0].add(path)
            for other in index.near(one, tolerance(slack_a[path], widest)):
                if origin_a[path] == origin_b[other] and distance(one, prints[other]) <= tolerance(slack_a[path], slack_b[other]):
                    forward.setdefault(path, []).append(other)
                    backward.setdefault(other, []).append(path)
        return Partners(forward, backward, mute)

    @cached_property
    def lost_forward(self) -> tuple[list[Step], list[Step]]:
        """By program: the steps whose values have no partner, nor has anything that they lead to."""
        found = []
        for side, partners, mute in self.forward.both(self.first, self.second):
            good = _lead(
                [step.writes for step in reversed(list(side.steps()))],
                lambda path, side=side: [step.writes for step, _ in side.program.readers[path]],  # type: ignore[misc]
                partners,
                mute,
            )
            found.append([step for step in side.steps() if step.writes not in good])
        return found[0], found[1]

    @cached_property
    def lost_back(self) -> tuple[list[str], list[str]]:
        """By program, in the order of the way back: the values whose Δ has no partner, nor has any Δ that it leads to."""
        found = []
        for side, partners, mute in self.back.both(self.first, self.second):
            paths = [*side.program.values]
            leaves = [path for path in paths if path not in side.program.writers]
            made = [step.writes for step in side.steps()]
            order = [path for path in (*leaves, *made) if side.program.values[path].delta or path in made]
            known = {path for path in order if side.print(path, delta=True) is not None}
            leads = {path: _before(side, path) for path in made}
            good = _lead(order, lambda path, leads=leads: leads.get(path, []), partners, mute)  # type: ignore[misc]
            found.append([path for path in (*reversed(made), *leaves) if path in known and path not in good])
        return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Partners:
    """Partners by path, in both directions. `mute` are paths of each program that say nothing: a pair of these is no evidence."""

    forward: Mapping[str, list[str]]
    backward: Mapping[str, list[str]]
    mute: tuple[set[str], set[str]]

    def both(self, first: Side, second: Side) -> Iterable[tuple[Side, Mapping[str, list[str]], set[str]]]:
        """Each program with its partners."""
        return (first, self.forward, self.mute[0]), (second, self.backward, self.mute[1])


def _before(side: Side, path: str) -> list[str]:
    writer = side.program.writers.get(path)
    return [one for one in writer.reads if not side.program.values[one].given or side.program.values[one].delta] if writer else []


def _lead(
    order: Iterable[str], leads: Callable[[str], Iterable[str]], partners: Mapping[str, list[str]], mute: set[str]
) -> set[str]:
    """What has a partner, or leads to something that has one and says something. `order`: what is led to stands first."""
    good: set[str] = set()
    for path in order:
        if path in partners or any(after in good and after not in mute for after in leads(path)):
            good.add(path)
    return good


def _spread(side: Side, origins: dict[str, int]) -> dict[str, int]:
    """Origins of every value, from those of the parameters."""
    found = {path: origins.get(path, 0) for path in side.program.values}
    for step in side.program.steps:
        for path in step.reads:
            found[step.writes] |= found[path]
    return found

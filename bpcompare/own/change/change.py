"""What became of a run: the same bits, moved within rounding, another function, or wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bpcompare.own.change.crossed import Crossed, crossed
from bpcompare.own.change.difference import ADDED, GONE, Difference, of_given, of_parameters, of_part
from bpcompare.own.change.mapping import Mapped, mapped
from bpcompare.own.change.mark import apart
from bpcompare.own.change.outline import Outline, outline
from bpcompare.own.change.pairing import together
from bpcompare.own.step import WatchedStep
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding

Outcome = Literal["wrong", "changed", "undecided", "moved", "same"]
WORST: tuple[Outcome, ...] = ("wrong", "changed", "undecided", "moved", "same")
CODES: dict[Outcome, int] = {"same": 0, "moved": 0, "changed": 1, "wrong": 1, "undecided": 4}


@dataclass(frozen=True, slots=True)
class Moved:
    """A recorded array that has other bits now: its path, about how far it moved, and whether its law holds, then and now.

    `zero`: it is 0 up to rounding, so that its own size says nothing.
    """

    path: str
    apart: float | None
    proved: bool
    zero: bool = False


@dataclass(frozen=True, eq=False)
class Parting:
    """A number that is beyond rounding from what the calls of then give, on what they are given now; one of so many.

    `path`: what it is called now.
    """

    path: str
    claim: Claim
    finding: Finding
    number: int


@dataclass(frozen=True, eq=False)
class Change:
    """One run, `then` and `now`.

    `same`: the same calls, on the same bits, give the same bits. `moved`: other bits; but the calls are the same, on the same
    bits, and each number that moved follows its law, then and now: rounding did it. `undecided`: of a number that moved, no law
    could say so. `changed`: other calls, settings or parameters, or what the step is given. `wrong`: a number is refuted.
    """

    then: Outline
    step: WatchedStep

    @cached_property
    def now(self) -> Outline:
        """The new run, as it would be kept."""
        return outline(self.step)

    @cached_property
    def parts(self) -> tuple[Mapped, ...]:
        """Programs that stand for each other."""
        found: list[Mapped] = []
        for old, new in together(self.then.parts, self.now.parts):
            if old is not None and new is not None:
                found.append(mapped(old, new, found[-1].renamed if found else None))
        return tuple(found)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """What is another function now, or is given other numbers, in the order of time."""
        return tuple(dict.fromkeys((*self._different(), *self._given())))

    def _different(self) -> Iterator[Difference]:
        for old, new in together(self.then.parts, self.now.parts):
            if old is None or new is None:
                title = new.title if old is None and new is not None else old.title if old is not None else ""
                yield Difference("", title, ADDED if old is None else GONE)
        renamed = self.parts[-1].renamed if self.parts else {}
        yield from of_parameters(self.then, self.now, renamed)
        for one in self.parts:
            yield from of_part(one)

    def _given(self) -> Iterator[Difference]:
        handed = self._handed()
        for one in self.parts:
            yield from of_given(one, handed)

    def _handed(self) -> set[tuple[str, str]]:
        """Digests, then and now, of what the step itself makes: where another part is given that, it is no other beginning."""
        return {
            (one.then.recorded[old].digest, one.now.recorded[new].digest)
            for one in self.parts
            for old, new in one.recorded()
            if old in one.then.recorded and new in one.now.recorded
        }

    @cached_property
    def crossed(self) -> tuple[Crossed, ...]:
        """The laws of then on the numbers of now, where something is different."""
        made = dict(zip(map(id, self.now.parts), self.step.judged, strict=True))
        return tuple(crossed(one, made[id(one.now)].recording) for one in self.parts) if self.differences else ()

    @cached_property
    def parting(self) -> Parting | None:
        """Where the numbers part first: what is no longer what the calls of then give, forward before backward."""
        found = [
            (names.get(claim.path, claim.path), claim, finding)
            for names, one in zip(self._names, self.crossed, strict=False)
            for claim, finding in one.judged.findings
            if finding.outcome == "refuted" and not self._refused(claim.path)
        ]
        found.sort(key=lambda each: each[1].statement not in ("forward", "state", "update"))
        return Parting(*found[0], len(found)) if found else None

    @property
    def rewritten(self) -> bool:
        """Whether other calls, on the numbers that there are now, give just what those of then give, within rounding."""
        return (
            len(self.parts) == len(self.then.parts) == len(self.now.parts)
            and all(one.whole for one in self.crossed)
            and self.parting is None
        )

    @cached_property
    def _names(self) -> tuple[dict[str, str], ...]:
        return tuple(dict(one.recorded()) for one in self.parts)

    def _refused(self, path: str) -> bool:
        """Whether its law did not hold then either: a derivative that is not meant to be one."""
        return any(path in part.unproved for part in self.then.parts)

    @cached_property
    def moves(self) -> tuple[Moved, ...]:
        """What has other bits now, in the order of time."""
        return tuple(_moves(self.parts, {claim.path for _, claim, _ in self.step.zeros}))

    @property
    def compared(self) -> int:
        """How many recorded arrays were compared."""
        return sum(old in one.then.recorded and new in one.now.recorded for one in self.parts for old, new in one.recorded())

    @property
    def outcome(self) -> Outcome:
        """In one word."""
        if self.now.verdict == "wrong":
            return "wrong"
        if self.differences:
            return "changed"
        if not self.moves:
            return "same"
        return "moved" if all(move.proved for move in self.moves) else "undecided"

    @property
    def exit_code(self) -> int:
        """0 same or moved, 1 changed or wrong, 4 undecided."""
        return CODES[self.outcome]


def _moves(parts: Iterable[Mapped], zeros: set[str]) -> Iterator[Moved]:
    for one in parts:
        for old, new in one.recorded():
            before, after = one.then.recorded.get(old), one.now.recorded.get(new)
            if before is not None and after is not None and before.digest != after.digest:
                proved = old not in one.then.unproved and new not in one.now.unproved
                yield Moved(new, apart(before, after), proved, new in zeros or new.rpartition(".")[0] + ".gradient" in zeros)


@dataclass(frozen=True, eq=False)
class Changes:
    """Of all runs of one golden: a copy in float64, and the model as it is."""

    of: str
    runs: tuple[Change, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of the runs."""
        return min((run.outcome for run in self.runs), key=WORST.index)

    @property
    def exit_code(self) -> int:
        """0 same or moved, 1 changed or wrong, 4 undecided."""
        return CODES[self.outcome]

    def __str__(self) -> str:
        from bpcompare.own.change.text import text

        return text(self)


def change(then: Outline | WatchedStep, now: WatchedStep) -> Change:
    """What became of a run."""
    return Change(outline(then) if isinstance(then, WatchedStep) else then, now)


def changes(of: str, then: Sequence[Outline], now: Sequence[WatchedStep]) -> Changes:
    """What became of runs, by their titles. Raises ValueError where a run of then was not made now."""
    made = {step.title: step for step in now}
    missing = [one.title for one in then if one.title not in made]
    if missing or not then:
        raise ValueError(f"there is no run {missing[0]!r} to compare" if missing else "there is no run to compare")
    return Changes(of, tuple(change(one, made[one.title]) for one in then))

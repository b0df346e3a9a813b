"""A recording, judged: every claim of its program under the laws, on the numbers of this very run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.numbers.ball.format import format_of
from bpcompare.own import shares
from bpcompare.own.coverage import Covered, covered
from bpcompare.own.order import by_risk
from bpcompare.own.where import Where, functions
from bpcompare.program import Recording, Unexamined
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import judge
from bpcompare.proof.claims import Claim
from bpcompare.proof.entries import is_update
from bpcompare.proof.finding import Finding
from bpcompare.proof.question import Question
from bpcompare.proof.together import together
from bpcompare.proof.values import StepValues


@dataclass(frozen=True, eq=False)
class Judged:
    """The findings about one recording, each with its claim. `left` are claims that were not judged, for want of time."""

    covered: Covered
    question: Question
    findings: tuple[tuple[Claim, Finding], ...]
    failed: tuple[Unexamined, ...] = ()
    laws: Laws = field(default=LAWS, repr=False)
    left: tuple[Claim, ...] = ()

    @property
    def recording(self) -> Recording:
        """What was judged."""
        return self.covered.recording

    @property
    def values(self) -> StepValues:
        """Its numbers."""
        return StepValues(self.recording.given, self.recording.recorded)

    @cached_property
    def unexamined(self) -> tuple[Unexamined, ...]:
        """What could not be examined of it, however long it took."""
        return (*self.covered.unexamined(), *self.failed)

    @cached_property
    def refuted(self) -> tuple[tuple[Claim, Finding], ...]:
        """What left the proof."""
        return tuple(pair for pair in self.findings if pair[1].outcome == "refuted")


def judged(recording: Recording, laws: Laws = LAWS) -> Judged:
    """Judge every claim. Where a law cannot be evaluated, that claim is not examined, and it is said why."""
    judging = Judging([recording], laws)
    judging.go_on()
    return judging.judged()[0]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is being judged: claim `number` of `total`, of a `module` ("" outside of all), by the law of a `function`."""

    number: int
    total: int
    module: str
    function: str


class Judging:
    """The claims of some recordings, judged one after the other. It may be interrupted at any time, and go on later.

    `sampled`: those of the greatest risk first, for there may be no time for all.
    """

    def __init__(self, recordings: Sequence[Recording], laws: Laws = LAWS, *, sampled: bool = False) -> None:
        _keep_memory()
        self._parts = [_Part(recording, laws) for recording in recordings]
        waiting = [(part, number) for part in self._parts for number in _side_by_side(part.claims)]
        if sampled:
            order = by_risk([(part.where, part.claims[number]) for part, number in waiting])
            waiting = [waiting[number] for number in order]
        self._waiting = waiting
        self._at = 0

    def go_on(self, until: float | None = None, observed: Callable[[Moment], None] | None = None) -> None:
        """Judge what is left, until the monotonic clock says so at most. `observed` is told before each claim."""
        total = len(self._waiting)
        while self._at < total and (until is None or monotonic() < until):
            part, number = self._waiting[self._at]
            if observed is not None:
                claim = part.claims[number]
                observed(Moment(self._at + 1, total, part.where.module(claim), (*functions(claim), "")[0]))
            part.judge(number)
            self._at += 1  # only now: one that is interrupted is judged anew

    def judged(self) -> tuple[Judged, ...]:
        """What is known by now of each recording."""
        return tuple(part.judged() for part in self._parts)


def _side_by_side(claims: Sequence[Claim]) -> Iterator[int]:
    """The numbers of all claims; those about what one step sends back one after the other: they have much in common."""
    back: dict[str, list[int]] = {}
    for number, claim in enumerate(claims):
        if claim.statement in ("inductive", "gradient") and claim.owners:
            back.setdefault(claim.owners[0][0], []).append(number)
    done: set[int] = set()
    for number, claim in enumerate(claims):
        if number not in done:
            alike = back.get(claim.owners[0][0], [number]) if claim.statement == "inductive" and claim.owners else [number]
            yield from alike
            done.update(alike)


LARGEST = 2**25 - 2**13
"""Bytes of the largest array that glibc, by itself, ever takes from the memory that it keeps."""


def _keep_memory() -> None:
    """Free one large array, which nobody writes into.

    From then on glibc keeps what arrays of up to that size give back. Else it hands much of it to the system after every law, and
    the system takes longer to give it again than the law takes.
    """
    np.empty(LARGEST, np.uint8)


class _Part:
    """One recording, and what is known of it: findings by the numbers of their claims."""

    def __init__(self, recording: Recording, laws: Laws) -> None:
        self.where = Where(recording)
        self._recording, self._laws = recording, laws
        self._covered = covered(recording, laws)
        self._question = Question(self._covered.program)
        self.claims = self._question.claims
        self._balls: Balls | None = None
        self._found: dict[int, Finding] = {}
        self._failed: dict[int, str] = {}
        self._zeros: dict[str, float] = {}
        self._together: Mapping[int, Finding] | None = None

    def judge(self, number: int) -> None:
        """One claim."""
        claim = self.claims[number]
        if self._balls is None:
            values = StepValues(self._recording.given, self._recording.recorded)
            self._balls = Balls(values, format_of("float64"), exact=True)
        try:
            with np.errstate(all="ignore"):
                if self._together is None and is_update(claim):
                    self._together = together(self.claims, self._balls, self._laws)
                known = (self._together or {}).get(number)
                finding = known or judge(claim, self._balls, self._laws, "", self._zeros)
        except Exception as error:  # noqa: BLE001 — a law that fails says nothing about the code that is judged
            self._failed[number] = _reason(claim, error)
        else:
            if finding.terms and claim.statement == "gradient":
                self._zeros[claim.path] = finding.terms
            self._found[number] = finding
        if len(self._found) + len(self._failed) == len(self.claims):
            if any(finding.outcome == "convention" for finding in self._found.values()):
                with np.errstate(all="ignore"):
                    self._found |= shares.together(self.claims, self._found, self._balls, self._laws)
            self._balls.rest()
            self._balls = None  # and the wide copies of numbers with it

    def judged(self) -> Judged:
        """Its findings, in the order of the proof."""
        found = tuple((claim, self._found[number]) for number, claim in enumerate(self.claims) if number in self._found)
        left = tuple(
            claim for number, claim in enumerate(self.claims) if number not in self._found and number not in self._failed
        )
        failed = tuple(_failures([(self.claims[number], why) for number, why in sorted(self._failed.items())], self._recording))
        return Judged(self._covered, self._question, found, failed, self._laws, left)


def _reason(claim: Claim, error: Exception) -> str:
    return f"the law of {', '.join(functions(claim))} does not speak of this call: {error}"


def _failures(failed: Sequence[tuple[Claim, str]], recording: Recording) -> Iterator[Unexamined]:
    groups: dict[str, list[Claim]] = {}
    for claim, why in failed:
        groups.setdefault(why, []).append(claim)
    for why, claims in groups.items():
        place = recording.places.get(claims[0].owners[0][0]) if claims[0].owners else None
        more = f" and {len(claims) - 1} more" if len(claims) > 1 else ""
        yield Unexamined(f"{claims[0].path}{more}", why, place.line if place is not None else "")

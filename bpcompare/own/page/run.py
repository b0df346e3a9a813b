"""One run as it is shown: its verdict, what is wrong in it, its modules with their calls, what was done to gradients after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from bpcompare.own.judged import Judged
from bpcompare.own.page.call import Calls, Shown, ids_of, is_pass
from bpcompare.own.page.chosen import BLAMED, chosen
from bpcompare.own.page.module import Module, Timed, modules
from bpcompare.own.page.row import States, worst
from bpcompare.own.step import WatchedStep
from bpcompare.own.text import alike, head, measures, reached, text, title, told
from bpcompare.own.tree import grown
from bpcompare.own.wrong import wrongs
from bpcompare.program import Unexamined
from bpcompare.report.lines import counted
from bpcompare.report.numbers import short


@dataclass(frozen=True)
class Blame:
    """A kind of mistake: whose it is, the id of its first claim, what is said of it, the same ones elsewhere with their ids."""

    title: str
    id: str
    said: tuple[tuple[str, str], ...]
    also: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """A recording that is no way back through modules: gradients after it, or an optimizer's step."""

    title: str
    state: str
    held: str
    calls: tuple[Shown, ...]


@dataclass(frozen=True)
class Run:
    """What the page says of one run. `sheets` of its `claims` are shown with their numbers and formula."""

    id: str
    title: str
    verdict: str
    head: str
    said: tuple[tuple[str, str], ...]
    reached: str
    passes: int
    report: str
    again: str
    blames: tuple[Blame, ...]
    facts: tuple[tuple[str, str], ...]
    zeros: tuple[tuple[str, str], ...]
    unexamined: tuple[Unexamined, ...]
    root: Module
    parts: tuple[Part, ...]
    calls: int
    claims: int
    sheets: int


def run(step: WatchedStep, number: int, room: int, before: Sequence[WatchedStep]) -> Run:
    """The run `number` of a page, with at most `room` sheets. `before` are the runs in front of it."""
    states, name = States(step), f"r{number}"
    wanted = chosen(step, states, room)
    by_module: dict[str, list[Timed]] = {}
    made = count()
    parts: list[Part] = []
    for at, one in enumerate(step.judged):
        shown = tuple(Calls(at, one, states, wanted, name))
        if not is_pass(one.recording.program):
            parts.append(_part(one, shown))
            continue
        for call in shown:
            by_module.setdefault(call.module, []).append(Timed(call, next(made), one.recording.title))
    root = grown(step)
    for module in by_module:
        root.at(module)  # one of which nothing is claimed
    return Run(
        id=name,
        title=step.title or "this run",
        verdict=step.verdict,
        head=head(step),
        said=tuple((label, words) for label, words, _ in measures(step)),
        reached=reached(step),
        passes=sum(is_pass(one.recording.program) for one in step.judged),
        report=text(step, before),
        again=step.again,
        blames=tuple(_blames(step, name)),
        facts=_facts(step),
        zeros=tuple((claim.path, _why(finding.doubt, finding.terms)) for _, claim, finding in step.zeros),
        unexamined=step.unexamined,
        root=modules(root, by_module),
        parts=tuple(part for part in parts if part.calls),
        calls=sum(len(one.recording.program.steps) for one in step.judged),
        claims=len(step.findings),
        sheets=len(wanted.sheets),
    )


def _part(one: Judged, calls: tuple[Shown, ...]) -> Part:
    held = sum(finding.outcome in ("holds", "convention") for _, finding in one.findings)
    state = worst(call.state for call in calls if call.state)
    return Part(one.recording.title, state, f"{held:,}/{len(one.findings):,}" if one.findings else "", calls)


def _blames(step: WatchedStep, name: str) -> Iterator[Blame]:
    ids = {id(one): ids_of(f"{name}p{at}", one) for at, one in enumerate(step.judged)}
    for number, group in enumerate(alike(wrongs(step)).values()):
        first, *rest = group
        also = tuple((other.module or other.claim.path, ids[id(other.judged)][other.claim.path]) for other in rest)
        said = tuple((label, words) for label, words, _ in told(first)) if number < BLAMED else ()
        yield Blame(title(first), ids[id(first.judged)][first.claim.path], said, also)


def _facts(step: WatchedStep) -> tuple[tuple[str, str], ...]:
    values = [value for one in step.watched.recordings for value in one.program.values.values() if value.dtype]
    formats = Counter(value.dtype for value in values)
    counts = ", ".join(f"{dtype}: {counted(number, 'value')}" for dtype, number in formats.most_common())
    return (*step.watched.facts.items(), ("formats", counts or "none"))


def _why(doubt: str, terms: float) -> str:
    if terms:
        return f"0 up to rounding: terms of {short(terms)} cancel"
    return {"still": "it does not move", "blurred": "its step is lost in its rounding", "empty": "it is empty"}.get(
        doubt, "0 on these numbers, term by term: nothing could show"
    )

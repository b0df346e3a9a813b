"""What a person reads about several ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bpcompare.own.ranks.mean import cause
from bpcompare.own.ranks.rank import Rank
from bpcompare.own.ranks.sync import Apart
from bpcompare.own.text import text as text_of_step
from bpcompare.proof.finding import Finding
from bpcompare.report.lines import counted, joined, labelled, named, shown
from bpcompare.report.numbers import long, off, short

if TYPE_CHECKING:
    from bpcompare.own.ranks.ranks import Ranks

PLACES = 3
"""Wrong places of one kind that are told one by one."""


def text(it: Ranks) -> str:
    """The whole report; behind it that of every rank that is not certified."""
    facts = it.members[0].step.watched.facts
    framework = f"{facts.get('framework', '')} {facts.get('version', '')}".strip()
    lines = [f"{it.verdict}  {len(it.members)} ranks, {framework}: one step of each"]
    lines += _told(it.apart, _apart, "parameter") + _told(it.refuted, lambda found: _not_the_mean(it.members, *found), "gradient")
    lines += [""] if it.apart or it.refuted else []
    lines += _measures(it)
    others = [f"\n{text_of_step(step)}" for step in it.steps if step.verdict != "certified"]
    return "\n".join([joined(lines), *others])


def _told(found: Sequence[Any], tell: Callable[[Any], list[str]], noun: str) -> list[str]:
    lines = [line for one in found[:PLACES] for line in ("", *tell(one))]
    more = len(found) - PLACES
    return lines + (["", *labelled("more", f"the same of {counted(more, noun)} more, on some rank", 1)] if more > 0 else [])


def _apart(one: Apart) -> list[str]:
    when = "after the step, from the same numbers" if one.after else "before the step: the ranks are not in sync"
    lines = [shown(f"{one.name} of rank {one.rank} is not that of rank {one.first} {when}")]
    lines += labelled("where", one.where, 2)
    return lines + (labelled("cause", one.cause, 2) if one.cause else [])


def _not_the_mean(ranks: Sequence[Rank], name: str, rank: Rank, finding: Finding) -> list[str]:
    lines = [shown(f"{name}.gradient on rank {rank.number} is not the mean over {len(ranks)} ranks")]
    index = f"[{', '.join(map(str, finding.worst))}]" if finding.worst else "its only element"
    share = f", {finding.off:,} of {finding.size:,} elements" if finding.size > 1 else ""
    lines += labelled("where", f"at {index}: {off(finding.recorded, finding.expected)}{share}", 2)
    lines += labelled("recorded", long(finding.recorded).strip(), 1)
    lines += labelled("law", f"{long(finding.expected).strip()} ± {short(finding.radius)}, from what each rank accumulated", 2)
    why = cause(ranks, name, rank)
    return lines + (labelled("cause", why, 2) if why else [])


def _measures(it: Ranks) -> list[str]:
    count, held = len(it.findings), sum(finding.outcome in ("holds", "convention") for *_, finding in it.findings)
    zeros = sum(finding.doubt == "zero" for *_, finding in it.findings)
    rest = f", {zeros:,} of them 0 on every rank" if zeros else ""
    lines = labelled("means", f"{held + zeros:,} of {count:,} gradients (each on each rank) are the mean over all{rest}", 2)
    sharp = max((finding.power for *_, finding in it.findings if finding.outcome == "holds"), default=0.0)
    if held:
        lines += labelled("power", f"a mistake of {short(sharp)} (relative) would have shown in each that is not 0", 2)
    if it.unused:
        names = [f"{name} (rank {', '.join(map(str, numbers))})" for name, numbers in it.unused.items()]
        lines += labelled("unused", f"{named(names)}: not used there, and counted as 0 in the mean", 2)
    verdicts = ", ".join(f"{step.title} {step.verdict}" for step in it.steps)
    lines += labelled("ranks", verdicts, 2)
    if not it.unexamined:
        return lines + labelled("unexamined", "nothing of what the ranks have in common", 1)
    for number, one in enumerate(it.unexamined):
        lines += labelled("" if number else "unexamined", f"{one.what}: {one.why}", 2)
    return lines

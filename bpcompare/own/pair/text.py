"""What a person reads about two programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bpcompare.own.wrong import Wrong
from bpcompare.report.lines import counted, joined, labelled, named, shown
from bpcompare.report.numbers import relative, short

if TYPE_CHECKING:
    from bpcompare.own.pair.compared import Compared
    from bpcompare.own.pair.gradients import Held
    from bpcompare.own.pair.parting import Parting
    from bpcompare.own.pair.passes import Passes
    from bpcompare.own.pair.side import Spot
    from bpcompare.own.step import WatchedStep

MISSING = 3
"""Reasons why something was not compared that are told."""


def text(compared: Compared) -> str:
    """The whole report, at most 15 lines where all is well."""
    lines = _head(compared)
    if compared.obstacles:
        for obstacle in compared.obstacles:
            lines += labelled("why", obstacle, 4)
        return joined([*lines, *_alone(compared)])
    if compared.first is not None:
        lines += _parting(compared, compared.first)
    lines += _passes(compared.passes[0]) if len(compared.passes) == 1 else _several(compared)
    if compared.updates:
        lines += _held("updates", "update", compared.updates)
    if compared.verdict == "undecided":
        why = "farther apart than rounding explains, and nearer than mistakes put them; or rounding explains too much"
        lines += labelled("undecided", f"{why}. Copies in float64 tell more", 2)
    if compared.beside is not None and compared.verdict != "differ":
        lines += _beside(compared.beside)
    for name in compared.unwatched:
        whose = f"loss and gradients of {name} are those of its run that nobody watched, which gave other bits"
        lines += labelled("unwatched", f"{whose}: it is compiled, say", 2)
    return joined([*lines, *_alone(compared), *_missing(compared)])


def _head(compared: Compared) -> list[str]:
    who = []
    for name, step in zip(compared.names, compared.steps, strict=True):
        facts = step.watched.facts
        who.append(f"{name} ({facts.get('framework', '')} {facts.get('version', '')})")
    title = compared.steps[0].title
    runs = " in float64" if "float64" in title else f" {title}" if title else ""
    return [shown(f"{compared.verdict}  {who[0]} and {who[1]}{runs}")]


def _parting(compared: Compared, found: Parting) -> list[str]:
    """Where they part, in both programs, and what was the same just before."""
    ways = {
        "forward": "on the way forward: nothing that is made of it in the one is found in the other",
        "state": "in what is kept for the next step: loss and gradients are the same",
        "update": "in the optimizer's step: the gradients are the same, what is made of them is not",
        "back": "on the way back: the loss is the same, what these send back is not",
    }
    lines = labelled("they part", ways[found.way], 2)
    for label, spot in (("first", found.first), ("second", found.second)):
        lines += labelled(label, "has nothing here" if spot is None else _spot(spot), 2)
    if found.before is not None:
        lines += labelled("after", f"{found.before[0]} = {found.before[1]}, the last pair before it", 2)
    for cause in found.causes:
        lines += labelled("cause", cause, 3)
    return lines + _blame(compared)


def _spot(spot: Spot) -> str:
    shape = "×".join(map(str, spot.shape)) if spot.shape else ""
    return f"{spot}{f', gives {shape}' if shape else ''}"


def _blame(compared: Compared) -> list[str]:
    """Who is wrong, by its own law."""
    lines: list[str] = []
    for name, step, verdict in zip(compared.names, compared.steps, compared.alone, strict=True):
        if verdict == "wrong":
            lines += labelled("blame", f"{name}, by its own law: {_places(step)}; check it alone for more", 3)
    if not lines and all(verdict == "certified" for verdict in compared.alone):
        lines += labelled("blame", "neither: both are certified by themselves, so they are two functions from here on", 2)
    return lines


def _places(step: WatchedStep) -> str:
    kinds = dict.fromkeys((one.culprit, one.module, one.line) for one in (Wrong(*found) for found in step.refuted))
    places = [f"{culprit}{f' in {module}' if module else ''}{f' ({line})' if line else ''}" for culprit, module, line in kinds]
    return named(places, 2, 80) if places else "in another run"


def _passes(one: Passes) -> list[str]:
    a, b = one.losses
    both = f"{a:.15g} in both" if one.loss_outcome == "same" else f"{a:.15g} and {b:.15g}"
    lines = labelled("loss", f"{both}: {relative(one.loss_apart)} apart, where rounding explains {short(one.loss_allowed)}", 2)
    lines += _held("gradients", "gradient", one.gradients)
    counts = [f"{sum(path in partners for path in made):,} of {len(made):,}" for partners, made in _made(one)]
    return lines + labelled("values", f"{counts[0]} of the first have a partner, {counts[1]} of the second", 2)


def _several(compared: Compared) -> list[str]:
    """Of several passes: how far apart they are at most."""
    far = max(compared.passes, key=lambda one: one.loss_apart)
    sizes = f"at most {relative(far.loss_apart)} apart, where rounding explains {short(far.loss_allowed)}"
    lines = labelled("losses", f"{len(compared.passes)} backward passes: {sizes}", 2)
    return lines + _held("gradients", "gradient", compared.gradients)


def _held(label: str, noun: str, found: Sequence[Held]) -> list[str]:
    """How many are the same, how near, and which are not."""
    same = [held for held in found if held.outcome == "same"]
    farthest = max(same, key=lambda held: held.apart, default=None)
    apart = "" if farthest is None else f", at most {short(farthest.apart)} apart (rounding explains {short(farthest.allowed)})"
    layouts = _layouts(same) if noun == "gradient" else ""
    lines = labelled(label, f"{len(same):,} of {counted(len(found), noun)} are the same{apart}{layouts}", 3)
    other = sorted((held for held in found if held.outcome != "same"), key=lambda held: -held.apart)
    return lines + (labelled("", f"others: {named([_other(held) for held in other], 4, 80)}", 4) if other else [])


def _made(one: Passes) -> list[tuple[Mapping[str, object], list[str]]]:
    forward = one.pairing.forward
    return [
        (forward.forward, [step.writes for step in one.first.steps()]),
        (forward.backward, [step.writes for step in one.second.steps()]),
    ]


def _layouts(same: list[Held]) -> str:
    counts = Counter(held.layout for held in same if held.layout)
    return f"; layouts: {', '.join(f'{number:,} {name}' for name, number in counts.items())}" if counts else ""


def _other(held: Held) -> str:
    ratio = f", {short(held.ratio)} times in every element" if abs(held.ratio) > held.allowed else ""  # not 0, nor NaN
    moved = ", the same numbers in another order" if held.moved else ""
    return f"{held.match} ({relative(held.apart)} apart{ratio}{moved})"


def _beside(other: Compared) -> list[str]:
    """The two as they are, in a line: how far apart they are there."""
    if other.obstacles:
        return []
    far = max(other.gradients, key=lambda held: held.apart)
    size = f"the gradients are at most {relative(far.apart)} apart ({far.match}), where rounding explains {relative(far.allowed)}"
    return labelled("as is", f"in their own precision {size}", 2)


def _alone(compared: Compared) -> list[str]:
    first, second = compared.alone
    said = f"both are {first}" if first == second else f"the first is {first}, the second {second}"
    return labelled("alone", f"each by its own law: {said}", 1)


def _missing(compared: Compared) -> list[str]:
    groups: dict[str, list[str]] = {}
    for what, why in compared.missing:
        groups.setdefault(why, []).append(what)
    lines: list[str] = []
    for why, names in list(groups.items())[:MISSING]:
        lines += labelled("" if lines else "in part", f"{named(names, 4, 80)}: {why}", 3)
    return lines + (labelled("", f"and {len(groups) - MISSING:,} more reasons", 1) if len(groups) > MISSING else [])

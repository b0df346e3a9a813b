"""What a person reads about a watched step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isfinite

from bpcompare.own.causes.not_taken import not_taken
from bpcompare.own.coverage import REDUCED
from bpcompare.own.law import OWN
from bpcompare.own.left import STATEMENTS, founded
from bpcompare.own.replay import Replay
from bpcompare.own.step import HOOK, WatchedStep, harmless
from bpcompare.own.wrong import Wrong, wrongs
from bpcompare.proof.reduced import REDUCED as CUT
from bpcompare.proof.reduced import reduced
from bpcompare.report.lines import clipped, counted, joined, labelled, named, roomy, shown, unlabelled
from bpcompare.report.numbers import long, off, short

PLACES = 3
"""Wrong places that are told one by one."""

REASONS = 4
"""Reasons why something was not examined that are told."""
WHAT = 80
"""Cells of what was not examined."""
KINDS = 5
"""Things that were not examined for the same reason, by name."""
EVERY = 1_000
FORMULA = 2
"""Lines that a formula may take; a longer one is not shown, for nobody reads it."""

MOVED = ("backward", "identity", "all_reduce", "clone", "detach", "view", "zero", "fill")
"""Functions that leave a gradient as it is, or begin it anew, and the accumulation by backward itself."""

Said = tuple[str, str, int]
"""A label, words, and the lines of the usual width that these may take."""


def text(step: WatchedStep, before: Sequence[WatchedStep] = ()) -> str:
    """The whole report, at most 15 lines where all is well. What was wrong `before`, in other runs of it, is not told again."""
    lines = unlabelled(head(step))
    wrong = wrongs(step)
    told = {Wrong(*found).kind for one in before for found in one.refuted}
    if wrong:
        lines += [*_wrong(wrong, told), *([] if told else _again(step)), ""]
    for label, words, most in measures(step):
        lines += labelled(label, words, most)
    lines += _unexamined(step)
    return joined(lines)


def _again(step: WatchedStep) -> list[str]:
    """How to see it again. A command is not wrapped: it is to be copied."""
    if step.again:
        return [f"  {'reproduce':<11}{shown(step.again)}"]
    seed = step.watched.facts.get("seed")
    drawn = f"the generators' seed was {seed}; " if seed else ""
    return labelled("reproduce", f"{drawn}step.save(path) keeps these very numbers, for bpcompare.load_watched", 2)


def head(step: WatchedStep) -> str:
    """The verdict, and what it is about."""
    facts = step.watched.facts
    formats = sorted({value.dtype for one in step.watched.recordings for value in one.program.values.values() if value.dtype})
    what = ", ".join(one.title for one in step.watched.recordings) or "nothing"
    run = f" {step.title}" if step.title else ""
    who = f"{facts.get('framework', '')} {facts.get('version', '')} {'/'.join(formats)} on {facts.get('device', 'cpu')}"
    return f"{step.verdict}  {who}{run}: {clipped(what, 80)}"


def measures(step: WatchedStep) -> Iterator[Said]:
    """How much was claimed, how sharply, and what is 0: labels, words, and the lines that they may take."""
    counts = Counter(STATEMENTS[claim.statement] for _, claim, _ in step.findings)
    outcomes = Counter(finding.outcome for _, _, finding in step.findings)
    kinds = ", ".join(counted(number, kind) if kind != "Δ" else f"{number:,} Δ" for kind, number in counts.items())
    functions = {place.function for one in step.watched.recordings for place in one.places.values()}
    calls = sum(len(one.program.steps) for one in step.watched.recordings)
    yield "steps", f"{counted(calls, 'call')} of {counted(len(functions), 'function')}", 1
    others = {
        "refuted": len(step.refuted),
        "meant to differ": len(step.deviations),
        "undecided": len(step.undecided),
        "listed under zeros": sum(harmless(claim, finding) for _, claim, finding in step.zeros),
    }
    rest = "".join(f", {number:,} {outcome}" for outcome, number in others.items() if number)
    yield "claims", f"{outcomes['holds'] + outcomes['convention']:,} of {len(step.findings):,} hold{rest}: {kinds}", 2
    yield from _sampled(step)
    size, where = step.power
    if isfinite(size):
        reach = "everywhere else" if step.zeros else "everywhere"
        reach += " that was judged" if step.left else ""
        yield "power", f"a mistake of {short(size)} (relative) would have shown {reach}; least sharp at {where}", 2
    if outcomes["convention"]:
        yield "kinks", f"{outcomes['convention']:,} at a kink, with another valid derivative than the law's convention", 1
    yield from _reduced(step)
    yield from _zeros(step)
    yield from _own(step)
    yield from _estimated(step)
    yield from _changed(step)
    yield from _by_hand(step)
    yield from _put_back(step)
    yield from _rule(step)
    yield from _copies(step)
    yield from _unused(step)
    yield from _varies(step)
    yield from _deviations(step)
    yield from _undecided(step)
    yield from _replays(step)


def _sampled(step: WatchedStep) -> Iterator[Said]:
    """That not all was judged, and what that makes of the gradients that were."""
    missing = sum(len(one.left) for one in step.judged)
    if not missing:
        return
    whole, gradients = founded(step.judged)
    words = f"{missing:,} of {len(step.findings) + missing:,} claims were not judged"
    if gradients:
        words += (
            f"; a gradient holds by the Δ recorded behind it: of {gradients:,} judged, {whole:,} had all of that judged, too, "
            "as far as the loss"
        )
    yield "sampled", words, 3


def _reduced(step: WatchedStep) -> Iterator[Said]:
    """Products of float32 that were computed with fewer bits than these have: it is allowed, and takes of the power."""
    found = [(claim, finding) for _, claim, finding in step.findings if finding.note == CUT]
    if found:
        off = max(reduced(claim) for claim, _ in found)
        words = f"{counted(len(found), 'claim')} only if factors may be off by {short(off)}, as {step.framework} was allowed"
        yield "products", f"{words} ({named([claim.path for claim, _ in found], 1)})", 2


def _zeros(step: WatchedStep) -> Iterator[Said]:
    cancelled = [claim.path for _, claim, finding in step.zeros if finding.terms]
    still = [claim.path for _, claim, finding in step.zeros if finding.doubt in ("still", "blurred")]
    nothing = [claim.path for _, claim, finding in step.zeros if finding.doubt in ("zero", "empty")]
    parts = []
    if cancelled:
        parts.append(f"{len(cancelled):,} up to rounding ({named(cancelled, 2)})")
    if nothing:
        parts.append(f"{len(nothing):,} on these numbers, where nothing could show ({named(nothing, 2)})")
    if still:
        parts.append(f"{len(still):,} that hardly move: the step is lost in their rounding ({named(still, 1)})")
    if step.zeros:
        yield "zeros", "; ".join(parts), 3


def _own(step: WatchedStep) -> Iterator[Said]:
    """Laws that somebody else added: the verdict rests on them."""
    functions = {getattr(owner[1], "function", "") for _, claim, _ in step.findings for owner in claim.owners}
    if functions & OWN:
        yield "laws", f"yours: {named(sorted(functions & OWN))}; the verdict rests on them", 2


def _estimated(step: WatchedStep) -> Iterator[Said]:
    """Functions whose Δ is no derivative, as the framework says of them: gradients behind them are estimates."""
    from bpcompare.laws.calls.quantized import ESTIMATED  # not where a report is only read

    functions = {getattr(owner[1], "function", "") for _, claim, _ in step.findings for owner in claim.owners}
    if found := sorted(functions & ESTIMATED):
        words = (
            f"{named(found, KINDS)}: their Δ is a straight-through estimate, as {step.framework} documents it, and no derivative"
        )
        yield "estimates", f"{words} of what they compute; nor are the gradients behind them", 3


def _changed(step: WatchedStep) -> Iterator[Said]:
    """What was done to gradients between backward and their use: it is judged as what it is; nobody knows whether it is meant."""
    found: dict[str, None] = {}
    for one in step.watched.recordings:
        if one.title.startswith("gradients"):
            places = [one.places[made.name] for made in one.program.steps if made.name in one.places]
            found |= {f"{place.function} ({place.line})": None for place in places if place.function not in MOVED}
    if found:
        yield "between", f"gradients are changed before their use, by {named(list(found), KINDS)}", 2


def _by_hand(step: WatchedStep) -> Iterator[Said]:
    """Updates that no rule was asked about."""
    if updates := step.watched.facts.get("by hand", ""):
        words = f"{named(updates.split('; '))}, function by function: each does what it says; whether together they are the rule"
        yield "by hand", f"{words} that is meant was not asked, and states were taken as they were found", 2


def _put_back(step: WatchedStep) -> Iterator[Said]:
    """Parameters that were moved by hand and put back where they had been: gradients may be those of the place between."""
    if parameters := step.watched.facts.get("put back", ""):
        words = "moved by hand, and put back to the very numbers before: gradients of in between are those of another place"
        yield "put back", f"{named(parameters.split('; '))}: {words}", 2


def _rule(step: WatchedStep) -> Iterator[Said]:
    """The rule that a chain of functions was told to be."""
    if rule := step.watched.facts.get("rule", ""):
        yield "rule", f"parameters and states were held against {rule}; and every function of the update by itself", 2


def _copies(step: WatchedStep) -> Iterator[Said]:
    """That an optimizer moves copies of parameters."""
    if copies := step.watched.facts.get("copies", ""):
        yield "copies", f"an optimizer moves copies of parameters: {named(copies.split('; '))}", 2


def _unused(step: WatchedStep) -> Iterator[Said]:
    """Gradients that were made for nobody: of parameters of no optimizer, or cleared before its step."""
    if unused := step.watched.facts.get("unused", ""):
        names = unused.split("; ")
        yield "unused", f"{counted(len(names), 'gradient')}: no step of an optimizer used that of {named(names)}", 2


def _varies(step: WatchedStep) -> Iterator[Said]:
    """Gradients that have other last bits in each run, watched or not: sums are added up in whatever order comes."""
    if varying := step.watched.facts.get("varies", ""):
        names = varying.split("; ")
        words = f"{counted(len(names), 'gradient')} from run to run, by roundings ({named(names, 2)})"
        yield "varies", f"{words}: watched or not; judged is this run", 2


def _deviations(step: WatchedStep) -> Iterator[Said]:
    if names := sorted({Wrong(*found).culprit for found in step.deviations} - {f"{HOOK}.backward"}):
        yield "intended", f"{named(names)}: no derivative of the forward, as was said", 2
    if hooked := list(dict.fromkeys(one.what for one in step.hooked)):
        yield "intended", f"hooks change {named(hooked)}, as was said", 2
    if step.reduced_as_meant:
        yield "intended", f"{REDUCED}: what other ranks have added to gradients was taken as it is", 1


def _undecided(step: WatchedStep) -> Iterator[Said]:
    if step.undecided:
        _, claim, finding = max(step.undecided, key=lambda found: found[2].power)
        more = f"; and {len(step.undecided) - 1:,} more" if len(step.undecided) > 1 else ""
        yield "undecided", f"{claim.path}: {finding.note}{more}", 3
        why = next(filter(None, (not_taken(one, claim) for one, claim, _ in step.undecided)), "")
        if why:
            yield "cause", why, 4


def reached(step: WatchedStep) -> str:
    """How many parameters with a gradient were reached, and how many have none."""
    many = sum(not why for why in step.watched.parameters.values())
    idle = Counter(why for why in step.watched.parameters.values() if why and why != "unseen")
    rest = "".join(f"; {number:,} {why}" for why, number in idle.items())
    return f"all {counted(many, 'parameter')} with a gradient are reached{rest}"


def _replays(step: WatchedStep) -> Iterator[Said]:
    """The whole step in another framework's arithmetic."""
    if step.replays is None:
        return
    if not step.replays:
        yield "replay", "there is no backward pass in it that could be replayed", 2
    for number, one in enumerate(step.replays):
        of = f"{one.title}: " if len(step.replays) > 1 else ""
        yield "" if number else "replay", f"{of}{_replay(step, one)}", 3


def _replay(step: WatchedStep, one: Replay) -> str:
    if one.failed:
        lacking = f": {named(list(one.lacking), 4, 2 * WHAT)}" if one.lacking else ""
        return f"{one.framework} could not compute the step again: {one.failed}{lacking}"
    own = ", the code's own framework," if one.framework == step.framework else ""
    distance, where = one.farthest
    gradients = counted(len(one.apart), "gradient")
    return (
        f"{one.framework}{own} from what the step was given alone: {gradients}, at most {short(distance)} of their largest "
        f"element apart from the recorded ones, at {where}"
    )


def _unexamined(step: WatchedStep) -> list[str]:
    if not step.unexamined:
        return labelled("unexamined", f"nothing: {reached(step)}", 2)
    groups: dict[str, list[str]] = {}
    for one in step.unexamined:
        called = clipped(one.what, WHAT)
        groups.setdefault(one.why, []).append(f"{called} ({one.line})" if one.line else called)
    lines: list[str] = []
    for why, what in list(groups.items())[:REASONS]:
        lines += labelled("" if lines else "unexamined", f"{named(what, KINDS, 2 * WHAT)}: {why}", 3)
    more = sum(map(len, list(groups.values())[REASONS:]))
    return lines + (labelled("", f"and {more:,} more", 1) if more else [])


def _wrong(found: list[Wrong], told: Collection[tuple[str, str]]) -> list[str]:
    groups = alike(found)
    lines: list[str] = []
    for kind, group in list(groups.items())[:PLACES]:
        lines += ["", *(_as_above(group[0]) if kind in told else _place(group[0]))]
        others = [other.module or other.claim.path for other in group[1:]]
        if others:
            lines += labelled("also", f"the same {counted(len(others), 'time')} more: {named(list(dict.fromkeys(others)))}", 2)
    if len(groups) > PLACES:
        lines += ["", *labelled("more", f"{counted(len(groups) - PLACES, 'other kind')} of mistake", 1)]
    return lines


def alike(wrongs: Iterable[Wrong]) -> dict[tuple[str, str], list[Wrong]]:
    """Wrong places by what is folded together, the first of each kind first."""
    groups: dict[tuple[str, str], list[Wrong]] = {}
    for wrong in wrongs:
        groups.setdefault(wrong.kind, []).append(wrong)
    return groups


def title(wrong: Wrong) -> str:
    """Whose fault it is, and where: "0.act  Swish.backward (swish.py:12) is wrong"."""
    line = f" ({wrong.line})" if wrong.line else ""
    return f"{f'{wrong.module}  ' if wrong.module else ''}{wrong.culprit}{line} is wrong"


def _as_above(wrong: Wrong) -> list[str]:
    """What was told of another run already."""
    return unlabelled(f"{title(wrong)}, as above: {off(wrong.finding.recorded, wrong.finding.expected)}")


def _place(wrong: Wrong) -> list[str]:
    lines = unlabelled(title(wrong))
    for label, words, most in told(wrong):
        lines += labelled(label, words, most)
        if label == "law":
            lines += _formula(wrong)
    return lines


def told(wrong: Wrong) -> Iterator[Said]:
    """What is said of a wrong place besides its formula: a label, words, and the lines that they may take."""
    finding = wrong.finding
    index = f"[{', '.join(map(str, finding.worst))}]" if finding.worst else ""
    share = f", {finding.off:,} of {finding.size:,} elements" if finding.size > 1 else ""
    if wrong.cause:
        yield "cause", wrong.cause, 4
    yield "where", f"{wrong.about}, at {index or 'its only element'}: {off(finding.recorded, finding.expected)}{share}", 3
    yield "recorded", long(finding.recorded).strip(), 1
    law = f"{long(finding.expected).strip()} ± {short(finding.radius)}"
    yield "law", f"{law}, from the numbers recorded around it", 2
    opinion = wrong.opinion
    if opinion is not None and opinion.value is not None:
        side = {"law": "with the law", "record": "against the law", "neither": "with neither"}[opinion.side]
        yield "oracle", f"{long(opinion.value).strip()}, {side}: from the forward pass alone{_second(wrong)}", 3
    if wrong.whose:
        yield "whose", wrong.whose, 2
    parameters, values = wrong.carried
    made = "made from it" if wrong.meant else "made from it, and as wrong"
    if parameters:
        what = "gradient" if len(parameters) == 1 else "gradients"
        yield "follows", f"the {what} of {named(parameters)}: {made}", 2
    elif values:
        yield "follows", f"{counted(values, 'value')} after it, and their Δ: {made}", 2


def _second(wrong: Wrong) -> str:
    """What a framework says to the oracle, and which one it is."""
    opinion = wrong.opinion
    if opinion is None or (opinion.side == "neither" and not opinion.doubt):
        return ""  # nobody was asked
    if opinion.doubt:
        return f"; {opinion.doubt} ({wrong.asked})"
    if not opinion.second:
        return f"; {wrong.asked}"
    others = wrong.asked.partition(", too")[2]
    return f", and {opinion.second}{others}{', ' if others else ''} says so too"


def _formula(wrong: Wrong) -> list[str]:
    """The law of the element in symbols, and with its numbers, where that is no longer than people read."""
    lines: list[str] = []
    for label, words in zip(("formula", "numbers"), wrong.formula or (), strict=False):
        rows = labelled(label, words, EVERY)
        lines += rows if len(rows) <= roomy(FORMULA) else []
    return lines

"""A checked transcript as text, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite

from rich.cells import cell_len

from bpcompare.report.lines import clipped, counted, joined, labelled, named, shown
from bpcompare.report.numbers import off
from bpcompare.teach.transcript.cause import Cause, Group
from bpcompare.teach.transcript.check import Checked, Transcript
from bpcompare.text.cells import padded

_MARKS = {"confirmed": "✓", "refuted": "✗", "open": "?"}


def transcript_text(it: Transcript) -> str:
    """Each number with its verdict; of a refuted one the right value, what it follows from, and its cause.

    Numbers that one cause explains are explained once, after all of them.
    """
    wrong, unclear = len(it.refuted), len(it.open)
    right = len(it.checked) - wrong - unclear
    says = f"{right} confirmed, {wrong} refuted" + (f", {unclear} open" if unclear else "")
    from_ = f"  from {clipped(it.source, 70)}" if it.source else ""
    lines = [f"{clipped(it.spec, 40)}  {counted(len(it.checked), 'number')}: {says}{from_}", ""]
    width = min(max(cell_len(shown(one.name)) for one in it.checked), 40)
    shared = [group for group in it.groups if len(group.names) > 1]
    grouped = {name for group in shared for name in group.names}
    for one in it.checked:
        lines += _lines(one, width, grouped=one.name in grouped)
    for group in shared:
        lines += ["", *_shared(group, wrong)]
    if it.drawn and wrong:
        words = f"{named(it.drawn, 3)}: the spec gives no values, so they are drawn; no printed number can fit those"
        lines += ["", *labelled("drawn", words, 2)]
    if it.cut_short:
        words = "not all formulas of the catalogue were tried: it took too long. A smaller net, or fewer steps, may not"
        lines += ["", *labelled("search", words, 2)]
    return joined(lines)


def _lines(one: Checked, width: int, *, grouped: bool) -> list[str]:
    mark = padded(shown(_MARKS[one.outcome]), cell_len(shown(_MARKS["refuted"])))
    head = f"  {mark} {padded(clipped(one.name, 40), width)}  {one.printed.text:<14}"
    if one.confirmed:
        return [f"{head}  {_sharpness(one)}"]
    lines = [f"{head}  is {_digits(one.right, one)}: printed {off(one.printed.value, one.right)}"]
    if one.outcome == "open":
        return [f"{head}  says too little: the right value is {_digits(one.right, one)}", *labelled("why", _why(one), 3)]
    if grouped:
        return lines
    if one.printed.cut(one.right) and not one.causes and not (one.rounded_up and one.follows):
        against = f"; but {named(one.rounded_up, 2)} would then end otherwise" if one.rounded_up else ""
        return lines + labelled("cause", f"cut off after its last digit instead of rounded{against}", 2)
    lines += labelled("follows", _follows(one), 2)
    return lines + _cause(one)


def _sharpness(one: Checked) -> str:
    if one.printed.bare and one.exact:
        return "exactly right"
    if one.printed.value == 0:
        return f"right to its {counted(max(-one.printed.place, 0), 'decimal')}"
    return f"right to its {counted(one.printed.digits, 'digit')}"


def _why(one: Checked) -> str:
    if one.finer:
        return (
            f"rounded to its last digit it is right; printed as finely as {clipped(one.finer, 40)}, with zeros at the end left "
            "out, it is wrong. Write down all of its digits"
        )
    return (
        f"rounded, it is right; but {one.printed.text} may also be meant exactly, and then it is wrong: no other number of this "
        "quantity is evidently rounded as coarsely. Write down more digits"
    )


def _digits(value: float, one: Checked) -> str:
    """As many digits as are printed, and three more."""
    return f"{value:.{min(one.printed.digits + 3, 15)}g}"


def _follows(one: Checked) -> str:
    carried, room = one.carried or (one.right, one.room)
    if one.follows and one.slips:
        return f"from the printed numbers before it: a slip carried on, from {named(one.slips, 3)}"
    if one.follows:
        return "from the printed numbers before it, within their digits: it was worked out from rounded numbers"
    if not isfinite(room):
        return "nothing can be said: from the printed numbers it is not a finite number"
    return f"not from the other printed numbers: they give {_digits(carried, one)}"


def _shared(group: Group, wrong: int) -> list[str]:
    """One cause of several numbers, told once."""
    first, *others = group.causes
    everything = len(group.names) == wrong
    whom = f"all {wrong} refuted numbers" if everything else named(group.names, 4)
    given = [name for name in group.names if name in first.gives]
    gives = "gives them"
    if len(given) < len(group.names):
        gives = f"gives {named(given, 3)}, and the others were worked out from these"
    lines = labelled("cause", f"one for {whom}: {_told(first)}", 3)
    lines += labelled("", f"it {gives}, and leaves every confirmed number as it is", 2)
    return lines + _further(first, others)


def _cause(one: Checked) -> list[str]:
    if not one.causes:
        if one.follows:
            return []
        if one.doubted:
            codes = named(one.doubted, 4)
            return labelled(
                "cause", f"unknown: {codes} would give it, but so would chance, it is off by so few units of its last digit", 2
            )
        return labelled("cause", "unknown: no formula of the catalogue of mistakes explains this number", 1)
    lines = []
    for cause in one.causes[:2]:
        lines += labelled("cause", f"{_told(cause)} gives this number", 3)
        if cause.against:
            name, value = cause.against[0]
            others = f" and {len(cause.against) - 1} more are" if len(cause.against) > 1 else " is"
            what = cause.code or "this"
            instead = f" ({value:.9g})" if isfinite(value) else ""
            words = f"yet {name}{others} printed right, which {what} would spoil{instead}"
            lines += labelled("", f"{words}: the number comes from another calculation than those", 2)
    return lines + _further(one.causes[0], one.causes[2:])


def _told(cause: Cause) -> str:
    """A cause by its code, its place where that is one alone, and its formula."""
    code = f"{cause.code}  " if cause.code else ""
    alone = f", at {cause.alone} alone" if cause.alone else ""
    return f"{code}{cause.title}{alone}: {cause.formula}"


def _further(first: Cause, others: Sequence[Cause]) -> list[str]:
    lines = []
    if others:
        so = "so does" if len(others) == 1 else "so do"
        lines += labelled("", f"{so} {named([cause.code or cause.title for cause in others], 6)}", 1)
    return lines + (labelled("", f"bpcompare explain {first.code}", 1) if first.code else [])


def transcript_json(it: Transcript) -> str:
    """The same content for programs."""
    rows = [
        {
            "name": one.name,
            "printed": one.printed.text,
            "confirmed": one.confirmed,
            "outcome": one.outcome,
            "right": _finite(one.right),
            "carried": None if one.carried is None else _finite(one.carried[0]),
            "follows": one.follows,
            "slips": list(one.slips),
            "causes": [cause.code for cause in one.causes if cause.code],
        }
        for one in it.checked
    ]
    groups = [{"numbers": list(group.names), "causes": [_named(cause) for cause in group.causes]} for group in it.groups]
    content = {"spec": it.spec, "source": it.source, "numbers": rows, "common": groups, "drawn": list(it.drawn)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _named(cause: Cause) -> dict[str, str]:
    return {"code": cause.code, "title": cause.title, "alone": cause.alone}


def _finite(x: float) -> float | None:
    return x if isfinite(x) else None

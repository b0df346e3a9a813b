"""A checked transcript as text, and as JSON."""

from __future__ import annotations

import json
from math import isfinite

from bpcompare.report.lines import clipped, counted, joined, labelled, named
from bpcompare.report.numbers import off
from bpcompare.transcript.check import Checked, Transcript


def transcript_text(it: Transcript) -> str:
    """Each number with its verdict; of a refuted one the right value, what it follows from, and its cause."""
    wrong = len(it.refuted)
    right = len(it.checked) - wrong
    from_ = f"  from {clipped(it.source, 70)}" if it.source else ""
    lines = [f"{clipped(it.spec, 40)}  {counted(len(it.checked), 'number')}: {right} confirmed, {wrong} refuted{from_}", ""]
    width = min(max(len(one.name) for one in it.checked), 40)
    for one in it.checked:
        lines += _lines(one, width)
    return joined(lines)


def _lines(one: Checked, width: int) -> list[str]:
    head = f"  {'✓' if one.confirmed else '✗'} {clipped(one.name, 40):<{width}}  {one.printed.text:<14}"
    if one.confirmed:
        return [f"{head}  right to its {counted(one.printed.digits, 'digit')}"]
    lines = [f"{head}  is {_digits(one.right, one)}: printed {off(one.printed.value, one.right)}"]
    if one.printed.cut(one.right):
        return lines + labelled("cause", "cut off after its last digit instead of rounded", 1)
    lines += labelled("follows", _follows(one), 2)
    return lines + _cause(one)


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


def _cause(one: Checked) -> list[str]:
    if not one.causes:
        if one.follows:
            return []
        return labelled("cause", "unknown: no formula of the catalogue of mistakes gives this number", 1)
    lines = []
    for cause in one.causes[:2]:
        mistake = cause.mistake
        lines += labelled("cause", f"{mistake.code}  {mistake.title}: {mistake.wrong} gives this number", 2)
        if cause.against:
            name, value = cause.against[0]
            others = f" and {len(cause.against) - 1} more are" if len(cause.against) > 1 else " is"
            words = f"yet {name}{others} printed right, which {mistake.code} would spoil ({value:.9g})"
            lines += labelled("", f"{words}: the number comes from another calculation than those", 2)
    if len(one.causes) > 2:
        lines += labelled("", f"so would {named([cause.mistake.code for cause in one.causes[2:]], 6)}", 1)
    return lines + labelled("", f"bpcompare explain {one.causes[0].mistake.code}", 1)


def transcript_json(it: Transcript) -> str:
    """The same content for programs."""
    rows = [
        {
            "name": one.name,
            "printed": one.printed.text,
            "confirmed": one.confirmed,
            "right": _finite(one.right),
            "carried": None if one.carried is None else _finite(one.carried[0]),
            "follows": one.follows,
            "slips": list(one.slips),
            "causes": [cause.mistake.code for cause in one.causes],
        }
        for one in it.checked
    ]
    return json.dumps({"spec": it.spec, "source": it.source, "numbers": rows}, ensure_ascii=False, allow_nan=False)


def _finite(x: float) -> float | None:
    return x if isfinite(x) else None

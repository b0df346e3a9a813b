"""`bpcompare explain`: the page of a mistake."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bpcompare.cli.terminal import complain, say

if TYPE_CHECKING:
    from bpcompare.mistakes import Mistake

SPEC = "BP002"
"""The code of messages about specs, which is no mistake of a backend."""


def explain(
    code: Annotated[str | None, Parameter(name="CODE", help="Such as BP204; by default all are listed.")] = None, /
) -> int:
    """Explain a mistake by the code that a report gives it: the wrong formula, the right one, and how to put it right."""
    from bpcompare.mistakes import MISTAKES
    from bpcompare.problems.wording import did_you_mean
    from bpcompare.report.lines import joined

    if code is None:
        say(joined([f"{SPEC}  a spec that cannot be run", *(f"{one.code}  {one.title}" for one in MISTAKES.values())]))
        return 0
    wanted = code.upper()
    if wanted == SPEC:
        say(joined(_SPEC))
    elif wanted in MISTAKES:
        say(joined(page(MISTAKES[wanted])))
    else:
        complain(f"no mistake has the code {code!r}; {did_you_mean(wanted, MISTAKES) or '`bpcompare explain` lists them.'}")
        return 2
    return 0


def page(mistake: Mistake) -> list[str]:
    """Everything about one mistake: the two formulas, the statement it breaks, how it looks, and how to put it right."""
    from bpcompare.cli.sighting import sighting

    looks = sighting(mistake)
    return [
        f"{mistake.code}  {mistake.title}",
        "",
        f"  wrong   {mistake.wrong}",
        f"  right   {mistake.right}",
        f"  breaks  {mistake.breaks}",
        *_wrapped("  looks", looks),
        "",
        *(f"  {line}" for line in wrap(mistake.page, 96)),
        "",
        f"  See it caught: bpcompare run SPEC -b delta -b 'delta!{mistake.code}', and a framework as a third.",
    ]


def _wrapped(label: str, words: str) -> list[str]:
    rows = wrap(words, 96)
    return [f"{label:<10}{rows[0]}", *(" " * 10 + row for row in rows[1:])] if rows else []


_SPEC = [
    f"{SPEC}  a spec that cannot be run",
    "",
    "  The message lists every problem of the file with its line, the text that stands there, and what would be right.",
    "  `bpcompare schema` prints the JSON Schema of specs, which editors can check while you write;",
    "  `bpcompare ops` lists the ops and `bpcompare ops NAME` the fields of one.",
]

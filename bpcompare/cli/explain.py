"""`bpcompare explain`: the page of a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.terminal import complain, say

if TYPE_CHECKING:
    from bpcompare.mistakes import Mistake

PROSE_WIDTH = 98
"""Columns of prose, however wide the terminal is."""
SPEC = "BP002"
"""The code of messages about specs, which is no mistake of a backend."""


def explain(
    code: Annotated[str | None, Parameter(name="CODE", help="Such as BP204; by default all are listed.")] = None, /
) -> int:
    """Explain a mistake by the code that a report gives it: the wrong formula, the right one, and how to put it right."""
    from bpcompare.mistakes import MISTAKES
    from bpcompare.report.lines import joined
    from bpcompare.text.words import did_you_mean

    if code is None:
        listed = [f"{SPEC}  a spec that cannot be run", *(f"{one.code}  {one.title}" for one in MISTAKES.values())]
        say(lambda: joined(listed))
        return 0
    wanted = code.upper()
    if wanted == SPEC:
        say(lambda: joined(_SPEC))
    elif wanted in MISTAKES:
        say(lambda: joined(page(MISTAKES[wanted])))
    else:
        complain(f"no mistake has the code {code!r}; {did_you_mean(wanted, MISTAKES) or '`bpcompare explain` lists them.'}")
        return USAGE
    return 0


def page(mistake: Mistake) -> list[str]:
    """Everything about one mistake: the two formulas, the statement it breaks, how it looks, and how to put it right."""
    from bpcompare.cli.sighting import sighting
    from bpcompare.report.lines import shown
    from bpcompare.text.folding import wrapped
    from bpcompare.text.medium import medium

    def below(label: str, words: str) -> list[str]:
        rows = wrapped(shown(words), min(medium().width, PROSE_WIDTH) - 10)
        return [f"{label:<10}{rows[0]}", *(" " * 10 + row for row in rows[1:])] if words else []

    looks = sighting(mistake)
    return [
        f"{mistake.code}  {mistake.title}",
        "",
        f"  wrong   {mistake.wrong}",
        f"  right   {mistake.right}",
        f"  breaks  {mistake.breaks}",
        *below("  looks", looks),
        "",
        *(f"  {line}" for line in wrapped(shown(mistake.page), min(medium().width, PROSE_WIDTH) - 2)),
        "",
        f"  See it caught: bpcompare run SPEC -b delta -b 'delta!{mistake.code}', and a framework as a third.",
    ]


_SPEC = [
    f"{SPEC}  a spec that cannot be run",
    "",
    "  The message lists every problem of the file with its line, the text that stands there, and what would be right.",
    "  `bpcompare schema` prints the JSON Schema of specs, which editors can check while you write;",
    "  `bpcompare ops` lists the ops and `bpcompare ops NAME` the fields of one.",
]

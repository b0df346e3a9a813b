"""What became of the contracts, as lines: those that are kept in one, each other one in a block."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.report.lines import labelled
from bpcompare.tools.gradient.contracts.outcome import Outcome


def contract_lines(outcomes: Sequence[Outcome], *, wrong: bool) -> list[str]:
    """Broken, undecided and refused ones with what was done, then those that are kept, and the names of the rest.

    Where a gradient is `wrong` anyway, only those that are broken.
    """
    lines: list[str] = []
    for word in ("broken",) if wrong else ("broken", "undecided", "refused"):
        for one in outcomes:
            if one.outcome == word:
                lines += ["", f"contract {word}: {one.title}", *labelled("seen", one.said, 5)]
                lines += labelled("do", one.advice, 3) if one.advice else []
    if wrong or not outcomes:
        return lines
    kept = [f"{one.title} ({one.said})" if one.said else one.title for one in outcomes if one.outcome == "kept"]
    rest = [one.title for one in outcomes if one.outcome == "not tried"]
    words = [f"kept: {', '.join(kept)}"] if kept else []
    words += [f"not tried: {', '.join(rest)}"] if rest else []
    return [*lines, "", *labelled("contracts", "; ".join(words), 4)] if words else lines

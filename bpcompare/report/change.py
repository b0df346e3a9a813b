"""A change as text: what moved, by how much, and whether it may."""

from __future__ import annotations

from bpcompare.report.lines import clipped, joined, labelled
from bpcompare.report.numbers import short
from bpcompare.report.places import element
from bpcompare.verdict.change import Change
from bpcompare.verdict.distance import Move

_WHY = {
    "same": "every bit is the same",
    "moved": "within rounding: both are certified, each on its own inputs",
    "undecided": "bits moved, and at least one of the two has no power to say whether rounding did it",
}


def change_line(change: Change, backend: str) -> str:
    """Outcome, spec, backend, then and now; what that means."""
    parts = [
        change.outcome,
        clipped(change.comparison.spec, 40),
        clipped(backend, 30),
        f"{change.then} → {change.now}",
        _why(change),
    ]
    return "  ".join(part for part in parts if part)


def change_text(change: Change, backend: str, command: str | None = None) -> str:
    """All that people want to know: for a success at most four lines, otherwise the report of both, and the line last."""
    line = change_line(change, backend)
    if change.outcome == "same":
        return joined([line])
    if change.outcome in ("moved", "undecided"):
        return joined([line, *_moved(change)])
    from bpcompare.report import text

    report = text(change.comparison, command=command).split("\n")
    return joined([*report, *([""] if change.moves else []), *_moved(change), "", line])


def _why(change: Change) -> str:
    if change.outcome == "changed":
        verdicts = change.comparison.certificates
        words = {"convention": "another convention"}
        told = {name: verdicts[name].verdict for name in change.guilty}
        both = " and ".join(f"{name} is {words.get(verdict, verdict)}" for name, verdict in told.items())
        return both if change.moves else f"every bit is the same, and {both}"
    if change.outcome == "not_run":
        failures = [one.failure for one in change.comparison.certificates.values() if one.failure is not None]
        return failures[0].partition("\n")[0] if failures else ""
    return _WHY[change.outcome]


def _moved(change: Change) -> list[str]:
    if not change.moves:
        return []
    moves = change.moves
    most = max(moves, key=lambda move: move.max_scaled)
    lines = labelled("moved", f"{len(moves):,} of {change.quantities:,} recorded arrays have other bits", 1)
    lines += labelled("first", _described(moves[0]), 1)
    return lines + (labelled("most", _described(most), 1) if most is not moves[0] else [])


def _described(move: Move) -> str:
    where = element(clipped(move.path, 60), move.index)
    size = f"{short(move.max_scaled)} of its tensor's largest element ({short(move.max_ulp)} ulp)"
    return f"{where}: {move.then!r} → {move.now!r}, {size}"

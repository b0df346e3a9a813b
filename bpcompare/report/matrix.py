"""Versions beside versions: a table of verdicts, and for every spec the first version where something moved."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.report.columns import columns
from bpcompare.report.lines import NEWLINE, clipped, counted, joined, named
from bpcompare.report.numbers import short
from bpcompare.report.places import element
from bpcompare.verdict.comparison import Comparison
from bpcompare.verdict.distance import Move, moves


def matrix_text(comparisons: Sequence[Comparison]) -> str:
    """One row a spec, one column a version. A cell is its verdict, and how far it moved since the version before it."""
    names = list(dict.fromkeys(name for comparison in comparisons for name in comparison.certificates))
    rows = [["spec", *(clipped(name, 24) for name in names)]]
    notes = []
    for comparison in comparisons:
        cells, note = _cells(comparison, names)
        rows.append([clipped(comparison.spec, 30), *cells])
        notes += note
    return joined([*columns(rows), "", *notes])


def _cells(comparison: Comparison, names: Sequence[str]) -> tuple[list[str], list[str]]:
    spec = clipped(comparison.spec, 30)
    cells, notes = [], []
    before: dict[str, str] = {}
    told: set[str] = set()
    for name in names:
        certificate = comparison.certificates.get(name)
        if certificate is None:
            cells.append("-")
            continue
        if certificate.failure is not None:
            cells.append("not run")
            notes.append(f"{spec}: {name} did not run: {clipped(certificate.failure.partition(NEWLINE)[0], 200)}")
            continue
        base = name.partition("@")[0]
        moved: tuple[Move, ...] = ()
        if base in before:
            moved = moves(comparison.plan, comparison.records[before[base]], comparison.records[name])
        verdict = "WRONG" if certificate.verdict == "wrong" else certificate.verdict
        same = "" if base not in before else f", moved {short(max(m.max_scaled for m in moved))}" if moved else ", same bits"
        cells.append(f"{verdict}{same}")
        if moved and base not in told:
            told.add(base)
            notes.append(f"{spec}: {base} first moved at {name}: {_described(comparison, name, moved)}")
        before[base] = name
    wrong = [(blame, f" ({blame.code})" if blame.code else "") for blame in comparison.blames]
    notes += [f"{spec}: {blame.backend} is wrong at {blame.path}{code}" for blame, code in wrong]
    if len(before) == len(comparison.ran):
        notes.append(f"{spec}: {_incomparable(comparison.ran)}")
    elif not told:
        notes.append(f"{spec}: nothing moved")
    return cells, notes


def _incomparable(ran: Sequence[str]) -> str:
    """Why no version was held against another: at most one of each backend ran."""
    if len(ran) > 1:
        names = named([*ran], 4)
        return f"no bits were compared: {names} are no two versions of one backend. Name some: -b jax@0.4.35,0.10.2"
    what = f"only {clipped(ran[0], 24)} ran, and" if ran else "no backend ran:"
    return f"nothing was compared: {what} it takes two versions, such as -b jax@0.4.35,0.10.2"


def _described(comparison: Comparison, name: str, moved: Sequence[Move]) -> str:
    first = moved[0]
    why = {"certified": "within rounding"}.get(comparison.certificates[name].verdict, comparison.certificates[name].verdict)
    values = f"{element(first.path, first.index)} {first.then!r} → {first.now!r}"
    return f"{counted(len(moved), 'array')}, {why}; first {values}"

"""What a person reads about two runs of one code."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.own.change.change import Change, Changes, Moved
from bpcompare.own.change.difference import Difference
from bpcompare.own.text import text as told
from bpcompare.report.lines import clipped, counted, joined, labelled, named, shown
from bpcompare.report.numbers import long, short

PLACES = 6
"""Differences that are told one by one."""


def text(changes: Changes, *, wrong: bool = True) -> str:
    """The whole report: at most four lines a run where all is well. `wrong`: with all that is said about what is refuted."""
    lines: list[str] = []
    for number, run in enumerate(changes.runs):
        lines += ([""] if lines else []) + _run(changes.of, run, changes.runs[:number], wrong=wrong)
    return joined(lines)


def line(changes: Changes) -> str:
    """One line: the outcome, of what, and by which versions."""
    run = changes.runs[0]
    return "  ".join(part for part in (changes.outcome, shown(changes.of), _versions(run)) if part)


def _run(of: str, run: Change, before: Sequence[Change], *, wrong: bool) -> list[str]:
    title = f" {run.step.title}" if run.step.title else ""
    lines = [f"{run.outcome}  {shown(of)}{shown(title)}: {_versions(run)}"]
    if run.outcome == "wrong" and wrong:
        lines += ["", *told(run.step, [one.step for one in before]).split("\n"), ""]
    if run.differences and set(run.differences) <= {one for earlier in before for one in earlier.differences}:
        return lines + labelled("changed", "as above", 1)
    return lines + _different(run.differences) + (_parted(run) if run.differences else []) + _moved(run)


def _versions(run: Change) -> str:
    then, now = run.then.made_by, run.now.made_by
    return then if then == now else f"{then} → {now}"


def _different(differences: Sequence[Difference]) -> list[str]:
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        groups.setdefault(_kind(one), []).append(one)
    lines: list[str] = []
    for group in list(groups.values())[:PLACES]:
        lines += labelled("" if lines else "changed", f"{_place(group)}: {group[0].what}{_also(group)}", 3)
    if len(groups) > PLACES:
        lines += labelled("", f"and {len(groups) - PLACES:,} other kinds of changes", 1)
    return lines


def _kind(one: Difference) -> tuple[str, str]:
    """What is told together: the same change of the same function, or of parameters of one module."""
    return ("parameter", f"{one.module} {one.what}") if one.name.startswith("parameter ") else (one.name, one.what)


def _place(group: Sequence[Difference]) -> str:
    first = group[0]
    if first.parameter:
        return f"{first.name} of {named([one.parameter for one in group])}"
    module = first.module if not first.name.startswith(("parameter ", f"{first.module}.")) else ""
    return "  ".join(part for part in (module, f"{first.name}{f' ({first.line})' if first.line else ''}") if part)


def _also(group: Sequence[Difference]) -> str:
    """Where else."""
    first, *rest = group
    if first.parameter:
        return ""
    own = first.name.startswith("parameter ")
    others = list(dict.fromkeys(one.name.removeprefix("parameter ") if own else one.module or one.name for one in rest))
    return f"; also {named(others)}" if others else ""


def _parted(run: Change) -> list[str]:
    """Whether the numbers show it: what the calls of then would give for what there is now."""
    found = run.parting
    if found is None:
        same = "on what there is now, the calls of then would give just this, within rounding"
        return labelled("numbers", same, 2) if run.rewritten else []
    finding = found.finding
    index = f"[{', '.join(map(str, finding.worst))}]" if finding.worst else ""
    what = f"{found.path}{index}: the call of then gives {long(finding.expected).strip()} ± {short(finding.radius)}"
    more = f"; and {found.number - 1:,} more" if found.number > 1 else ""
    return labelled("parts", f"{what}, it is {long(finding.recorded).strip()}{more}", 3)


def _moved(run: Change) -> list[str]:
    if not run.moves:
        return (
            labelled("numbers", f"all {run.compared:,} recorded arrays that are compared have the same bits", 1)
            if run.differences
            else []
        )
    moves = run.moves
    lines = labelled("moved", f"{len(moves):,} of {counted(run.compared, 'recorded array')} have other bits{_why(run)}", 2)
    lines += labelled("first", _far(moves[0]), 1)
    most = max(moves, key=lambda move: move.apart or 0.0 if not move.zero else 0.0)
    lines += labelled("most", _far(most), 1) if most is not moves[0] else []
    doubtful = [move.path for move in moves if not move.proved]
    if run.outcome == "undecided":
        lines += labelled("undecided", f"no law says that rounding moved {named(doubtful)}", 2)
    return lines


def _why(run: Change) -> str:
    return ": within rounding, for each follows its law, then and now" if run.outcome == "moved" else ""


def _far(move: Moved) -> str:
    path = clipped(move.path, 60)
    return f"{path}, by about {short(move.apart)} of its size" if move.apart is not None else f"{path}"

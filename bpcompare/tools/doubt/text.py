"""What became of all mutants, as text and as JSON."""

from __future__ import annotations

import json

from bpcompare import __version__
from bpcompare.report.columns import columns
from bpcompare.report.lines import clipped, counted, ending, joined, labelled
from bpcompare.tools.doubt.doubt import Doubt, Fate
from bpcompare.tools.doubt.remedy import also, cause, check, line, why

_TEST, _TITLE = 70, 72
_WORDS = {"killed": "killed", "survived": "SURVIVED", "same": "SURVIVED", "unclear": "unclear", "not tried": "not tried"}


def text(it: Doubt) -> str:
    """The table, then what survived, grouped by why, each with the line that would kill it; the count last."""
    if not it.seen.calls:
        said = [
            f"no test runs the backward of {it.of}: every mistake in it would survive",
            *labelled("kills it", check(it.found), 3),
        ]
        return joined([*said, "", f"killed 0  no test of {it.seen.collected:,} runs it"])
    lines = [_head(it), ""]
    if it.fates:
        many = any(fate.mutant.where for fate in it.fates)
        rows = [["mutant", *(["gradient"] if many else []), "your tests"]]
        rows += [[clipped(fate.mutant.title, _TITLE), *([fate.mutant.where] if many else []), _fate(fate)] for fate in it.fates]
        lines += [*columns(rows), *_survivors(it), ""]
    return joined([*lines, _count(it)])


def _head(it: Doubt) -> str:
    how = "all are run" if it.every else f"these are run; --all runs all {it.seen.collected:,}"
    tests = counted(len(it.seen.tests), "test")
    dy = f", dy is its argument {it.found.dy}" if it.found.kind == "plain" else ""
    runs = "runs" if len(it.seen.tests) == 1 else "run"
    return f"{it.of}  {tests} {runs} this backward, {counted(it.seen.calls, 'call')}{dy}; {how}"


def _fate(fate: Fate) -> str:
    word = _WORDS[fate.status]
    if fate.status in ("same", "survived"):
        return f"{word}  never differed" if fate.status == "same" else word
    return f"{word}  {ending(fate.by, _TEST) if fate.status == 'killed' else fate.by}"


def _survivors(it: Doubt) -> list[str]:
    groups: dict[tuple[str, str, str], list[Fate]] = {}
    for fate in it.fates:
        if fate.status in ("survived", "same"):
            groups.setdefault((cause(fate, it), line(fate, it), also(fate, it)), []).append(fate)
    lines: list[str] = []
    for (_, kills, change), fates in groups.items():
        names = [f"{fate.mutant.title}{f' ({fate.mutant.where})' if fate.mutant.where else ''}" for fate in fates]
        lines += [
            "",
            *labelled("survived", ", ".join(names), 4),
            *labelled("why", why(fates, it), 3),
            *labelled("kills it", kills, 4),
        ]
        lines += labelled("or", change, 3) if change else []
    return lines


def _count(it: Doubt) -> str:
    parts = []
    if survived := it.count("survived", "same"):
        same = it.count("same")
        parts.append(f"{survived} survived" + (f", {same} of them never differed on the numbers of your tests" if same else ""))
    parts += [f"{number} {status}" for status in ("unclear", "not tried") if (number := it.count(status))]
    late = sum(fate.status == "killed" and fate.by.startswith("timeout") for fate in it.fates)
    parts += [f"{late} of the killed by the timeout"] if late else []
    return f"killed {it.count('killed')} of {len(it.fates)}" + (f"  {'; '.join(parts)}" if parts else "")


def to_json(it: Doubt) -> str:
    """One line."""
    fates = [
        {
            "kind": fate.mutant.kind,
            "mutant": fate.mutant.title,
            "gradient": fate.mutant.where or None,
            "status": fate.status,
            "by": fate.by or None,
            "off": fate.largest,
            "seconds": round(fate.seconds, 2),
        }
        | ({"why": why([fate], it), "kills": line(fate, it)} if fate.status in ("survived", "same") else {})
        for fate in it.fates
    ]
    content = {"bpcompare": __version__, "door": "doubt", "of": it.of, "exit_code": it.exit_code, "framework": it.found.kind}
    content |= {"calls": it.seen.calls, "tests": it.seen.tests, "killed": it.count("killed"), "mutants": fates}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)

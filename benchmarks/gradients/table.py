"""The table: a row a function, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from benchmarks.gradients.answers import Found
from benchmarks.gradients.faults import FAULTS, KNOWN
from benchmarks.gradients.mutants import KINDS
from benchmarks.gradients.question import Key

HONEST = ("certified", "convention", "undecided", "wrong", "refused", "out of time", "raised", "ended the process", "not there")
RIGHT = "right, unlike the honest one"
"""A mutant of a gradient that is a fault may be what that should be: 0, say, of what the forward does not read."""
MUTANTS = (
    "caught",
    "below the power",
    "undecided",
    "missed",
    "equal",
    "refused",
    "caught, like the honest one",
    "out of time",
    "raised",
    RIGHT,
)


def tally(answers: Mapping[Key, Found]) -> dict[tuple[str, str], tuple[Counter[str], Counter[str]]]:
    """Verdicts on honest gradients and on mutants, by library and function."""
    rows: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}
    for key, found in answers.items():
        honest, mutants = rows.setdefault((key.library, key.name), (Counter(), Counter()))
        for one in found:
            (honest if one["what"] == "honest" else mutants)[_verdict(found, one)] += 1
    return rows


def _verdict(found: Found, one: Mapping[str, str]) -> str:
    """The verdict on an honest gradient, or on a mutant of one."""
    right = one["verdict"] == "missed" and found[0]["verdict"] == "wrong" and one.get("told", "").startswith("certified")
    return RIGHT if right else one["verdict"]


def lines(answers: Mapping[Key, Found]) -> Iterator[str]:
    """Totals; every false wrong and every missed mutant; why the rest is undecided; a row a function."""
    rows = tally(answers)
    yield from _totals(rows)
    yield from _by_kind(answers)
    for title, wanted in (
        ("Called wrong", ("wrong", "raised", "ended the process")),
        ("Mutants that were missed", ("missed",)),
    ):
        yield from ("", f"## {title}", "")
        found = list(_told({key: one for key, one in answers.items() if key.name not in KNOWN}, wanted))
        yield from found or ["Nothing."]
    yield from ("", "## True faults, called wrong by right", "")
    for fault in FAULTS:
        asked = [f"`{name}`" for name in fault.names if any(key.name == name for key in answers)]
        if asked:
            yield from (f"{', '.join(asked)}: {fault.says}", "", "```python", fault.shown, "```", "")
    yield from _told({key: one for key, one in answers.items() if key.name in KNOWN}, ("wrong", "missed"))
    yield from ("", "## Why others are undecided, or were not asked", "")
    yield from _whys(answers)
    yield from ("", "## Every function", "")
    heads = ("asked", *HONEST[:4], "not asked", *MUTANTS[:5])
    yield from (f"| function | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads))
    for (library, name), (honest, mutants) in sorted(rows.items()):
        asked_, judged = sum(honest.values()), [honest[one] for one in HONEST[:4]]
        cells = [asked_, *judged, asked_ - sum(judged), *(mutants[one] for one in MUTANTS[:5])]
        title = f"torch.{name}" if library == "torch" else name
        yield f"| `{title}` | {' | '.join(map(str, cells))} |"


def _totals(rows: Mapping[tuple[str, str], tuple[Counter[str], Counter[str]]]) -> Iterator[str]:
    for title, part, names in (("honest gradients", 0, HONEST), ("mutants", 1, MUTANTS)):
        yield from (f"| {title} | functions | asked | {' | '.join(names)} |", "|---|" + "---:|" * (len(names) + 2))
        for library in ("torch", "jax"):
            of = [row[part] for (one, _), row in rows.items() if one == library and sum(row[part].values())]
            total = sum(of, Counter())
            yield f"| {library} | {len(of)} | {sum(total.values())} | {' | '.join(str(total[name]) for name in names)} |"
        yield ""


def _by_kind(answers: Mapping[Key, Found]) -> Iterator[str]:
    yield from (f"| mutant | {' | '.join(MUTANTS[:5])} |", "|---|" + "---:|" * 5)
    for kind in KINDS:
        counts = Counter(_verdict(found, one) for found in answers.values() for one in found if one["what"] == kind)
        yield f"| {kind.replace('|', chr(92) + '|')} | {' | '.join(str(counts[name]) for name in MUTANTS[:5])} |"


def _told(answers: Mapping[Key, Found], wanted: tuple[str, ...]) -> Iterator[str]:
    told: dict[tuple[str, str], list[str]] = {}
    for key, found in answers.items():
        for one in found:
            if one["verdict"] in wanted:
                form = ", cancelling" if key.cancelling else ""
                text = f"{one['what']}, {key.dtype}, seed {key.seed}{form}: {one.get('told', '')}"
                told.setdefault((key.library, key.name), []).append(text)
    for (library, name), texts in sorted(told.items()):
        yield f"- {library} `{name}`: {' '.join(texts[0].split())}{f' (and {len(texts) - 1} more)' if len(texts) > 1 else ''}"


def _whys(answers: Mapping[Key, Found]) -> Iterator[str]:
    whys: dict[str, set[str]] = {}
    for key, found in answers.items():
        for one in found:
            if one["what"] == "honest" and one["verdict"] in ("undecided", "refused", "out of time", "not there"):
                text = " ".join(one.get("told", "").split()) or one["verdict"]
                whys.setdefault(f"{one['verdict']}: {_kind(text)}", set()).add(key.name)
    for why, names in sorted(whys.items(), key=lambda pair: -len(pair[1])):
        some = sorted(names)
        yield f"- {why} — {', '.join(f'`{name}`' for name in some[:12])}{f' and {len(some) - 12} more' if len(some) > 12 else ''}"


def _kind(text: str) -> str:
    """A reason without its numbers and places."""
    import re

    return re.sub(r"[-+]?\d[\d.e+-]*", "…", text.partition(": ")[2] if text.startswith("input") else text)[:110].replace("|", "/")

"""The page of a run: everything that is on it, handed to the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from markupsafe import Markup

from bpcompare.backend import Backend
from bpcompare.mistakes import MISTAKES
from bpcompare.page.document import asset, environment, in_script, policy
from bpcompare.page.drawing import drawing
from bpcompare.page.heat import heat, unit_data
from bpcompare.page.mathml import MathMl
from bpcompare.page.notation import NOTATIONS
from bpcompare.page.proof import proof
from bpcompare.page.selected import selected
from bpcompare.page.shares import Shares
from bpcompare.page.source import SourceLines
from bpcompare.page.stage import Step, steps
from bpcompare.page.wording import Said
from bpcompare.plan.path import Path
from bpcompare.report import text, verdict_line
from bpcompare.report.labels import Names, safe
from bpcompare.report.steps import NothingToShowError, asked_for
from bpcompare.report.table import head
from bpcompare.verdict.comparison import Comparison


@dataclass(frozen=True)
class Wishes:
    """What a page is to show: the step (None: the first that is wrong, or the first), and further nodes.

    `static`: without scripts. `notation`: the one it opens with. `command` repeats the run; `backends` are the classes whose
    source lines are shown.
    """

    step: int | None = None
    nodes: tuple[str, ...] = ()
    static: bool = False
    notation: str = "article"
    command: str = ""
    backends: Mapping[str, type[Backend]] = field(default_factory=dict)


def page(comparison: Comparison, wishes: Wishes = Wishes()) -> str:
    """`comparison` as one HTML document. Raises NothingToShowError where there is no such step, or no such node."""
    count = len(comparison.plan.batches)
    _, asked = asked_for(comparison.plan.network, wishes.nodes, wishes.step)
    step = asked or _first_step(comparison)
    if not 1 <= step <= count:
        raise NothingToShowError(f"there is no step {step}: the run has {count}")
    with np.errstate(all="ignore"):
        content = _content(comparison, step, wishes) if comparison.ran else _silent()
    style = asset("page.css")
    script = "" if wishes.static else asset("page.js")
    documents, said = environment(), Said(wishes.notation)
    documents.filters["in_notation"] = said.now
    return documents.get_template("page.html").render(
        content,
        said=said,
        title=safe(comparison.spec),
        head=head(comparison),
        verdict=comparison.verdict,
        verdict_line=verdict_line(comparison),
        report=text(comparison, verbose=False),
        comparison=comparison,
        mistakes=_mistakes(comparison),
        step_number=step,
        step_count=count,
        command=wishes.command,
        static=wishes.static,
        notation=wishes.notation,
        notations=NOTATIONS,
        environment_rows=_environments(comparison),
        version=version("bpcompare"),
        style=Markup(style),  # noqa: S704 — a file of ours
        script=Markup(script),  # noqa: S704 — likewise
        policy=policy(style, script),
    )


def _first_step(comparison: Comparison) -> int:
    first = comparison.first
    return 1 if first is None else Path(first.path).step


def _content(comparison: Comparison, step: int, wishes: Wishes) -> dict[str, Any]:
    plan = comparison.plan
    shares = Shares(comparison, step)
    asked, _ = asked_for(plan.network, wishes.nodes, step)
    chosen = selected(shares, asked)
    drawn = drawing(plan.network, shares.first, chosen.layers)
    names = Names(plan.network, units=drawn.units)
    mathml = MathMl(names, len(plan.batches[step - 1]))
    sources = SourceLines(wishes.backends)
    shown = list(steps(shares, mathml, sources, units=drawn.units, more=asked, among=chosen.claims))
    strips = [] if drawn.units else heat(shares, names, chosen.layers)
    units, whole = ({}, True) if drawn.units or wishes.static else unit_data(shares, names, 0, chosen.layers)
    wrong_at = next((one for one in shown if one.wrong), None)
    wrong_keys = {one.key for one in shown if one.wrong and one.key}
    firsts: dict[str, str] = {}
    for one in shown:
        firsts.setdefault(one.key, one.id)
    total = sum(x.size for x in next(iter(shares.values.values())).recorded.values())
    return {
        "steps": shown,
        "drawing": drawn,
        "every": chosen.whole,
        "undrawn": chosen.undrawn,
        "heat": strips,
        "parts": list(proof(shares, names, chosen)),
        "snippets": sources.snippets,
        "units": in_script(units) if units else None,
        "whole": whole,
        "wrong_at": wrong_at,
        "wrong_keys": wrong_keys,
        "guilty": _guilty(shown),
        "firsts": firsts,
        "total": total,
        "symbols": in_script({name: one.symbols for name, one in NOTATIONS.items()}),
    }


def _guilty(shown: Sequence[Step]) -> dict[int, set[int]]:
    """By snippet, every line that made some wrong number."""
    found: dict[int, set[int]] = {}
    for one in shown:
        for at, lines in one.guilty.items():
            found.setdefault(at, set()).update(lines)
    return found


def _silent() -> dict[str, Any]:
    return {
        "steps": [], "every": True, "undrawn": 0,
        "drawing": None, "heat": [], "parts": [], "snippets": [], "units": None, "whole": True, "wrong_at": None,
        "wrong_keys": set(), "guilty": {}, "firsts": {}, "total": 0,
        "symbols": in_script({name: one.symbols for name, one in NOTATIONS.items()}),
    }  # fmt: skip


def _mistakes(comparison: Comparison) -> list[Any]:
    """Mistakes that the page speaks of: causes, blind spots, and those that were not tried."""
    codes = [code for blame in comparison.blames for code in (blame.code, *blame.also) if code]
    codes += [*(comparison.unseen or ()), *comparison.untried]
    return [MISTAKES[code] for code in dict.fromkeys(codes) if code in MISTAKES]


def _environments(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    rows = []
    for name, certificate in comparison.certificates.items():
        p = certificate.provenance
        pairs = [("framework", f"{p.framework} {p.version}"), ("device", p.device), ("mode", p.mode), ("update by", p.updater)]
        pairs += [*p.environment.items(), *p.switches.items(), *((f"{op} by", how) for op, how in p.algorithms.items())]
        pairs.append(("seconds", f"{p.seconds:.3g}"))
        rows.append((safe(name), [(safe(key), safe(str(value))) for key, value in pairs if value]))
    return rows

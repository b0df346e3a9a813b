"""The page itself: everything that is on it, handed to the template, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bpcompare.backend import Backend
from bpcompare.comparison import Comparison
from bpcompare.mistakes import MISTAKES
from bpcompare.page.drawing import drawing
from bpcompare.page.heat import heat, unit_data
from bpcompare.page.mathml import MathMl
from bpcompare.page.notation import NOTATIONS
from bpcompare.page.proof import proof
from bpcompare.page.shares import Shares
from bpcompare.page.source import Sources
from bpcompare.page.stage import Step, steps
from bpcompare.page.wording import Said
from bpcompare.report import text, verdict_line
from bpcompare.report.names import Names, safe
from bpcompare.report.steps import NothingToShowError, asked_for
from bpcompare.report.table import head


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
        content = _content(comparison, step, wishes) if comparison.ran else _silent(comparison)
    style = _asset("page.css")
    script = "" if wishes.static else _asset("page.js")
    environment, said = _environment(), Said(wishes.notation)
    environment.filters["in_notation"] = said.now
    return environment.get_template("page.html").render(
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
        policy=_policy(style, script),
    )


def _first_step(comparison: Comparison) -> int:
    first = comparison.first
    if first is None:
        return 1
    prefix, separator, _ = first.path.partition("/")
    return int(prefix[4:]) if separator and prefix.startswith("step") and prefix[4:].isdigit() else 1


def _content(comparison: Comparison, step: int, wishes: Wishes) -> dict[str, Any]:
    plan = comparison.plan
    shares = Shares(comparison, step)
    drawn = drawing(plan.network, shares.get)
    names = Names(plan.network, units=drawn.units)
    mathml = MathMl(names, len(plan.batches[step - 1]))
    sources = Sources(wishes.backends)
    shown = list(steps(shares, mathml, sources, units=drawn.units, more=wishes.nodes))
    strips = [] if drawn.units else heat(shares, names)
    units, whole = ({}, True) if drawn.units or wishes.static else unit_data(shares, names, 0)
    wrong_at = next((one for one in shown if one.wrong), None)
    wrong_keys = {one.key for one in shown if one.wrong and one.key}
    firsts: dict[str, str] = {}
    for one in shown:
        firsts.setdefault(one.key, one.id)
    total = sum(x.size for x in next(iter(shares.values.values())).recorded.values())
    return {
        "steps": shown,
        "drawing": drawn,
        "heat": strips,
        "parts": list(proof(shares, names)),
        "snippets": sources.snippets,
        "units": _json(units) if units else None,
        "whole": whole,
        "wrong_at": wrong_at,
        "wrong_keys": wrong_keys,
        "guilty": _guilty(shown),
        "firsts": firsts,
        "total": total,
        "symbols": _json({name: one.symbols for name, one in NOTATIONS.items()}),
    }


def _guilty(shown: Sequence[Step]) -> dict[int, set[int]]:
    """By snippet, every line that made some wrong number."""
    found: dict[int, set[int]] = {}
    for one in shown:
        for at, lines in one.guilty.items():
            found.setdefault(at, set()).update(lines)
    return found


def _silent(comparison: Comparison) -> dict[str, Any]:
    return {
        "steps": [], "drawing": None, "heat": [], "parts": [], "snippets": [], "units": None, "whole": True, "wrong_at": None,
        "wrong_keys": set(), "guilty": {}, "firsts": {}, "total": 0,
        "symbols": _json({name: one.symbols for name, one in NOTATIONS.items()}),
    }  # fmt: skip


def _mistakes(comparison: Comparison) -> list[Any]:
    """Mistakes that the page speaks of: causes, and blind spots."""
    codes = [code for blame in comparison.blames for code in (blame.code, *blame.also) if code]
    codes += list(comparison.unseen or ())
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


def _json(content: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element or open a comment."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 — no character of it is markup


def _asset(name: str) -> str:
    return files("bpcompare.page").joinpath("templates", name).read_text(encoding="utf-8").strip() + "\n"


def _environment() -> Environment:
    loader = PackageLoader("bpcompare.page", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["json"] = _json
    environment.filters["safe_text"] = safe
    environment.filters["safe_lines"] = lambda text: "\n".join(map(safe, text.expandtabs().splitlines()))
    return environment


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, and only this style and this script count: markup that got in by a name could do nothing."""
    parts = ["default-src 'none'", f"style-src '{_hash(style)}'", "base-uri 'none'", "form-action 'none'"]
    if script:
        parts.append(f"script-src '{_hash(script)}'")
    return "; ".join(parts)


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"

"""The page of watched steps: everything that is on it, handed to the template."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from markupsafe import Markup

from bpcompare.own.page.chosen import SHEETS, shares
from bpcompare.own.page.run import run
from bpcompare.own.step import WatchedStep
from bpcompare.own.verdict import WORST
from bpcompare.page.document import asset, environment, policy
from bpcompare.text.medium import Medium, laid_out_for

HOME = "bpcompare.own.page"


def page(runs: Sequence[WatchedStep], of: str = "") -> str:
    """Runs of one step, the float64 copy first, as one HTML document. `of`: what was asked about, a file or a script."""
    style = asset("page.css") + asset("step.css", HOME)
    script = asset("step.js", HOME)
    with laid_out_for(Medium()):
        shown = [run(one, number, room, runs[:number]) for number, (one, room) in enumerate(zip(runs, shares(runs), strict=True))]
    return (
        environment(HOME)
        .get_template("step.html")
        .render(
            runs=shown,
            of=of,
            verdict=min((one.verdict for one in runs), key=WORST.index),
            first=next((blame for one in shown for blame in one.blames), None),
            most=SHEETS,
            version=version("bpcompare"),
            style=Markup(style),  # noqa: S704 — files of ours
            script=Markup(script),  # noqa: S704 — likewise
            policy=policy(style, script),
        )
    )

"""What notebooks show of a network, a comparison or a certificate: text, and small static HTML without script or style sheet.

Viewers of shared notebooks strip scripts and styles, so everything is said in tables, plain SVG and MathML.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from bpcompare.network import Network, SpecError
from bpcompare.page.drawing import drawing
from bpcompare.page.mathml import MathMl
from bpcompare.page.page import Wishes, page
from bpcompare.page.shares import Shares
from bpcompare.page.source import SourceLines
from bpcompare.page.stage import step_of
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.finding import Certificate, Finding
from bpcompare.proof.values import StepValues, given_values
from bpcompare.report import text, verdict_line
from bpcompare.report.labels import Names, safe
from bpcompare.report.lines import clipped, counted, joined
from bpcompare.report.numbers import share, short
from bpcompare.report.places import place
from bpcompare.verdict.comparison import Comparison

Bundle = dict[str, str]
ROWS = 10
"""Findings that are listed."""


def _penalized(network: Network) -> str:
    many = len(network.penalties)
    return f" with a penalty on {counted(many, 'parameter')}" if many else ""


def network_bundle(network: Network) -> Bundle:
    """A network: its layers and, where it can be run, its drawing."""
    rows = []
    for name, layer in network.layers.items():
        shape = "×".join(map(str, network.shapes[name].out)) if name in network.shapes else "?"
        g = "" if layer.g.unchanged else layer.g.name
        rows.append((clipped(name, 40), clipped(", ".join(layer.sources), 60), layer.op.name, g, shape))
    inputs = [(clipped(name, 40), "×".join(map(str, group.shape)) or "1") for name, group in network.inputs.items()]
    error, update = network.error, network.update
    head = (
        f"{clipped(network.name, 40)}: {counted(len(network.layers), 'layer')}, {error.op.name} ({error.op.reduce}) of "
        f"{clipped(error.of, 40)}{_penalized(network)}, {update.name}, {counted(len(network.data), 'example')}"
    )
    lines = [head, *(f"  {name}: input, {shape}" for name, shape in inputs)]
    lines += [f"  {name}: {op} of {sources}{', ' + g if g else ''}, {shape}" for name, sources, op, g, shape in rows]
    try:
        drawn = drawing(network, _before_any_run(network))
    except SpecError as refused:
        drawn = None
        lines.append(clipped(str(refused), 400))
    html = _rendered("network", head=head, inputs=inputs, rows=rows, drawing=drawn)
    return {"text/plain": joined(lines), "text/html": html}


def _before_any_run(network: Network) -> StepValues:
    """The numbers that a drawing needs before anything has run: the plan's, and zeros."""
    plan = draw(network)
    rows = len(plan.batches[0])
    zeros = {f"{name}.a": np.zeros((rows, *network.shape(name))) for name in plan.order}
    return StepValues(given_values(plan, 1, None), zeros)


def comparison_bundle(comparison: Comparison) -> Bundle:
    """A comparison: verdict, backends, drawing, and the first wrong number with its formula."""
    drawn = wrong = None
    if comparison.ran:
        with np.errstate(all="ignore"):
            first = comparison.first
            step = 1 if first is None else place(comparison.plan, first.path, ()).step
            shares = Shares(comparison, step)
            drawn = drawing(comparison.plan.network, shares.first)
            if comparison.blames:
                blame = comparison.blames[0]
                finding = next(one for one in comparison.certificates[blame.backend].refuted if one.path == blame.path)
                at = place(comparison.plan, finding.path, finding.worst)
                names = Names(comparison.plan.network, units=drawn.units)
                mathml = MathMl(names, len(comparison.plan.batches[step - 1]))
                wrong = step_of(shares, mathml, SourceLines({}), "first", at.claim, finding.worst)
    html = _rendered("comparison", comparison=comparison, line=verdict_line(comparison), drawing=drawn, wrong=wrong)
    return {"text/plain": text(comparison), "text/html": html}


def certificate_bundle(certificate: Certificate) -> Bundle:
    """A certificate: what holds, statement by statement, and what does not."""
    provenance = certificate.provenance
    head = f"{clipped(provenance.backend, 40)} ({provenance.framework} {provenance.version}): {certificate.verdict}"
    groups: dict[str, list[Finding]] = {}
    for finding in certificate.findings:
        groups.setdefault(finding.statement, []).append(finding)
    rows = []
    for statement, findings in groups.items():
        nearest = max(findings, key=lambda finding: finding.share)
        holds = sum(finding.outcome == "holds" for finding in findings)
        rows.append((statement, f"{holds} of {len(findings)} hold", clipped(nearest.path, 60), share(nearest.share)))
    bad = [finding for finding in (*certificate.findings, *certificate.plain) if finding.outcome != "holds"]
    listed = [(clipped(one.path, 60), one.outcome, short(one.recorded), short(one.expected), one.note) for one in bad[:ROWS]]
    lines = [head, *(f"  {statement}: {held}, nearest its bound {path} ({taken})" for statement, held, path, taken in rows)]
    lines += [f"  {path}: {outcome}, {recorded} for {expected} {note}" for path, outcome, recorded, expected, note in listed]
    if certificate.failure is not None:
        lines.append(f"  {certificate.failure.splitlines()[0] if certificate.failure else 'no reason given'}")
    html = _rendered("certificate", head=head, rows=rows, listed=listed, more=len(bad) - len(listed), failure=certificate.failure)
    return {"text/plain": joined(lines), "text/html": html}


class Framed:
    """The whole page in a frame of its own, for a notebook whose viewer allows scripts."""

    def __init__(self, comparison: Comparison, height: int = 700) -> None:
        self._text = page(comparison, Wishes())
        self._height = height

    def _repr_html_(self) -> str:
        frame = f'<iframe srcdoc="{escape(self._text)}" width="100%" height="{self._height}" sandbox="allow-scripts"></iframe>'
        return f"<div>{frame}</div>"


def _rendered(kind: str, **content: Any) -> str:
    loader = PackageLoader("bpcompare.page", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["safe_text"] = safe
    return environment.get_template("notebook.html").render(kind=kind, **content)

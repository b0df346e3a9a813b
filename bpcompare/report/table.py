"""The head of a report: the net in a line, and phase by phase what every backend's certificate says."""

from __future__ import annotations

from collections.abc import Mapping

from bpcompare.network import Network
from bpcompare.proof.claims import Statement
from bpcompare.proof.finding import Certificate
from bpcompare.report.columns import columns, fits
from bpcompare.report.lines import clipped, counted, widest
from bpcompare.report.numbers import finite, share
from bpcompare.verdict.comparison import Comparison

PHASES: Mapping[str, tuple[Statement, ...]] = {
    "forward": ("forward",),
    "backward": ("base", "inductive"),
    "gradient": ("gradient",),
    "update": ("update",),
    "state": ("state",),
}
"""Statements of the proof by column. State is that of the optimizer and of normalization."""

BADNESS = ("refuted", "convention", "undecided", "holds")
_WORDS = {"refuted": "WRONG", "convention": "convention", "undecided": "undecided", "holds": "ok"}


def head(comparison: Comparison) -> str:
    """The spec's name, the net, the numbers."""
    plan = comparison.plan
    network = plan.network
    examples = counted(len(plan.batches[0]), "example") if plan.batches else "no examples"
    parts = [
        clipped(comparison.spec, 30),
        _shape(network),
        clipped(" + ".join([f"{network.error.op.name} ({network.error.op.reduce})", *_penalties(network)]), 46),
        network.update.name,
        examples,
        plan.dtype,
        counted(len(plan.batches), "step"),
    ]
    return clipped("  ".join(parts), widest())


def _penalties(network: Network) -> list[str]:
    return list(dict.fromkeys(penalty.name for penalty in network.penalties.values()))


def _shape(network: Network) -> str:
    if len(network.layers) > 3:
        return counted(len(network.layers), "layer")
    sizes = ["x".join(map(str, network.shape(name))) or "1" for name in (*network.inputs, *network.order)]
    kinds = [layer.g.name for layer in network.layers.values() if not layer.g.unchanged]
    return clipped("-".join(sizes) + "".join(f" {kind}" for kind in dict.fromkeys(kinds)), 30)


def table(comparison: Comparison, most: int) -> list[str]:
    """One row a backend, the worst first where there are more than `most`; the others are counted."""
    # Those that did not answer are told one by one; here they would stand with an empty row.
    names = list(comparison.ran or comparison.certificates)
    hidden: list[str] = []
    if len(names) > most:
        worst = sorted(names, key=lambda name: _rank(comparison.certificates[name]))
        shown, hidden = set(worst[: most - 1]), worst[most - 1 :]
        names = [name for name in names if name in shown]
    certificates = comparison.certificates.values()
    phases = [phase for phase, of in PHASES.items() if any(len(one.all.among(of)) for one in certificates)]
    rows = [["backend", "runs on", *phases], *(_row(name, comparison, phases) for name in names)]
    unit = "(% of the rounding allowed)" if phases and not comparison.plan.exact else ""
    beside = [[*rows[0], unit], *rows[1:]]
    # Beside the titles if there is room for it, otherwise below the table.
    lines = columns(beside, indent=2) if fits(beside, indent=2) else [*columns(rows, indent=2), f"  {unit}"]
    if hidden:
        verdicts = ", ".join(dict.fromkeys(comparison.backends[name].verdict for name in hidden))
        lines.append(f"  … and {len(hidden)} more: {verdicts}")
    return [clipped(line, widest()) for line in lines]


def _rank(certificate: Certificate) -> int:
    return ("not_run", "wrong", "convention", "undecided", "certified").index(certificate.verdict)


def _row(name: str, comparison: Comparison, phases: list[str]) -> list[str]:
    certificate = comparison.certificates[name]
    provenance = certificate.provenance
    if certificate.failure is not None:
        return [clipped(name, 30), "not run"]
    mode = "" if provenance.mode == "eager" else f" {provenance.mode}"
    exact = comparison.plan.exact
    cells = [_cell(certificate, PHASES[phase], exact=exact) for phase in phases]
    return [clipped(name, 30), clipped(f"{provenance.framework} {provenance.version}{mode}", 24), *cells]


def _cell(certificate: Certificate, statements: tuple[Statement, ...], *, exact: bool) -> str:
    findings, plain = certificate.all.among(statements), [one for one in certificate.plain if one.statement in statements]
    if not findings and not plain:
        return "-"
    outcome = min((finding.outcome for finding in (*findings.judged, *plain)), key=BADNESS.index, default="holds")
    if outcome != "holds":
        return _WORDS[outcome]
    if exact:
        return "same bits"
    worst = [finding for finding in (findings.worst, *plain) if finding is not None]
    return f"ok {share(max(finite(finding.share) for finding in worst))}"

"""A comparison for machines that show text: one line a problem, with file and line of the layer where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bpcompare.plan.path import Path
from bpcompare.report.code import blamed_line
from bpcompare.report.lines import clipped
from bpcompare.report.numbers import off
from bpcompare.report.verdict import verdict_line
from bpcompare.verdict.comparison import Comparison


@dataclass(frozen=True)
class Remark:
    """One problem: where in the spec, who, and what. `line` is 0 where no line of the spec is to blame.

    `code` is the line of the backend's own file that is to blame, where that is known.
    """

    spec: str
    line: int
    backend: str
    title: str
    message: str
    code: tuple[str, int] | None = None


def remarks(comparison: Comparison, spec: str, line_of: Callable[[str], int] = lambda _: 0) -> Iterator[Remark]:
    """Every problem of a comparison, the first one first; none for a success. `line_of` gives the line of a layer."""
    if comparison.exit_code == 0:
        return
    for name, certificate in comparison.certificates.items():
        if certificate.failure is not None:
            said = clipped(certificate.failure.partition("\n")[0], 300)
            yield Remark(spec, 0, name, "not run", said, blamed_line(comparison, name))
    told = set()
    for blame in comparison.blames:
        told.add(blame.backend)
        code = blame.code or "cause unknown"
        finding = next(one for one in comparison.certificates[blame.backend].refuted if one.path == blame.path)
        who = f"blame: {blame.blame}" if blame.blame else "nobody can be blamed"
        amount = off(finding.recorded, finding.expected)
        message = f"{blame.path} of {blame.backend}: {amount}; {who} ({blame.ground})"
        own = blamed_line(comparison, blame.backend, blame.path) if blame.blame == blame.backend else None
        yield Remark(spec, line_of(_layer(comparison, blame.path)), blame.backend, code, message, own)
    for name, certificate in comparison.certificates.items():
        if name not in told and certificate.verdict in ("convention", "undecided", "wrong"):
            bad = next(one for one in certificate.notable if one.outcome != "holds")
            message = f"{bad.path} of {name}: {bad.note}"
            yield Remark(spec, line_of(_layer(comparison, bad.path)), name, certificate.verdict, message)
    if not comparison.blames and comparison.verdict in ("identical", "certified"):
        yield Remark(spec, 0, "", "nothing compared", verdict_line(comparison))


def _layer(comparison: Comparison, path: str) -> str:
    bare = Path(path).bare
    layers = sorted(comparison.plan.network.layers, key=len, reverse=True)
    return next((layer for layer in layers if bare.startswith(f"{layer}.")), "")


def concise(comparison: Comparison, spec: str, line_of: Callable[[str], int] = lambda _: 0) -> list[str]:
    """`mazur.toml:14: BP204 h.delta of student …`, one line a problem; a success is one line."""
    found = [f"{one.spec}:{one.line or 1}: {one.title}  {one.message}" for one in remarks(comparison, spec, line_of)]
    return found or [f"{spec}: {verdict_line(comparison)}"]


def github(comparison: Comparison, spec: str, line_of: Callable[[str], int] = lambda _: 0) -> list[str]:
    """Workflow commands of GitHub Actions: an annotation at the blamed line of a backend's file, or at the layer; the verdict."""
    lines = []
    for one in remarks(comparison, spec, line_of):
        kind = "warning" if one.title in ("undecided", "nothing compared") else "error"
        title = _property(f"bpcompare: {one.title}{f', {one.backend}' if one.backend else ''}")
        file, line = one.code or (one.spec, one.line or 1)
        lines.append(f"::{kind} file={_property(file)},line={line},title={title}::{_data(one.message)}")
    return [*lines, verdict_line(comparison)]


# What GitHub's own toolkit escapes: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""Verdicts about somebody's own code as a line of JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import Any

from bpcompare import __version__
from bpcompare.own.coverage import REDUCED
from bpcompare.own.replay import Replay
from bpcompare.own.step import WatchedStep
from bpcompare.own.wrong import Wrong, wrongs


def to_json(door: str, of: str, runs: Sequence[WatchedStep], code: int) -> str:
    """One line; numbers that are not finite become null.

    `door` is the command, `of` what it was asked about, `code` its exit code.
    """
    content = {"bpcompare": __version__, "door": door, "of": of, "exit_code": code, "runs": [summary(run) for run in runs]}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def summary(step: WatchedStep) -> dict[str, Any]:
    """What is said about one run."""
    power, where = step.power
    outcomes = Counter(finding.outcome for _, _, finding in step.findings)
    return {
        "run": step.title,
        "verdict": step.verdict,
        "exit_code": step.exit_code,
        "framework": dict(step.watched.facts),
        "claims": dict(outcomes),
        "not_judged": sum(len(one.left) for one in step.judged),
        "power": {"relative": _finite(power), "path": where or None},
        "wrong": list(map(_wrong, wrongs(step))),
        "intended": sorted(
            {Wrong(*found).culprit for found in step.deviations} | ({REDUCED} if step.reduced_as_meant else set())
        ),
        "undecided": [{"path": claim.path, "why": finding.note} for _, claim, finding in step.undecided],
        "zeros": [claim.path for _, claim, _ in step.zeros],
        "unexamined": [{"what": one.what, "why": one.why, "line": one.line or None} for one in step.unexamined],
        "parameters": dict(step.watched.parameters),
        "replays": None if step.replays is None else list(map(_replay, step.replays)),
    }


def _replay(one: Replay) -> dict[str, Any]:
    distance, where = one.farthest
    return {
        "of": one.title,
        "framework": one.framework,
        "failed": one.failed or None,
        "lacking": list(one.lacking),
        "apart": {path: _finite(size) for path, size in one.apart.items()},
        "farthest": {"relative": _finite(distance), "path": where or None},
    }


def _wrong(wrong: Wrong) -> dict[str, Any]:
    finding = wrong.finding
    return {
        "path": wrong.claim.path,
        "statement": wrong.claim.statement,
        "culprit": wrong.culprit,
        "module": wrong.module or None,
        "line": wrong.line or None,
        "index": list(map(int, finding.worst)),
        "recorded": _finite(finding.recorded),
        "law": _finite(finding.expected),
        "radius": _finite(finding.radius),
        "off": int(finding.off),
        "elements": int(finding.size),
    }


def _finite(x: float) -> float | None:
    return float(x) if isfinite(x) else None

"""What became of runs, as content of a line of JSON."""

from __future__ import annotations

from typing import Any

from bpcompare.own.change.change import Change, Changes


def summary(changes: Changes) -> dict[str, Any]:
    """What is said about all runs."""
    return {"outcome": changes.outcome, "exit_code": changes.exit_code, "runs": [_run(run) for run in changes.runs]}


def _run(run: Change) -> dict[str, Any]:
    parting = run.parting
    return {
        "run": run.step.title,
        "then": run.then.made_by,
        "now": run.now.made_by,
        "outcome": run.outcome,
        "differences": [
            {"module": one.module or None, "name": one.name, "what": one.what, "line": one.line or None}
            | ({"parameter": one.parameter} if one.parameter else {})
            for one in run.differences
        ],
        "parts": None if parting is None else {"path": parting.path, "statement": parting.claim.statement},
        "rewritten": run.outcome == "changed" and run.rewritten,
        "moved": [{"path": move.path, "about": move.apart, "proved": move.proved} for move in run.moves],
        "compared": run.compared,
    }

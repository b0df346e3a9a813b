"""What happens in a process of another Python: a step of somebody's code is made, and saved; nothing is judged there.

It needs what a backend's worker needs, and no more: Python, NumPy, safetensors, the framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpcompare.engine.worker.bootstrap import answer
from bpcompare.own.factory import FactoryError
from bpcompare.own.ordered import ordered

SUFFIX = ".step"


def serve(folder: Path, request: Mapping[str, Any]) -> int:
    """Make the step that is asked for: a file for each run of it, then `outcome.json` says so."""
    try:
        runs = ordered(request["of"], request["seed"], as_is=request["as_is"], intended=request["intended"]).runs
        for number, run in enumerate(runs):
            run.save(folder / f"{number}{SUFFIX}")
    except FactoryError as error:
        return answer(folder, outcome="failed", reason=str(error), exit_code=error.exit_code)
    except ValueError as error:  # what has no place in a file
        return answer(folder, outcome="failed", reason=f"the step cannot be passed on: {error}", exit_code=3)
    return answer(folder, outcome="made", runs=len(runs))

"""What happens inside a worker's process: a plan is read, a backend runs, a record is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpcompare.engine.address import Address
from bpcompare.engine.worker.bootstrap import answer
from bpcompare.engine.worker.in_process import InProcess
from bpcompare.engine.worker.runner import AbsentError, unanswered
from bpcompare.plan.storage import StorageError, load_plan, save_record


def serve(folder: Path, address: Mapping[str, Any]) -> int:
    """Answer the request in `folder`: its `plan.safetensors` becomes `record.safetensors`, then `outcome.json` says so."""
    where = Address(**{**address, "rivals": tuple(address["rivals"])})
    plan = load_plan(folder / "plan.safetensors")
    try:
        record = InProcess().run(where, plan)
    except AbsentError as error:
        return answer(folder, outcome="absent", hint=error.hint)
    try:
        save_record(record, folder / "record.safetensors")
    except StorageError as error:
        record = unanswered(where.name, plan, f"its record cannot be passed on: {error}")
        save_record(record, folder / "record.safetensors")
    return answer(folder, outcome="answered")

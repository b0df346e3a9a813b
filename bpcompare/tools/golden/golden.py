"""A golden: a plan, what one backend made of it once, and how that was judged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bpcompare.engine.worker.answer import problems
from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, trees
from bpcompare.plan.record import Record
from bpcompare.plan.storage import StorageError, plan_of, plan_parts, record_of, record_parts
from bpcompare.plan.trees import Tree
from bpcompare.verdict.comparison import Verdict

KIND = "golden"


@dataclass(frozen=True, eq=False)
class Golden:
    """The numbers of one backend on one spec. `verdict` is that of the record alone, when it was made."""

    spec: str
    backend: str
    plan: Plan
    record: Record
    verdict: Verdict

    @property
    def made_by(self) -> str:
        """The framework and its version."""
        return f"{self.record.provenance.framework} {self.record.provenance.version}"

    def address(self, spec: str | os.PathLike[str]) -> str:
        """By what name its backend can be run again: its own, or `path/to/file.py:Class` from where `spec` lies."""
        path, _, attribute = self.record.provenance.address.rpartition(".py:")
        return f"{Path(spec).parent / f'{path}.py'}:{attribute}" if path else self.backend

    @property
    def numbers(self) -> int:
        """How many numbers a file of it holds."""
        return sum(x.size for x in parts(self)[1].values())


def portable(address: str, spec: str | os.PathLike[str]) -> str:
    """The address of a backend as a golden keeps it: that of a file from the folder of `spec` on, so that both can be moved."""
    path, _, attribute = address.rpartition(".py:")
    try:
        return f"{Path(os.path.relpath(f'{path}.py', Path(spec).parent)).as_posix()}:{attribute}" if path else address
    except ValueError:  # on another drive
        return address


def parts(golden: Golden) -> tuple[Tree, dict[str, Array]]:
    """`golden` as JSON-able content, and the arrays it refers to. Raises StorageError."""
    plan, given = plan_parts(golden.plan)
    record, found = record_parts(golden.record)
    content = {"spec": golden.spec, "backend": golden.backend, "verdict": golden.verdict, "plan": plan, "record": record}
    arrays = {f"plan/{key}": x for key, x in given.items()} | {f"record/{key}": x for key, x in found.items()}
    return content, arrays


def golden_of(content: object, arrays: dict[str, Array]) -> Golden:
    """The golden of what `parts` gave. Raises StorageError for what does not fit together."""
    try:
        top = trees.entries(content, "golden", "spec", "backend", "verdict", "plan", "record")
        verdict = trees.value(Verdict, top["verdict"], "verdict")
        plan = plan_of(top["plan"], _under("plan/", arrays))
        record = record_of(top["record"], _under("record/", arrays))
        golden = Golden(trees.value(str, top["spec"], "spec"), trees.value(str, top["backend"], "backend"), plan, record, verdict)
    except StorageError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"does not make sense: {error}") from error
    if plan.exact:
        raise StorageError("its plan is of exact mode, of which there are no goldens")
    if record.failure is not None:
        raise StorageError(f"holds no numbers: {record.failure.partition(chr(10))[0]}")
    for problem in problems(plan, record, owned=False):
        raise StorageError(f"its record does not answer its plan: {problem}")
    return golden


def _under(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {key.removeprefix(prefix): x for key, x in arrays.items() if key.startswith(prefix)}

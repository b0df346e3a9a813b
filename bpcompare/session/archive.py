"""A run on disk: its plan and every backend's answer, in one file. The verdict is worked out when the file is read.

Reading a file runs no backend, imports no framework, and runs nothing that the file names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from bpcompare.engine.worker.answer import problems
from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, trees
from bpcompare.plan.record import Record
from bpcompare.plan.storage import StorageError, plan_from, read, record_from, unpack
from bpcompare.proof.exact import unproved
from bpcompare.session.conductor import judge
from bpcompare.text import arguments
from bpcompare.verdict.comparison import Comparison

FOUND = ("certificates", "blames", "pairs", "unseen")
"""What version 1 kept beside the answers; it is not read."""


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: the plan, every record, all of them answers to it, and whether the oracle was asked.

    `seconds` is how long judging took when the file was written.
    """

    spec: str
    plan: Plan
    records: Mapping[str, Record]
    oracle: bool
    seconds: float = 0.0

    def judged(self) -> Comparison:
        """The verdict, worked out now."""
        return replace(judge(self.spec, self.plan, self.records, self.oracle), certificate_seconds=self.seconds)


def load_comparison(path: str | os.PathLike[str]) -> Comparison:
    """The comparison that `save` wrote, judged anew: the file is not asked for a verdict. Raises StorageError, OSError."""
    return load_answers(path).judged()


def load_answers(path: str | os.PathLike[str]) -> Saved:
    """What `save` wrote, not judged. Raises StorageError, OSError, and TypeError for what is no path."""
    return read(arguments.path("saved run", path), answers_from)


def comparison_from(data: bytes) -> Comparison:
    """The comparison that `comparison_bytes` wrote, judged anew. Raises StorageError."""
    return answers_from(data).judged()


def answers_from(data: bytes) -> Saved:
    """What `comparison_bytes` wrote, not judged. Raises StorageError for anything that cannot be judged."""
    content, arrays = unpack(data, "comparison")
    try:
        return _saved(content, arrays)
    except StorageError:
        raise
    except (ValueError, TypeError) as error:
        raise StorageError(f"does not make sense: {error}") from error


def _saved(content: object, arrays: Mapping[str, Array]) -> Saved:
    top = trees.entries(content, "run", "spec", "backends", "oracle", optional=("certificate_seconds", *FOUND))
    names = trees.items(top["backends"], "backends", trees.name)
    if len(set(names)) < len(names):
        raise ValueError("backends: a name stands there twice")
    if odd := arrays.keys() ^ {"plan", *(f"records/{name}" for name in names)}:
        raise ValueError(f"arrays: missing or unknown {', '.join(sorted(odd)[:3])}")
    seconds = trees.value(float, top.get("certificate_seconds", 0.0), "certificate_seconds")
    if seconds < 0:
        raise ValueError(f"certificate_seconds: must be at least 0, is {seconds}")
    plan = plan_from(_bytes(arrays["plan"], "plan"))
    if plan.exact and (reason := unproved(plan)):
        raise StorageError(f"its plan is marked as one that cannot round, and it can: {reason}")
    records = {name: record_from(_bytes(arrays[f"records/{name}"], name)) for name in names}
    for name, record in records.items():
        _answers(plan, record, name)
    return Saved(trees.name(top["spec"], "spec"), plan, records, trees.value(bool, top["oracle"], "oracle"), seconds)


def _answers(plan: Plan, record: Record, name: str) -> None:
    """Raises StorageError for a record that does not answer the plan, and is no failure either."""
    if record.failure is None:
        for problem in islice(problems(plan, record, owned=False), 1):
            raise StorageError(f"the record of {name} does not answer the plan: {problem}")
    elif record.steps or record.plan_digest != plan.digest or not record.failure.strip():
        raise StorageError(f"the record of {name} is neither an answer to the plan nor a failure")


def _bytes(x: Array, name: str) -> memoryview:
    if x.dtype != np.uint8 or x.ndim != 1:
        raise ValueError(f"{name}: expected bytes, found {x.dtype} of shape {list(x.shape)}")
    return x.data

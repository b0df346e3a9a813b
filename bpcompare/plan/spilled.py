"""A record whose numbers stand in a file, and are read when somebody looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from bpcompare.files.chunks import Chunks
from bpcompare.network.parameter import Array
from bpcompare.plan.record import Record, StepRecord


def arrays_of(record: Record) -> list[Array]:
    """Every array of a record; one that stands at two places, once."""
    found: dict[int, Array] = {}
    for step in record.steps:
        for field in fields(step):
            group: Any = getattr(step, field.name)
            for x in group.values() if isinstance(group, Mapping) else () if group is None else (group,):
                found[id(x)] = x
    return list(found.values())


def size_of(record: Record) -> int:
    """Bytes of its numbers."""
    return sum(x.nbytes for x in arrays_of(record))


def spilled(record: Record, chunks: Chunks) -> Record:
    """The same record, read-only, with the same layout of every array. Raises OSError where the disk is full."""
    arrays = arrays_of(record)
    laid = [(x.T if x.flags.f_contiguous and not x.flags.c_contiguous else x) for x in arrays]
    parts = chunks.put([np.ascontiguousarray(x).reshape(-1).view(np.uint8).data for x in laid])
    read: dict[int, Array] = {}
    for x, lying, part in zip(arrays, laid, parts, strict=True):
        y = np.frombuffer(part, x.dtype).reshape(lying.shape)
        y.flags.writeable = False
        read[id(x)] = y if lying is x else y.T
    return replace(record, steps=tuple(_read(step, read) for step in record.steps))


def _read(step: StepRecord, read: Mapping[int, Array]) -> StepRecord:
    found: dict[str, Any] = {}
    for field in fields(step):
        group: Any = getattr(step, field.name)
        if isinstance(group, Mapping):
            group = {path: read[id(x)] for path, x in group.items()}
        found[field.name] = read[id(group)] if isinstance(group, np.ndarray) else group
    return StepRecord(**found)

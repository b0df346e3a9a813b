"""A comparison as a file: its plan and every answer, not its verdict, which is worked out when the file is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from bpcompare.files.writing import write
from bpcompare.network.parameter import Array
from bpcompare.plan.storage import pack, plan_bytes, record_bytes
from bpcompare.text import arguments

if TYPE_CHECKING:
    from bpcompare.verdict.comparison import Comparison


def save(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write `comparison` to one file, whole or not at all. Raises StorageError, OSError, and TypeError for what is no path."""
    write(arguments.path("saved run", path), comparison_bytes(comparison))


def comparison_bytes(comparison: Comparison) -> bytes:
    """`comparison` as the content of a file."""
    arrays = {"plan": _packed(plan_bytes(comparison.plan))}
    arrays |= {f"records/{name}": _packed(record_bytes(record)) for name, record in comparison.records.items()}
    content = {
        "spec": comparison.spec,
        "backends": list(comparison.records),
        "oracle": comparison.oracle,
        "certificate_seconds": comparison.certificate_seconds,
    }
    return pack("comparison", content, arrays)


def _packed(data: bytes) -> Array:
    return np.frombuffer(data, np.uint8)

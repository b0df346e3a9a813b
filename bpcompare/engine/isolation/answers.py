"""Reads what a worker wrote into its folder, without trusting any of it.

A worker's code wrote these files, and it may have put anything in their place: a pipe, a device, a link, a file of a terabyte
that holds nothing, a folder, JSON that is a thousand levels deep. Whatever it is, it is an answer or a `StorageError`.
"""

from __future__ import annotations

import json
import os
import stat
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.plan.storage import StorageError, record_from

OUTCOME = 2**16
"""Bytes of an outcome."""
HEADER = 2**24
"""Bytes of a record that are not arrays, and …"""
NAMED = 64
"""… so many more for each byte of an array's name: it stands in the header several times, escaped twice."""


def outcome(folder: Path, protocol: int) -> dict[str, Any] | None:
    """What became of the request, or None where nothing says so. Raises StorageError."""
    path = folder / "outcome.json"
    if not os.path.lexists(path):
        return None
    try:
        found = json.loads(content(path, OUTCOME))
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path.name}: {_words(error)}") from None
    return found if isinstance(found, dict) and found.get("protocol") == protocol and "outcome" in found else None


def record(folder: Path, plan: Plan) -> Record:
    """The record that is to answer `plan`; whether it does is not looked at. Raises StorageError."""
    path = folder / "record.safetensors"
    try:
        return record_from(content(path, largest(plan)))
    except Exception as error:  # noqa: BLE001 — a stranger's file may break any reader, and costs one backend, not the run
        raise StorageError(f"{path.name}: {_words(error)}") from None


def largest(plan: Plan) -> int:
    """Bytes that a record of `plan` has at most: twice what its arrays need, so that one of a wider dtype is told as that."""
    network, numbers, names = plan.network, 1, 0
    parameters = {name: x.size for name, x in plan.parameters.items()}
    others = sum(x.size for group in (plan.state, plan.slots) for x in group.values())
    kept = sum(parameters.values()) + 2 * sum(parameters[name] for name in network.trainable) + others
    for batch in plan.batches:
        numbers += kept + 3 * len(batch) * sum(prod(network.shape(name)) for name in plan.order)
    for name in (*plan.order, *parameters, *plan.state, *plan.slots):
        names += 3 * len(plan.batches) * (len(name.encode("utf-8", "replace")) + 16)
    return 2 * numbers * np.dtype(plan.dtype).itemsize + HEADER + NAMED * names


def content(path: Path, most: int) -> bytes:
    """The bytes of a regular file that has at most so many. Raises StorageError, which does not name the folder."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise StorageError(f"is {_kind(found.st_mode)}, and no regular file")
            if found.st_size > most:
                raise StorageError(f"has {found.st_size:,} bytes, where {most:,} are the most that an answer can have")
            data = file.read(most + 1)
    except OSError as error:
        raise StorageError(_unopened(path, error)) from None
    if len(data) > most:
        raise StorageError(f"has more than the {most:,} bytes that an answer can have")
    return data


def _unopened(path: Path, error: OSError) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return "is not there"
    return f"is {_kind(mode)}, and no regular file" if not stat.S_ISREG(mode) else f"cannot be read: {error.strerror or error}"


def _kind(mode: int) -> str:
    for is_one, word in (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_one(mode):
            return word
    return "something else"


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply to be read"
    if isinstance(error, MemoryError):
        return "takes more memory than there is"
    return str(error) if isinstance(error, StorageError) else f"cannot be read: {type(error).__name__}: {error}"

"""Plans and records as files: arrays in safetensors, everything else as JSON in its header. Loading executes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save as save_tensors

from bpcompare.files.reading import Unreadable, opened
from bpcompare.files.tensors.safetensors import DTYPES, Extent, layout
from bpcompare.files.writing import write
from bpcompare.network import Dtype
from bpcompare.network.parameter import Array
from bpcompare.plan import fit, trees, written
from bpcompare.plan.draw import sealed
from bpcompare.plan.plan import Batch, Plan
from bpcompare.plan.record import Provenance, Record, StepRecord
from bpcompare.plan.trees import Tree
from bpcompare.text.words import printable

FORMAT = "bpcompare"
VERSION = 1
"""The newest format of plans, records and goldens that is known here. A new field with a default needs no new one: it is left out
where it is the default, and what does not know it refuses it by name. A version is for what would be misread otherwise.
"""
VERSIONS = {"comparison": 2}
"""Kinds that have come further: from 2 on, a saved run holds answers and no verdict."""
_DTYPES = frozenset("?bhilqBHILQefd")
_LENGTH = 8
LARGEST_FILE = 2 * 2**30
"""Bytes that a file may have. What a worker is given and answers may have more: those are of one run, and gone after it."""
LARGEST_FILE_OF = {"plan": 8 * 2**30, "record": 8 * 2**30, "step": 8 * 2**30}
LARGEST_TEXT = LARGEST_HEADER = 64 * 2**20
T = TypeVar("T")


LONGEST_MESSAGE = 1_000
"""Characters of a message: what a file holds may be in it."""


class StorageError(ValueError):
    """A file that cannot be read as what it should be, or content that cannot be written. Says which file and why.

    The message may quote what a file holds, so control characters are written as escapes, and a long message is cut.
    """

    def __init__(self, message: str) -> None:
        cut = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} …"
        super().__init__(printable(" ".join(cut.splitlines())))


SUFFIX = ".bpz"
"""What saved runs end in. One of another name is known by its content."""


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Whether this is a saved run (or another file of ours), not a text: by its suffix, or by the header of its format."""
    file = Path(path)
    if file.suffix == SUFFIX:
        return True
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            head = stream.read(9)
    except (OSError, ValueError):
        return False
    # safetensors: the length of the header in eight bytes, then the header.
    return len(head) == 9 and head[8:] == b"{" and 0 in head[:8]


def save_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write `plan` to `path`, whole or not at all. Raises StorageError for what has no place in a file, OSError from the disk."""
    write(path, plan_bytes(plan))


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """The plan in `path`, its arrays read-only. Raises StorageError, or OSError when the file cannot be read at all."""
    return read(path, plan_from)


def save_record(record: Record, path: str | os.PathLike[str]) -> None:
    """Write `record` to `path`, whole or not at all. Raises as `save_plan`."""
    write(path, record_bytes(record))


def load_record(path: str | os.PathLike[str]) -> Record:
    """The record in `path`. Raises as `load_plan`."""
    return read(path, record_from)


def plan_bytes(plan: Plan) -> bytes:
    """`plan` as the content of a file."""
    return pack("plan", *plan_parts(plan))


def plan_from(data: bytes | memoryview) -> Plan:
    """The plan that `plan_bytes` wrote. Raises StorageError."""
    return plan_of(*unpack(data, "plan"))


def plan_parts(plan: Plan) -> tuple[Tree, dict[str, Array]]:
    """`plan` as JSON-able content, and the arrays it refers to. Raises StorageError."""
    if not plan.digest:
        raise StorageError("the plan has no digest: seal it first")
    network, arrays = _writable(lambda: written.dump(plan.network))
    kept = _Arrays({f"network/{key}": x for key, x in arrays.items()})
    content = {
        "network": network,
        "dtype": plan.dtype,
        "updates_done": int(plan.updates_done),
        "exact": bool(plan.exact),
        "digest": plan.digest,
        "parameters": kept.put("parameters", plan.parameters),
        "state": kept.put("state", plan.state),
        "slots": kept.put("slots", plan.slots),
        "batches": [
            {
                "inputs": kept.put(f"batch{number}/inputs", batch.inputs),
                "target": kept.one(f"batch{number}/target", batch.target),
                "draws": kept.put(f"batch{number}/draws", batch.draws),
            }
            for number, batch in enumerate(plan.batches, 1)
        ],
    }
    return content, kept.arrays


def plan_of(content: object, arrays: Mapping[str, Array]) -> Plan:
    """The plan of what `plan_parts` gave. Raises StorageError."""

    def build() -> Plan:
        names = ("network", "dtype", "updates_done", "exact", "digest", "parameters", "state", "slots", "batches")
        top = trees.entries(content, "plan", *names)
        inner = {key.removeprefix("network/"): x for key, x in arrays.items() if key.startswith("network/")}
        return Plan(
            network=written.load(top["network"], inner),
            dtype=trees.value(Dtype, top["dtype"], "dtype"),
            parameters=_group(top["parameters"], "parameters", arrays),
            state=_group(top["state"], "state", arrays),
            slots=_group(top["slots"], "slots", arrays),
            batches=trees.items(top["batches"], "batches", lambda entry, place: _batch(entry, place, arrays)),
            updates_done=trees.value(int, top["updates_done"], "updates_done"),
            exact=trees.value(bool, top["exact"], "exact"),
            digest=trees.value(str, top["digest"], "digest"),
        )

    loaded = _readable(build)
    for problem in fit.problems(loaded):
        raise StorageError(f"does not make sense: the plan: {problem}")
    plan = sealed(loaded)
    if plan.digest != loaded.digest:
        raise StorageError("the plan is not the one its digest names; make the plan again")
    return plan


def record_bytes(record: Record) -> bytes:
    """`record` as the content of a file."""
    return pack("record", *record_parts(record))


def record_from(data: bytes | memoryview) -> Record:
    """The record that `record_bytes` wrote. Raises StorageError."""
    return record_of(*unpack(data, "record"))


def record_parts(record: Record) -> tuple[Tree, dict[str, Array]]:
    """`record` as JSON-able content, and the arrays it refers to."""
    kept = _Arrays({})
    content = {
        "plan_digest": record.plan_digest,
        "provenance": trees.dump(record.provenance),
        "failure": record.failure,
        "steps": [_dump_step(f"step{number}", step, kept) for number, step in enumerate(record.steps, 1)],
    }
    return content, kept.arrays


def record_of(content: object, arrays: Mapping[str, Array]) -> Record:
    """The record of what `record_parts` gave. Raises StorageError."""

    def build() -> Record:
        top = trees.entries(content, "record", "plan_digest", "provenance", "failure", "steps")
        return Record(
            plan_digest=trees.value(str, top["plan_digest"], "plan_digest"),
            steps=trees.items(top["steps"], "steps", lambda entry, place: _load_step(entry, place, arrays)),
            provenance=trees.load(Provenance, top["provenance"], "provenance"),
            failure=trees.value(str | None, top["failure"], "failure"),
        )

    return _readable(build)


def pack(kind: str, content: Tree, arrays: Mapping[str, Array]) -> bytes:
    """A file of `arrays` (C-contiguous, native byte order) and of a manifest that says what they are. Raises StorageError."""
    most, size = LARGEST_FILE_OF.get(kind, LARGEST_FILE), sum(x.nbytes for x in arrays.values())
    if size > most:
        raise StorageError(f"{size / 2**20:,.0f} MiB cannot be saved, the limit is {most / 2**20:,.0f} MiB; take fewer steps")
    for key, x in arrays.items():
        if x.dtype.char not in _DTYPES:
            raise StorageError(f"{key}: arrays of dtype {x.dtype} cannot be saved")
    digest = _writable(lambda: written.content_digest([kind, content], dict(sorted(arrays.items()))))
    manifest = {"format": FORMAT, "version": VERSIONS.get(kind, VERSION), "kind": kind, "digest": digest, "content": content}
    metadata = {FORMAT: _writable(lambda: trees.encode(manifest).decode())}
    try:
        return save_tensors(dict(arrays), metadata)
    except SafetensorError as error:
        raise StorageError(f"cannot be saved: {error}") from error


def unpack(data: bytes | memoryview, kind: str) -> tuple[Any, dict[str, Array]]:
    """The content and arrays that `pack` was given for this `kind`. Raises StorageError for anything else.

    The arrays are views of `data`, read-only: a saved run takes the memory of its file once.
    """
    manifest, text = _manifest(data)
    if manifest["kind"] != kind:
        raise StorageError(f"holds a {manifest['kind']}, expected a {kind}")
    length = int.from_bytes(data[:_LENGTH], "little")
    try:
        places, _ = layout(bytes(data[_LENGTH : _LENGTH + length]), len(data) - _LENGTH - length)
        arrays = {key: _view(data, _LENGTH + length, place) for key, place in places.items()}
    except (ValueError, KeyError) as error:
        raise StorageError(f"is damaged or cut short: {error}") from error
    content = manifest.get("content")
    if _readable(lambda: written.content_digest([kind, content], dict(sorted(arrays.items())))) != manifest.get("digest"):
        raise StorageError("is damaged: its content does not match the digest stored with it")
    # A digest of values does not notice another spelling of the same value.
    if _readable(lambda: trees.encode(manifest).decode()) != text:
        raise StorageError("is damaged: its header is not as bpcompare writes it")
    return content, arrays


def read(path: str | os.PathLike[str], build: Callable[[bytes], T]) -> T:
    """`build` of the content of `path`, a regular file of a size that has a limit; its StorageError gets the path in front."""
    try:
        Path(path).stat()  # what is not there, or not for this user, is an OSError
    except ValueError as error:  # no name that a file could have
        raise StorageError(f"{os.fspath(path)!r}: {error}") from None
    try:
        with opened(Path(path)) as file:
            data = _contents(file)
    except Unreadable as error:
        raise StorageError(str(error)) from None
    except StorageError as error:
        raise StorageError(f"{os.fspath(path)}: {error}") from error
    try:
        return build(data)
    except StorageError as error:
        raise StorageError(f"{os.fspath(path)}: {error}") from error


def _contents(file: BufferedReader) -> bytes:
    """All of a file that is small, or says at its beginning that bpcompare wrote it; of a large one no more is read before."""
    size, most = os.fstat(file.fileno()).st_size, LARGEST_TEXT
    head = file.read(_LENGTH)
    if size > most and not head.startswith(b"{"):  # no golden as text
        length = int.from_bytes(head, "little")
        if length > LARGEST_HEADER:
            raise StorageError("is not a file that bpcompare wrote")
        head += file.read(length)
        manifest, _ = _manifest(head)
        most = LARGEST_FILE_OF.get(manifest["kind"], LARGEST_FILE)
    if size > most:
        raise StorageError(f"has {size / 2**20:,.0f} MiB, the limit is {most / 2**20:,.0f} MiB")
    return head + file.read(max(0, size - len(head)))


def _view(data: bytes | memoryview, begin: int, place: Extent) -> Array:
    dtype = DTYPES[place.dtype]
    found = (
        np.frombuffer(data, dtype, (place.end - place.first) // dtype.itemsize, begin + place.first)
        if place.end > place.first
        else np.empty(0, dtype)
    )
    x = found.reshape(place.shape)
    if not x.flags.aligned:  # a file inside a file begins anywhere, and NumPy computes more slowly there
        x = x.copy()
    x.setflags(write=False)
    return x


class _Arrays:
    """Arrays by key. An array that was already added under another key is stored only once."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = dict(arrays)
        self._known: dict[int, str] = {}

    def one(self, key: str, x: Array) -> str:
        if id(x) not in self._known:
            # astype, unlike ascontiguousarray, leaves zero-dimensional arrays as they are.
            self.arrays[key] = x.astype(x.dtype.newbyteorder("="), order="C", copy=False)
            self._known[id(x)] = key
        return self._known[id(x)]

    def put(self, prefix: str, arrays: Mapping[str, Array]) -> dict[str, str]:
        return {name: self.one(f"{prefix}/{name}", x) for name, x in arrays.items()}


def _manifest(data: bytes | memoryview) -> tuple[Tree, str]:
    length = int.from_bytes(data[:_LENGTH], "little")
    header = bytes(data[_LENGTH : _LENGTH + length])
    if len(data) < _LENGTH or not header.startswith(b"{"):
        raise StorageError("is not a file that bpcompare wrote")
    if len(header) < length:
        raise StorageError("is cut short")
    try:
        metadata = json.loads(header).get("__metadata__", {})
        manifest = json.loads(metadata[FORMAT]) if FORMAT in metadata else None
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        raise StorageError("is damaged: its header cannot be read") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("kind"), str):
        raise StorageError("is not a file that bpcompare wrote")
    version, known = manifest.get("version"), VERSIONS.get(manifest["kind"], VERSION)
    if type(version) is not int or version < 1:
        raise StorageError(f"is damaged: {str(version)[:40]!r} is no version of a format")
    if version > known:
        raise StorageError(f"has format version {version}, this bpcompare reads up to {known}; install a newer bpcompare")
    return manifest, metadata[FORMAT]


def _dump_step(prefix: str, step: StepRecord, kept: _Arrays) -> Tree:
    content: Tree = {}
    optional = trees.defaults(StepRecord)
    for field in fields(StepRecord):
        found = getattr(step, field.name)
        if field.name in optional and not found:
            continue
        key = f"{prefix}/{field.name}"
        content[field.name] = (
            None if found is None else kept.put(key, found) if isinstance(found, Mapping) else kept.one(key, found)
        )
    return content


def _load_step(entry: Any, place: str, arrays: Mapping[str, Array]) -> StepRecord:
    optional = trees.defaults(StepRecord)
    found = trees.entries(entry, place, *(f.name for f in fields(StepRecord) if f.name not in optional), optional=optional)
    groups = {
        name: None if name == "plain" and found[name] is None else _group(found[name], f"{place}.{name}", arrays)
        for name in found
        if name != "error"
    }
    return StepRecord(error=written.array(found["error"], f"{place}.error", arrays), **groups)  # type: ignore[arg-type]


def _batch(entry: Any, place: str, arrays: Mapping[str, Array]) -> Batch:
    found = trees.entries(entry, place, "inputs", "target", "draws")
    target = written.array(found["target"], f"{place}.target", arrays)
    return Batch(_group(found["inputs"], f"{place}.inputs", arrays), target, _group(found["draws"], f"{place}.draws", arrays))


def _group(entry: Any, place: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return trees.each(entry, place, lambda key, where: written.array(key, where, arrays))


def _writable(make: Callable[[], T]) -> T:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise StorageError(f"cannot be saved: {error}") from error


def _readable(make: Callable[[], T]) -> T:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise StorageError(f"does not make sense: {error}") from error

"""Arrays of a .safetensors file, by the rules of the format: a JSON header with places, then the numbers, without gaps.

The format's own library maps the file, so that one that shrinks meanwhile ends the process, and keeps an object for each of a
million names. Here a header has a limit, and of the numbers only what is asked for is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.files.reading import Unreadable
from bpcompare.files.tensors.header import Header, read
from bpcompare.network.parameter import Array
from bpcompare.text.words import brief, quote

HEADER = 8 * 2**20
"""Bytes that the header of a data file may have: some 80,000 arrays."""
LENGTH = 8
DTYPES = {
    name: np.dtype(kind)
    for name, kind in {
        "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
        "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
    }.items()
}  # fmt: skip
"""The format's names of dtypes that NumPy has, too."""


@dataclass(frozen=True)
class Extent:
    """Where an array is in a file: its dtype as the format calls it, its shape, its first byte and the one after its last."""

    dtype: str
    shape: tuple[int, ...]
    first: int
    end: int


def layout(header: bytes, room: int) -> tuple[dict[str, Extent], Mapping[str, Any]]:
    """The places of all arrays in the `room` bytes behind `header`, and its metadata. Raises ValueError, saying why."""
    try:
        found = json.loads(header.decode("utf-8"), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("its header is no JSON object")
    metadata = found.pop("__metadata__", {})
    places = {name: _place(name, entry) for name, entry in found.items()}
    at = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].first, item[1].end)):
        if place.first != at:
            raise ValueError(f"{quote(name)} begins at byte {quote(place.first)}, what stands before it ends at {at:,}")
        at = place.end
    if at != room:
        raise ValueError(f"its arrays have {at:,} bytes, the file has {room:,}")
    return places, metadata if isinstance(metadata, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header gives a name twice")
    return found


def _place(name: str, entry: Any) -> Extent:
    try:
        dtype, shape, (first, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"of {quote(name)} its header gives no dtype, shape and place") from None
    if not isinstance(dtype, str) or any(type(x) is not int or not 0 <= x < 2**63 for x in (*shape, first, end)) or end < first:
        raise ValueError(f"of {quote(name)} its header gives no dtype, shape and place")
    if dtype in DTYPES and end - first != prod(shape) * DTYPES[dtype].itemsize:
        raise ValueError(f"{quote(name)} has shape {quote(shape)} and {end - first:,} bytes, which do not go together")
    return Extent(dtype, shape, first, end)


class Safetensors:
    """An open .safetensors file. Raises Unreadable where its bytes are no such file."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._name, self._file = path.name, file
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(LENGTH), "little")
        if size < LENGTH or length > size - LENGTH:
            raise Unreadable(f"{brief(self._name)} is not a whole .safetensors file: its header is cut short")
        if length > HEADER:
            raise Unreadable(f"the header of {brief(self._name)} has {length:,} bytes, the limit is {HEADER:,}")
        self._begin = LENGTH + length
        try:
            self._places, _ = layout(file.read(length), size - self._begin)
        except ValueError as error:
            raise Unreadable(f"{brief(self._name)} is not a whole .safetensors file: {str(error)[:200]}") from None
        self.names: Mapping[str, Any] = self._places

    def header(self, key: str) -> Header:
        """Shape and dtype of array `key`, one of `names`. Raises Unreadable for a dtype that NumPy lacks, or missing bytes."""
        place, who = self._places[key], f"{quote(key)} in {brief(self._name)}"
        if place.dtype not in DTYPES or place.dtype == "BOOL":
            raise Unreadable(f"{who} has dtype {place.dtype[:40]}; real numbers or integers are needed")
        return Header(who, place.shape, DTYPES[place.dtype]).checked(place.end - place.first)

    def array(self, key: str, *, real: bool) -> Array:
        """The array."""
        header = self.header(key)
        self._file.seek(self._begin + self._places[key].first)
        return read(self._file, header, real=real)

"""What a file says of an array before it is read, and how it is read then: piece by piece, into one array."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np

from bpcompare.files.reading import Unreadable
from bpcompare.network.parameter import Array
from bpcompare.text.words import quote

_PIECE = 2**20


@dataclass(frozen=True)
class Header:
    """Shape, dtype and order of an array; `who` is what messages call it."""

    who: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    in_columns: bool = False

    @property
    def held(self) -> int:
        """Bytes in the file."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def taken(self) -> int:
        """Bytes in memory: every number becomes a float64 or an int64."""
        return prod(self.shape) * 8

    def checked(self, room: int) -> Header:
        """Itself, if it can be an array of numbers in `room` bytes of a file. Raises Unreadable."""
        if any(type(size) is not int or size < 0 for size in self.shape):
            raise Unreadable(f"{self.who} claims shape {quote(self.shape)}")
        if self.dtype.kind not in "fiu":
            raise Unreadable(f"{self.who} has dtype {str(self.dtype)[:40]}; real numbers or integers are needed")
        if self.held > room:
            raise Unreadable(f"{self.who} claims shape {quote(self.shape)}, more than the file holds")
        return self


def read(file: IO[bytes], header: Header, *, real: bool) -> Array:
    """The array that stands in `file` from here on: float64 if `real`, else what is whole as int64. Raises Unreadable.

    It takes the memory of its numbers and no more, unless columns come first or uint64 beyond int64 has to become float64.
    """
    kind = np.float64 if real or header.dtype.kind == "f" else np.int64
    whole: Array = np.empty(header.shape[::-1] if header.in_columns else header.shape, kind)
    # Where the numbers of a uint64 fit into int64, they are the same bits there; NumPy would make float64 of the two.
    unsigned = kind is np.int64 and header.dtype.kind == "u"
    flat = whole.reshape(-1).view(np.uint64 if unsigned else kind)
    step = max(1, _PIECE // header.dtype.itemsize)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, step):
            count = min(step, flat.size - start)
            data = file.read(count * header.dtype.itemsize)
            if len(data) < count * header.dtype.itemsize:
                has = start * header.dtype.itemsize + len(data)
                raise Unreadable(f"{header.who} is cut short: it has {has:,} of {header.held:,} bytes")
            flat[start : start + count] = np.frombuffer(data, header.dtype)
    if unsigned and flat.size and flat.max() >= 2**63:
        whole = flat.astype(np.float64).reshape(whole.shape)
    return np.array(whole.T, order="C") if header.in_columns else whole

"""Files that a spec names: their bytes within a limit, and arrays from .npz and .safetensors. Nothing in them is executed."""

from __future__ import annotations

import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from bpcompare.parameter import Array
from bpcompare.problems.wording import did_you_mean, listed, quote

LARGEST_ARRAY = 2**30
"""Bytes that one array of a file may declare."""
_DEFLATE = 1040
"""Deflate makes nothing smaller than by this factor, so a larger declared ratio is a lie."""


class Unreadable(ValueError):  # noqa: N818 — it is what the file is
    """A file that cannot be used, in words for people."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def contents(path: Path, limit: int, what: str, hint: str = "") -> bytes:
    """The bytes of a file, decompressed if it ends in .gz. Raises Unreadable; reads no more than `limit`."""
    try:
        _regular(path)
        size = path.stat().st_size if path.suffix != ".gz" else 0
        data = b"" if size > limit else _read(path, limit + 1)
    except Unreadable:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unreadable(f"{path.name} is not a whole gzip file: {error}") from None
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error, path)) from None
    if size > limit or len(data) > limit:
        found = f"{size / 2**20:,.0f} MiB" if size > limit else "more"
        raise Unreadable(f"it has {found}, {what} may have {limit / 2**20:,.0f} MiB", hint)
    return data


def _read(path: Path, most: int) -> bytes:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return bytes(file.read(most))


def _regular(path: Path) -> None:
    """Refuses folders, and pipes and devices, which could keep a reader waiting for ever."""
    if path.exists() and not path.is_file():
        raise Unreadable(f"{quote(str(path))} is {'a folder' if path.is_dir() else 'not a regular file'}")


def missing_file(path: Path) -> str:
    """The hint for a file that does not exist: a neighbour of nearly its name."""
    try:
        if path.exists() or not path.parent.is_dir():
            return ""
        return did_you_mean(path.name, sorted(entry.name for entry in path.parent.iterdir()))
    except (OSError, ValueError):
        return ""


def tensors(path: Path, keys: Mapping[str, str]) -> dict[str, Array]:
    """Arrays of a .npz or .safetensors file: name to the array that the file calls `keys[name]`. Raises Unreadable."""
    try:
        _regular(path)
        if path.suffix == ".npz":
            return _npz(path, keys)
        if path.suffix == ".safetensors":
            return _safetensors(path, keys)
    except Unreadable:
        raise
    except (OSError, ValueError, MemoryError) as error:
        raise Unreadable(_reason(error, path), missing_file(path)) from None
    raise Unreadable(f"{path.name} is neither a .npz nor a .safetensors file", "the suffix says what a file is")


_BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, UnicodeDecodeError),
)
"""What zipfile raises on bytes that are no archive, or one of an unknown kind."""


def _npz(path: Path, keys: Mapping[str, str]) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            _known(path, keys, dict.fromkeys(name.removesuffix(".npy") for name in archive.namelist()))
            return {name: _member(archive, path, key) for name, key in keys.items()}
    except _BROKEN_ZIP as error:
        raise Unreadable(f"{path.name} is not a whole .npz file: {error}") from None


def _member(archive: zipfile.ZipFile, path: Path, key: str) -> Array:
    member = f"{key}.npy" if f"{key}.npy" in archive.NameToInfo else key
    info = archive.getinfo(member)
    if info.file_size > LARGEST_ARRAY or info.file_size > _DEFLATE * (info.compress_size + 1):
        raise Unreadable(f"{quote(key)} in {path.name} claims {info.file_size:,} bytes, which cannot be or is too many")
    with archive.open(member) as file:
        shape, dtype, in_columns = _npy_header(file, path, key)
        _real(path, key, dtype.kind in "fiu", str(dtype))
        wanted = prod(shape) * dtype.itemsize
        if wanted > info.file_size:
            raise Unreadable(f"{quote(key)} in {path.name} claims shape {list(shape)}, more than the file holds")
        data = file.read(wanted)
    if len(data) < wanted:
        raise Unreadable(f"{path.name} is cut short: {quote(key)} has {len(data)} of {wanted} bytes")
    return _standard(np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C"))


def _npy_header(file: IO[bytes], path: Path, key: str) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, in_columns, dtype = read(file)
    except (ValueError, KeyError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Unreadable(f"{quote(key)} in {path.name} is not a NumPy array") from error
    if any(size < 0 for size in shape):
        raise Unreadable(f"{quote(key)} in {path.name} claims shape {list(shape)}")
    return shape, dtype, in_columns


def _safetensors(path: Path, keys: Mapping[str, str]) -> dict[str, Array]:
    from safetensors import SafetensorError, safe_open

    found = {}
    try:
        with safe_open(path, framework="np") as file:
            _known(path, keys, dict.fromkeys(file.keys()))
            for name, key in keys.items():
                part = file.get_slice(key)
                _real(path, key, part.get_dtype() in _SAFETENSORS, part.get_dtype())
                if (wanted := 8 * prod(part.get_shape())) > LARGEST_ARRAY:
                    raise Unreadable(f"{quote(key)} in {path.name} needs {wanted:,} bytes, the limit is {LARGEST_ARRAY:,}")
                found[name] = _standard(file.get_tensor(key))
    except (SafetensorError, TypeError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{path.name} is not a whole .safetensors file: {error}") from None
    return found


_SAFETENSORS = frozenset({"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"})


def _known(path: Path, keys: Mapping[str, str], names: Collection[str]) -> None:
    for key in keys.values():
        if key not in names:
            raise Unreadable(f"{path.name} has no array {quote(key)}", did_you_mean(key, names) or f"it has {listed(names)}")


def _real(path: Path, key: str, real: bool, dtype: str) -> None:
    if not real:
        raise Unreadable(f"{quote(key)} in {path.name} has dtype {dtype}; real numbers or integers are needed")


def _standard(array: Array) -> Array:
    """float64 or int64, in a buffer of its own; what does not fit into int64 becomes float64."""
    whole = array.dtype.kind in "iu" and (array.dtype.kind == "i" or not array.size or array.max() < 2**63)
    return np.array(array, np.int64 if whole else np.float64, order="C")


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file {quote(str(path))}"
    if isinstance(error, PermissionError):
        return f"{quote(str(path))} may not be read by this user"
    if isinstance(error, MemoryError):
        return f"{path.name} does not fit into memory"
    return f"{quote(str(path))} cannot be read: {getattr(error, 'strerror', None) or error}"

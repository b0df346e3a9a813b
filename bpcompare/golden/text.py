"""A golden as text that people review: one number a line, named, with as many digits as give back its very bits."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from itertools import product
from math import isfinite, prod
from typing import Any

import numpy as np

from bpcompare.parameter import Array
from bpcompare.storage import StorageError
from bpcompare.tree import Tree

VERSION = 1
TITLE = "bpcompare golden"
MOST = 100_000_000
"""Elements an array of a text may claim to have: far more than fit into one."""
_TAIL = re.compile(r' "sha256": "([0-9a-f]{64})"\n}\n')
_SHAPE = re.compile(r"(\w{1,12}) \[(\d{1,9}(?:, \d{1,9}){0,31})?\]")
_SPECIAL = ("nan", "inf", "-inf")


def dumps(content: Tree, arrays: dict[str, Array]) -> bytes:
    """The text, in UTF-8. Floats are written in the fewest digits, up to 17, that read back as the same number."""
    kinds = {key: f"{x.dtype.name} {list(x.shape)}" for key, x in arrays.items()}
    head = {TITLE: VERSION, "content": content, "arrays": kinds}
    lines = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
    values = ",\n".join(f"  {json.dumps(name, ensure_ascii=False)}: {value}" for name, value in _values(arrays))
    body = f'{lines},\n "values": {{\n{values}\n }},\n'
    return f"{body}{_tail(body)}".encode()


def loads(data: bytes) -> tuple[Any, dict[str, Array]]:
    """Content and arrays of what `dumps` wrote. Raises StorageError for anything else, be it one character."""
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise StorageError("is not a golden that bpcompare wrote: it is no UTF-8 text") from error
    if not text.startswith(f'{{\n "{TITLE}": '):
        raise StorageError("is not a golden that bpcompare wrote")
    version = re.match(r"0*([1-9]\d{0,8})(?=,\n)", text[len(f'{{\n "{TITLE}": ') :])
    if version is None:
        raise StorageError("is not a golden that bpcompare wrote: its format has no version")
    if int(version[1]) > VERSION:
        raise StorageError(f"has format version {version[1]}, this bpcompare reads up to {VERSION}; install a newer bpcompare")
    body, mark, tail = text.rpartition(' "sha256": ')
    if not _TAIL.fullmatch(mark + tail):
        raise StorageError("is cut short: its last lines are missing")
    if mark + tail != _tail(body):
        raise StorageError("was changed after it was written, or is damaged: its checksum does not match")
    try:
        found = json.loads(text)
        return found["content"], _arrays(found["arrays"], found["values"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(f"does not make sense: {error}") from error


def _tail(body: str) -> str:
    return f' "sha256": "{sha256(body.encode()).hexdigest()}"\n}}\n'


def _values(arrays: dict[str, Array]) -> list[tuple[str, str]]:
    return [
        (f"{key}{_index(at)}", _number(value))
        for key, x in arrays.items()
        for at, value in zip(product(*map(range, x.shape)), x.reshape(-1).tolist(), strict=True)
    ]


def _index(at: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, at))}]" if at else ""


def _number(value: Any) -> str:
    if isinstance(value, float) and not isfinite(value):
        return f'"{value!r}"'
    return json.dumps(value)


def _arrays(kinds: dict[str, str], values: dict[str, Any]) -> dict[str, Array]:
    remaining = iter(values.items())
    found = {}
    for key, kind in kinds.items():
        match = _SHAPE.fullmatch(kind)
        if match is None:
            raise ValueError(f"{key}: {kind!r} is no dtype with a shape")
        shape = tuple(map(int, match[2].split(", "))) if match[2] else ()
        if prod(shape) > MOST:
            raise ValueError(f"{key}: {prod(shape):,} elements")
        flat = []
        for at in product(*map(range, shape)):
            name, value = next(remaining, ("", None))
            if name != f"{key}{_index(at)}":
                raise ValueError(f"{key}{_index(at)} is missing")
            flat.append(_value(name, value))
        found[key] = np.array(flat, np.dtype(match[1])).reshape(shape)
    if (more := next(remaining, None)) is not None:
        raise ValueError(f"unknown {more[0]}")
    return found


def _value(name: str, value: Any) -> Any:
    if isinstance(value, str) and value in _SPECIAL:
        return float(value)
    if not isinstance(value, int | float):
        raise ValueError(f"{name}: {value!r} is no number")
    return value

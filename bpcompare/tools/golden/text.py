"""A golden as text that people review: one named number a line, with enough digits to restore exactly the same bits."""

from __future__ import annotations

import json
import re
from itertools import product
from math import isfinite, prod
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.plan.storage import StorageError
from bpcompare.plan.trees import Tree
from bpcompare.tools.golden.seal import sealed, unsealed

VERSION = 1
TITLE = "bpcompare golden"
MOST_ELEMENTS = 100_000_000
"""Elements an array of a text may claim to have: far more than fit into one."""
_SHAPE = re.compile(r"(\w{1,12}) \[(\d{1,9}(?:, \d{1,9}){0,31})?\]")
_SPECIAL = ("nan", "inf", "-inf")


def dumps(content: Tree, arrays: dict[str, Array]) -> bytes:
    """The text, in UTF-8. Floats are written in the fewest digits, up to 17, that read back as the same number."""
    kinds = {key: f"{x.dtype.name} {list(x.shape)}" for key, x in arrays.items()}
    head = {TITLE: VERSION, "content": content, "arrays": kinds}
    lines = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
    values = ",\n".join(f"  {json.dumps(name, ensure_ascii=False)}: {value}" for name, value in _values(arrays))
    return sealed(f'{lines},\n "values": {{\n{values}\n }},\n')


def loads(data: bytes) -> tuple[Any, dict[str, Array]]:
    """Content and arrays of what `dumps` wrote. Raises StorageError for anything else, be it one character."""
    found = unsealed(data, TITLE, VERSION)
    try:
        return found["content"], _arrays(found["arrays"], found["values"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(f"does not make sense: {error}") from error


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
        if prod(shape) > MOST_ELEMENTS:
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

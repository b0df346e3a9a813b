"""The kinds of value a spec may hold besides plain numbers and text. Each is checked in plain words and says its JSON Schema."""

from __future__ import annotations

from sys import intern
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from bpcompare.network.parameter import Array
from bpcompare.text.words import quote

AXES = 8
"""Nesting that lists of numbers may have, and axes of a shape."""
LARGEST_FLOAT = 1.7976931348623157e308

Json = dict[str, Any]
_INTEGER: Json = {"type": "integer"}
_TEXT: Json = {"type": "string"}


def refuse(reason: str) -> PydanticCustomError:
    """An error that is already worded for people."""
    return PydanticCustomError("worded", "{reason}", {"reason": reason})


def numbers(value: Any) -> Array:
    """A number, or lists of numbers nested without gaps, as float64, or as int64 where all are whole. Raises a worded error."""
    shape: list[int] = []
    probe = value
    while type(probe) is list:
        shape.append(len(probe))
        if not probe:
            break
        if len(shape) > AXES:
            raise refuse(f"lists are nested more than {AXES} deep")
        probe = probe[0]
    flat = [value]
    for axis, size in enumerate(shape):
        for index, row in enumerate(flat):
            if type(row) is not list or len(row) != size:
                place = _place(index, shape[:axis])
                found = f"{len(row)} entries" if type(row) is list else quote(row)
                raise refuse(f"{place} is {found} where {'others have' if axis else 'a list has'} {size} entries")
        flat = [entry for row in flat for entry in row]
    for index, entry in enumerate(flat):
        if type(entry) is not float and type(entry) is not int:
            raise refuse(f"{_place(index, shape)} is {quote(entry)}, not a number")
    return _array(flat, shape)


def _array(flat: list[Any], shape: list[int]) -> Array:
    if not flat:
        return np.zeros(shape)
    if all(type(entry) is int and abs(entry) < 2**63 for entry in flat):
        return np.array(flat, np.int64).reshape(shape)
    try:
        array = np.array(flat, np.float64).reshape(shape)
    except OverflowError:
        raise refuse("holds a whole number that is too large for a float64") from None
    if not np.isfinite(array).all():
        index = int(np.argmin(np.isfinite(array).reshape(-1)))
        raise refuse(f"{_place(index, shape)} is {flat[index]}; numbers must be finite")
    return array


def _place(index: int, shape: list[int]) -> str:
    at = []
    for size in reversed(shape):
        at.append(index % size)
        index //= size
    return "entry " + "".join(f"[{i}]" for i in reversed(at)) if at else "it"


def _weights(value: Any) -> Array | dict[str, dict[str, float]]:
    if type(value) is not dict:
        return numbers(value)
    for unit, edges in value.items():
        if type(edges) is not dict:
            example = "{x1 = 0.1, bias = 0.2}"
            raise refuse(f"{quote(unit)} must be a table of weights by source, such as {example}, is {quote(edges)}")
        for source, weight in edges.items():
            if type(weight) not in (float, int):
                raise refuse(f"the weight from {quote(source)} to {quote(unit)} is {quote(weight)}, not a number")
            if not abs(weight) <= LARGEST_FLOAT:
                raise refuse(f"the weight from {quote(source)} to {quote(unit)} is {quote(weight)}; numbers must be finite")
    return value


def whole(value: int) -> int:
    """A whole number of 64 bits, as TOML has them. Raises a worded error."""
    if not -(2**63) <= value < 2**63:
        raise refuse(f"must be a whole number of at most 64 bits, is {quote(value)}")
    return value


def _whole_or_index(value: Any) -> int | str:
    if type(value) is int:
        return whole(value)
    if type(value) is str and value[:1] == "{" and value[-1:] == "}":
        return value
    raise refuse(f'must be a whole number, or one that depends on the index, such as "{{t}}" or "{{t+1}}", is {quote(value)}')


def _are_whole(value: Any) -> bool:
    return type(value) is list and all(type(entry) is int and whole(entry) == entry for entry in value)


def _pair(value: Any) -> tuple[int, int]:
    if type(value) is int:
        return (whole(value), value)
    if _are_whole(value) and len(value) == 2:
        return (value[0], value[1])
    raise refuse(f"must be a whole number or a pair of them, is {quote(value)}")


def _names(value: Any) -> tuple[str, ...]:
    if type(value) is list and all(type(entry) is str for entry in value):
        return tuple(value)
    raise refuse(f"must be a list of names, is {quote(value)}")


def _sources(value: Any) -> tuple[str, ...]:
    if type(value) is str:
        return (value,)
    if type(value) is list and all(type(entry) is str for entry in value):
        return tuple(map(intern, value))  # one text for each name, however many layers read it
    raise refuse(f"must name an input or layer, or list several, is {quote(value)}")


def _units(value: Any) -> int | tuple[str, ...]:
    if type(value) is int:
        return whole(value)
    if type(value) is list and all(type(entry) is str for entry in value):
        return tuple(value)
    raise refuse(f"must be how many, or a list of names, is {quote(value)}")


def _shape(value: Any) -> tuple[int, ...]:
    if not _are_whole(value):
        raise refuse(f"must be a list of whole numbers, is {quote(value)}")
    if len(value) > AXES:
        raise refuse(f"has {len(value)} axes, the limit is {AXES}")
    return tuple(value)


def _column(value: Any) -> int | str | tuple[int, int] | tuple[str, ...]:
    if type(value) is int:
        return whole(value)
    if type(value) is str:
        return value
    if _are_whole(value) and len(value) == 2:
        return (value[0], value[1])
    if type(value) is list and value and all(type(entry) is str for entry in value):
        return tuple(value)
    raise refuse(f"must be a column number, a range [first, end] without its end, or names of columns, is {quote(value)}")


def _switch_or_id(value: Any) -> bool | str:
    if type(value) in (bool, str):
        return value  # type: ignore[no-any-return]
    raise refuse(f"must be true, false, or the name of a shared parameter, is {quote(value)}")


def _list(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


_NESTED: Json = {"type": ["number", "array"], "description": "A number, or nested lists of numbers."}
_EDGES: Json = {
    "type": "object",
    "description": "Weights by unit, then by source unit or bias.",
    "additionalProperties": {"type": "object", "additionalProperties": {"type": "number"}},
}

Numbers = Annotated[Any, PlainValidator(numbers), WithJsonSchema(_NESTED)]
Weights = Annotated[Any, PlainValidator(_weights), WithJsonSchema({"anyOf": [_EDGES, _list({"type": ["number", "array"]})]})]
Whole = Annotated[int, AfterValidator(whole)]
WholeOrIndex = Annotated[
    Any, PlainValidator(_whole_or_index), WithJsonSchema({"anyOf": [_INTEGER, {**_TEXT, "pattern": r"^\{.*\}$"}]})
]
Pair = Annotated[Any, PlainValidator(_pair), WithJsonSchema({"anyOf": [_INTEGER, _list(_INTEGER, minItems=2, maxItems=2)]})]
Names = Annotated[tuple[str, ...], PlainValidator(_names), WithJsonSchema(_list(_TEXT))]
Sources = Annotated[tuple[str, ...], PlainValidator(_sources), WithJsonSchema({"anyOf": [_TEXT, _list(_TEXT)]})]
Units = Annotated[Any, PlainValidator(_units), WithJsonSchema({"anyOf": [_INTEGER, _list(_TEXT)]})]
Extent = Annotated[tuple[int, ...], PlainValidator(_shape), WithJsonSchema(_list(_INTEGER))]
Column = Annotated[
    Any,
    PlainValidator(_column),
    WithJsonSchema({"anyOf": [_INTEGER, _TEXT, _list(_INTEGER, minItems=2, maxItems=2), _list(_TEXT, minItems=1)]}),
]
SwitchOrId = Annotated[Any, PlainValidator(_switch_or_id), WithJsonSchema({"type": ["boolean", "string"]})]

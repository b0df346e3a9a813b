"""TOML of many layers: their plain lines by parsers in C, all else by Python's parser of TOML. The same tables.

Python's parser is written in Python: of a graph of ten thousand nodes it took half of what reading the spec takes.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

FEWEST = 50
"""Layers from which on it pays to look for plain lines."""
_HEADER = re.compile(r"\[layers\.([A-Za-z0-9_-]+)\]")
_LINE = re.compile(r"([A-Za-z0-9_-]+)[ \t]*=[ \t]*(.+)")
_STRING = re.compile(r'"[^"\\\x00-\x1f\x7f]*"')
_ARRAY = re.compile(r"\[[^\[\]{}\\\x00-\x1f\x7f]*\]")
"""Without tables, lists in it and escapes: what TOML and JSON write alike, but for `null`."""


def loads(text: str) -> dict[str, Any]:
    """As `tomllib.loads`, which is asked where anything is wrong, for it says what and where. Equal tables may be one object."""
    if text.count("\n[layers.") < FEWEST or '"""' in text or "'''" in text or "\r\r" in text:
        return tomllib.loads(text)
    taken, rest = _apart(text.replace("\r\n", "\n").split("\n"))
    # The headers of all tables are in the rest: the parser sees that they stand where a header may, once each.
    try:
        found = tomllib.loads("\n".join(rest))
    except ValueError:
        return tomllib.loads(text)
    layers: Any = found.get("layers")
    for name, table in taken.items():
        layer = layers[name] if type(layers) is dict else None
        if type(layer) is not dict or not layer.keys().isdisjoint(table):
            return tomllib.loads(text)
        layers[name] = table | layer
    return found


def _apart(lines: list[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What the plain lines behind the headers of layers say, by layer; and all other lines."""
    taken: dict[str, dict[str, Any]] = {}
    rest: list[str] = []
    once: dict[str, Any] = {}
    table: dict[str, Any] | None = None
    for line in lines:
        if header := _HEADER.fullmatch(line):
            table = taken.setdefault(header.group(1), {})
        elif table is not None:
            said = _LINE.fullmatch(line)
            if said is not None and said.group(1) not in table:
                try:
                    table[said.group(1)] = _value(said.group(2), once)
                except ValueError:  # it goes on in the next line, or is wrong
                    pass
                else:
                    continue
            if line.strip(" \t") and line[0] != "#":  # what comes behind it, until the next header, may be a part of it
                table = None
        rest.append(line)
    return taken, rest


def _value(text: str, once: dict[str, Any]) -> Any:
    """The value that `text` is, as a whole. Raises ValueError where it is none. `once`: what was read already."""
    if _STRING.fullmatch(text):
        return text[1:-1]
    if text not in once:
        if _ARRAY.fullmatch(text) and "null" not in text:
            return _JSON.decode(text)
        once[text] = tomllib.loads(f"v = {text}")["v"]
    return once[text]


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not a number")


_JSON = json.JSONDecoder(parse_constant=_refused)
